//! The worker: processes queue messages (webhook events, syncs, patients' commands) and returns the ones to retry.
//!
//! A batch becomes jobs in `batch`. Each job ends with a `delivery::Outcome`, which decides what happens to
//! its messages. Webhook events are collected in the patient's inbox (`webhook_events`); a sync goes through the four
//! phases of `sync`; a command is carried out in `commands`.

mod arrivals;
mod batch;
mod commands;
mod config;
mod counters;
mod day_change;
mod delivery;
mod deps;
mod diff;
mod fetch_outcome;
mod fetched_records;
mod fetcher;
mod history_outcome;
mod look_back;
mod matching;
mod nightly_outcome;
mod progress;
mod purge;
mod revocation;
mod schedule;
mod sync;
mod sync_outcome;
mod sync_plan;
mod type_progress;
mod unlisted;
mod unreadable;
mod webhook_coverage;
mod webhook_events;

pub use crate::batch::handle;
pub use crate::config::Config;
pub use crate::deps::Deps;
