//! Outages of Oura.

use std::time::Duration;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::answers::bare;

/// Milliseconds that a request hangs by default: longer than any client should wait.
const DEFAULT_HANG_MS: u64 = 60_000;

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

    /// True if the outage applies to a request.
    pub(crate) fn applies_to(&self, path: &str, now: Timestamp) -> bool {
        let down = match self.target {
            OutageTarget::All => true,
            OutageTarget::Data => path.starts_with("/v2/usercollection/"),
            OutageTarget::Token => {
                (path.starts_with("/oauth/") && path != "/oauth/authorize") || path.starts_with("/new-portal/")
            }
        };
        down && self.from.is_none_or(|from| from <= now) && self.until.is_none_or(|until| now < until)
    }

    /// Delay before the answer.
    pub(crate) fn delay(&self) -> Duration {
        match self.kind {
            OutageKind::Hang => Duration::from_millis(self.hang_ms.unwrap_or(DEFAULT_HANG_MS)),
            _ => Duration::ZERO,
        }
    }

    /// The answer; `None` closes the connection.
    pub(crate) fn response(&self) -> Option<Response> {
        match self.kind {
            OutageKind::Unavailable => Some(bare(StatusCode::SERVICE_UNAVAILABLE)),
            OutageKind::Gateway => {
                let page = "<html><head><title>502 Bad Gateway</title></head><body>Bad Gateway</body></html>";
                let html = [(header::CONTENT_TYPE, "text/html")];
                Some((StatusCode::BAD_GATEWAY, html, Body::from(page)).into_response())
            }
            OutageKind::Drop | OutageKind::Hang => None,
        }
    }
}
