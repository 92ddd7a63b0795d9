//! Whole-stack tests: the production handlers and adapters against the embedded engines and the simulated Oura.

#![expect(missing_docs, clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod architecture;
mod backfill;
mod connect_flow;
mod crashes;
mod daily;
mod faults;
mod vault;
mod world;
