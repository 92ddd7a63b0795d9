//! The AWS adapters: everything that knows a table's keys, a secret's name or a queue's URL.

mod app_secret;
mod bus;
mod cached_secret;
mod config;
mod connections;
mod days;
mod error;
mod inbox;
mod limits;
mod nightly_runs;
mod outbox;
mod purges;
mod queue;
mod rate_limit;
mod runs;
mod table;
mod token_endpoint;
mod tokens;
mod webhook_days;

pub use app_secret::{AppSecret, AppSecrets};
pub use aws_config::SdkConfig;
pub use bus::Bus;
pub use config::{load, load_interactive, settings};
pub use connections::{
    ActivePage, Advanced, BackfillEnd, ConnectOutcome, Connections, Disconnected, LeaseOutcome, PatientConnections,
    PendingConnect, Proof, StoredState, SyncEnd, TakeOutcome, TakenState,
};
pub use days::{
    Commit, DailyStatsTable, DayChange, Days, PatientDays, PatientDaysReader, RecordWrite, RecordsPage, StoredDay,
    WearableDataTable,
};
pub use error::StoreError;
pub use inbox::{Inbox, InboxContents};
pub use limits::{Limits, Rate};
pub use nightly_runs::{NightlyRunCounts, NightlyRunState, NightlyRuns, PlanCursor, RunStatus};
pub use outbox::{Drained, Outbox};
pub use purges::{Purge, PurgeRequest, PurgeScope, Purges, TakenPurge};
pub use queue::Queue;
pub use rate_limit::{OuraStatus, SharedRateLimit, TakeError};
pub use runs::{Ended, PendingEvents, RunProgress, Runs, SyncRun};
pub use token_endpoint::{TokenEndpoint, TokenEndpointStatus, TokenGate};
pub use tokens::{Resealed, Stored, StoredTokens, TokenSettings, TokenStore, TokenVaultKind};
pub use webhook_days::{WebhookDay, WebhookDays};
