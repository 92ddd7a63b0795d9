//! Whole-stack tests: the production handlers and adapters against the embedded engines and the simulated Oura.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::large_futures, reason = "a test may stop, and lives once")]
#![expect(clippy::duplicate_mod, reason = "the vault's tests run once with each of its kinds")]

mod absence;
mod active;
mod architecture;
mod backfill;
mod baselines;
mod connect_flow;
mod contracts;
mod crashes;
mod daily;
mod ending;
mod faults;
mod nights;
mod notices;
mod openapi;
mod portals;
mod reading;
mod refresh_conditions;
mod token_moves;
mod token_races;
mod token_vaults;
mod vault;
#[path = "vault.rs"]
mod vault_sealed;
mod webhooks;
