//! The effects of the active faults on one call.

use std::time::Duration;

use http::StatusCode;

use super::call::Service;
use super::reply::Reply;

/// The effects on one call.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Plan {
    pub delay: Duration,
    pub failing_entries: Vec<FailingEntries>,
    pub ending: Ending,
}

/// Entries of a batch that fail. No index means all.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct FailingEntries {
    pub entries: Vec<usize>,
    pub code: String,
}

impl Plan {
    /// The code with which the entry fails by order, if it does.
    pub fn entry_failure(&self, index: usize) -> Option<&str> {
        let named = |failing: &&FailingEntries| failing.entries.is_empty() || failing.entries.contains(&index);
        self.failing_entries.iter().find(named).map(|failing| failing.code.as_str())
    }
}

/// End of a call.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) enum Ending {
    /// As the engine answers.
    #[default]
    Normal,
    /// Without effect.
    Before(Failure),
    /// With the effect, but not with its answer.
    After(Failure),
}

/// Failure as the caller sees it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Failure {
    Error { status: u16, code: String, message: String },
    Throttled,
    Dropped,
    Stopped,
}

impl Failure {
    /// The answer; `None` when the connection is cut.
    pub fn reply(&self, service: Service) -> Option<Reply> {
        match self {
            Self::Error { status, code, message } => {
                let status = StatusCode::from_u16(*status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
                Some(Reply::error(service, status, code, message))
            }
            Self::Throttled => Some(Reply::refused(service, service.throttling_code(), "Rate exceeded")),
            // A client error, so that the SDK does not retry the calls of a dead process.
            Self::Stopped => {
                Some(Reply::refused(service, "StoppedByFault", "A fault stopped every call until it is cleared"))
            }
            Self::Dropped => None,
        }
    }
}
