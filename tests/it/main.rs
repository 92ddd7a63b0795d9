//! Whole-stack tests: the production handlers and adapters against the embedded engines and the simulated Oura.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::large_futures, reason = "a test may stop, and lives once")]

mod architecture;
mod backfill;
mod connect_flow;
mod contracts;
mod crashes;
mod daily;
mod faults;
mod notices;
mod refresh_conditions;
mod token_races;
mod vault;
mod webhooks;
mod world;
