//! Whole-stack tests: the production handlers and adapters against the embedded engines and the simulated Oura.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::large_futures, reason = "a test may stop, and lives once")]
#![expect(clippy::duplicate_mod, reason = "the vault's tests run once with each of its kinds")]

mod absence;
mod active_index;
mod api_routes;
mod architecture;
mod backfill;
mod baselines;
mod callback_repeats;
mod connect_flow;
mod consents;
mod crashes;
mod deletions;
mod disconnect;
mod faults;
mod history_progress;
mod nightly_runs;
mod openapi;
mod portals;
mod published_events;
mod sizes;
mod slow_answers;
mod token_migration;
mod token_races;
mod token_refusals;
mod token_vaults;
mod vault;
mod vault_model;
#[path = "vault.rs"]
mod vault_sealed;
mod webhook_delivery;
mod webhook_events;
