//! The AWS adapters: everything that knows a table's keys, a secret's name or a queue's URL.

mod bus;
mod config;
mod connections;
mod days;
mod error;
mod inbox;
mod item;
mod outbox;
mod queue;
mod runs;
mod secrets;
mod transact;
mod webhook_days;

pub use aws_config::SdkConfig;
pub use bus::Bus;
pub use config::{load, load_for_callers_who_wait, settings};
pub use connections::{
    Advanced, ConnectOutcome, Connections, Consumed, Disconnected, LeaseOutcome, PatientConnections, PendingConnect,
    Proof, StoredState, SyncEnd,
};
pub use days::{Commit, DailyStatsTable, DayChange, Days, RecordWrite, StoredDay};
pub use error::StoreError;
pub use inbox::{Gathered, Inbox};
pub use outbox::{Drained, Outbox};
pub use queue::Queue;
pub use runs::{Announced, Ended, Found, RunProgress, Runs, SyncRun};
pub use secrets::{AppSecret, AppSecrets, Stored, StoredTokens, TokenSecrets};
pub use webhook_days::{WebhookDay, WebhookDays};
