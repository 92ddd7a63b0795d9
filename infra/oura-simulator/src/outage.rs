//! Times at which Oura is down.

use std::time::Duration;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::answers::bare;

/// How long a request hangs when nobody said otherwise: longer than any client should wait.
const HANGS: u64 = 60_000;

/// How an outage shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OutageKind {
    /// 503 without a body.
    Unavailable,
    /// 502 with a page of HTML, as from a gateway whose servers are gone.
    Gateway,
    /// The connection is closed without an answer.
    Drop,
    /// There is no answer for a long time, and then the connection is closed.
    Hang,
}

/// What is down.
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

/// A time at which requests are not answered as they should be. They have no effect then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Outage {
    /// How it shows.
    pub kind: OutageKind,
    /// What is down.
    #[serde(default)]
    pub target: OutageTarget,
    /// When it begins, by the cloud's clock; at once when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Timestamp>,
    /// When it is over, by the cloud's clock; when it is ended by hand when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// How long a request hangs, by the machine's clock; a minute when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hang_ms: Option<u64>,
}

/// An outage that cannot be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an outage must end after it begins")]
pub struct InvalidOutage;

impl Outage {
    /// One of everything, from now until it is ended by hand.
    #[must_use]
    pub fn new(kind: OutageKind) -> Self {
        Self { kind, target: OutageTarget::All, from: None, until: None, hang_ms: None }
    }

    pub(super) fn check(&self) -> Result<(), InvalidOutage> {
        match (self.from, self.until) {
            (Some(from), Some(until)) if from >= until => Err(InvalidOutage),
            _ => Ok(()),
        }
    }

    /// Whether a request of this path at this moment meets it.
    pub(super) fn meets(&self, path: &str, now: Timestamp) -> bool {
        let down = match self.target {
            OutageTarget::All => true,
            OutageTarget::Data => path.starts_with("/v2/usercollection/"),
            OutageTarget::Token => {
                (path.starts_with("/oauth/") && path != "/oauth/authorize") || path.starts_with("/new-portal/")
            }
        };
        down && self.from.is_none_or(|from| from <= now) && self.until.is_none_or(|until| now < until)
    }

    /// How long nothing happens first.
    pub(super) fn delay(&self) -> Duration {
        match self.kind {
            OutageKind::Hang => Duration::from_millis(self.hang_ms.unwrap_or(HANGS)),
            _ => Duration::ZERO,
        }
    }

    /// The answer, if there is one.
    pub(super) fn response(&self) -> Option<Response> {
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
