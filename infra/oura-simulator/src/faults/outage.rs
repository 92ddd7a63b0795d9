//! Outages of Oura.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::fault::Fault;

/// Milliseconds that a request hangs by default: longer than any client should wait.
const DEFAULT_HANG_MS: u64 = 60_000;

const GATEWAY_PAGE: &str = "<html><head><title>502 Bad Gateway</title></head><body>Bad Gateway</body></html>";

/// Symptom of an outage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OutageKind {
    /// 503 without a body.
    Unavailable,
    /// 502 with a page of HTML, as from a gateway without servers.
    Gateway,
    /// The connection is closed without an answer.
    Drop,
    /// No answer for a long time, then the connection is closed.
    Hang,
}

/// Endpoints of an outage.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OutageTarget {
    /// Everything but the control API.
    #[default]
    All,
    /// `/v2/usercollection/`.
    Data,
    /// The token and revocation endpoints of both hosts.
    Token,
}

/// A period in which requests fail and have no effect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Outage {
    pub kind: OutageKind,
    #[serde(default)]
    pub target: OutageTarget,
    /// Start by the simulator's clock; at once if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Timestamp>,
    /// End by the simulator's clock; ended by hand if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// Milliseconds that a request hangs by the machine's clock; a minute if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hang_ms: Option<u64>,
}

/// An outage whose end is not after its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an outage must end after it begins")]
pub struct InvalidOutage;

impl Outage {
    /// An outage of all endpoints, from now until it is ended by hand.
    #[must_use]
    pub fn new(kind: OutageKind) -> Self {
        Self { kind, target: OutageTarget::All, from: None, until: None, hang_ms: None }
    }

    pub(crate) fn check(&self) -> Result<(), InvalidOutage> {
        match (self.from, self.until) {
            (Some(from), Some(until)) if from >= until => Err(InvalidOutage),
            _ => Ok(()),
        }
    }

    /// The fault that an outage is.
    pub(crate) fn fault(&self) -> Fault {
        let path = match self.target {
            OutageTarget::All => "*",
            OutageTarget::Data => "/v2/usercollection/*",
            OutageTarget::Token => "/oauth/token,/oauth/revoke,/new-portal/*",
        };
        let fault = Fault { from: self.from, until: self.until, ..Fault::on(path) };
        match self.kind {
            OutageKind::Unavailable => fault.status(503),
            OutageKind::Gateway => Fault {
                headers: [("content-type".to_owned(), "text/html".to_owned())].into(),
                ..fault.status(502).body(json!(GATEWAY_PAGE))
            },
            OutageKind::Drop => Fault { drop_connection: true, ..fault },
            OutageKind::Hang => {
                Fault { delay_ms: Some(self.hang_ms.unwrap_or(DEFAULT_HANG_MS)), drop_connection: true, ..fault }
            }
        }
    }
}
