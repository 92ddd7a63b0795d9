//! Errors of Oura, shaped by what their callers do. No text here holds a body, a token or a measured value.

use std::time::Duration;

use super::throttled::{ThrottleReason, Throttled};
use crate::domain::FetchFailure;

/// Error of a request for data.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "fields whose names say it")]
pub enum OuraError {
    /// 401: the token has expired, or its scope was never granted. Oura responds to a missing scope with 401 too.
    #[error("Oura does not accept the access token")]
    Unauthorized {
        /// True if the response mentions a scope: the token is valid, and a refresh does not help.
        names_scope: bool,
    },
    /// 403: the membership is not active (or, by the documentation, a scope is missing).
    #[error("Oura gives no data for this user")]
    Forbidden,
    /// 426: the user's Oura app is older than Oura's minimum. A retry does not help, and it is no reason to disconnect.
    #[error("the user's Oura app is too old")]
    AppOutdated,
    /// 429: Oura's rate limit is reached.
    #[error("Oura's rate limit is reached")]
    RateLimited {
        /// Holder of the limit; Oura does not always say.
        tier: Option<RateTier>,
        /// Delay before a retry, at most 15 minutes; Oura does not always say.
        retry_after: Option<Duration>,
        /// Limit that was reached, in requests per five minutes; Oura does not always say.
        limit: Option<u32>,
    },
    /// The rate limiter did not let the request through; see [`ThrottleReason`].
    #[error("the request was throttled ({reason})")]
    Throttled { reason: ThrottleReason, retry_after: Duration },
    /// 404: no such document, or not yet: a document may appear minutes after its webhook.
    #[error("Oura has no such document")]
    NotFound,
    /// Another status that no retry changes.
    #[error("Oura refused the request with status {status}")]
    Rejected { status: u16 },
    /// 5xx, 408, no connection, timeout, or an incomplete response.
    #[error("Oura does not respond")]
    Unavailable {
        /// HTTP status, if there was a response.
        status: Option<u16>,
    },
    /// The response as a whole is not what Oura documents.
    #[error("Oura's response is malformed at {path}")]
    Malformed {
        /// Place in the JSON; `.` is the response as a whole.
        path: String,
    },
    /// The response is larger than is read.
    #[error("Oura's response is too large")]
    TooLarge,
    /// The pages of a list do not end: a page token was repeated, or there were too many.
    #[error("Oura's pages do not end")]
    Paging,
}

impl OuraError {
    /// Delay after a 429 without one: Oura's rate-limit window.
    const RATE_LIMIT_WINDOW: Duration = Duration::from_secs(300);

    /// Failure that is recorded for it.
    #[must_use]
    pub fn failure(&self) -> FetchFailure {
        match self {
            Self::Unauthorized { names_scope: true } => FetchFailure::ScopeNotGranted,
            Self::Unauthorized { names_scope: false } => FetchFailure::Unauthorized,
            Self::Forbidden => FetchFailure::Forbidden,
            Self::AppOutdated => FetchFailure::AppOutdated,
            Self::RateLimited { .. } => FetchFailure::RateLimited,
            Self::Throttled { reason, .. } => reason.failure(),
            Self::NotFound => FetchFailure::NotFound,
            Self::Rejected { .. } => FetchFailure::Rejected,
            Self::Unavailable { .. } => FetchFailure::Unavailable,
            Self::Malformed { .. } => FetchFailure::Malformed,
            Self::TooLarge => FetchFailure::TooLarge,
            Self::Paging => FetchFailure::Paging,
        }
    }

    /// True if the same request may succeed later without a change on this side.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::RateLimited { .. } | Self::Throttled { .. } | Self::Unavailable { .. })
    }

    /// Delay before a retry, if waiting is all that a retry needs: the request was throttled, here or by Oura.
    #[must_use]
    pub fn throttle_delay(&self) -> Option<Duration> {
        match self {
            Self::Throttled { retry_after, .. } => Some(*retry_after),
            Self::RateLimited { retry_after, .. } => Some(retry_after.unwrap_or(Self::RATE_LIMIT_WINDOW)),
            _ => None,
        }
    }

    pub(super) fn malformed(path: &str) -> Self {
        Self::Malformed { path: path.to_owned() }
    }
}

impl From<Throttled> for OuraError {
    fn from(Throttled { reason, retry_after }: Throttled) -> Self {
        Self::Throttled { reason, retry_after }
    }
}

/// Holder of a rate limit (`X-RateLimit-Tier`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RateTier {
    /// The whole app: every patient's requests have to wait.
    Application,
    /// This patient only.
    Token,
}

/// Error of the token endpoint. All but [`TokenError::InvalidGrant`] are systemic: they say nothing about the patient's
/// consent and never end it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "fields whose names say it")]
pub enum TokenError {
    /// The code or refresh token is invalid (RFC 6749, section 5.2). Only a JSON response with `"error":"invalid_grant"`
    /// counts as this.
    #[error("Oura refused the grant: invalid_grant")]
    InvalidGrant,
    /// Refused for another reason, so no token was spent: wrong host or client, rate limit, a proxy's page.
    #[error("Oura's token endpoint refused the request with status {status}")]
    Refused {
        status: u16,
        /// Error code of RFC 6749, such as `invalid_client`, if there was one.
        error: Option<String>,
        /// Delay before a retry, if the response named one.
        retry_after: Option<Duration>,
    },
    /// There was no connection, so no token was spent.
    #[error("Oura's token endpoint was not reached")]
    NotSent,
    /// Timeout, 5xx, a broken connection, or a success with an unreadable body: the token may be spent.
    #[error("the outcome of a request to Oura's token endpoint is unknown")]
    OutcomeUnknown {
        /// HTTP status, if there was a response.
        status: Option<u16>,
    },
}

impl TokenError {
    /// True if Oura said that this code or token is invalid.
    #[must_use]
    pub fn is_invalid_grant(&self) -> bool {
        matches!(self, Self::InvalidGrant)
    }

    /// True if it says nothing about the patient: the app, the host or the network is at fault.
    #[must_use]
    pub fn is_systemic(&self) -> bool {
        !self.is_invalid_grant()
    }

    /// True if the refusal may concern this token alone, although it is not called `invalid_grant`: some servers answer a spent
    /// token in other words.
    #[must_use]
    pub fn is_perhaps_of_token(&self) -> bool {
        match self {
            Self::Refused { status: 400 | 401, error, .. } => error.as_deref() != Some("invalid_client"),
            _ => false,
        }
    }

    /// True if the code or refresh token may have been spent although no response arrived.
    #[must_use]
    pub fn outcome_unknown(&self) -> bool {
        matches!(self, Self::OutcomeUnknown { .. })
    }

    /// Failure that is logged and counted for it.
    #[must_use]
    pub fn failure(&self) -> TokenFailure {
        match self {
            Self::InvalidGrant => TokenFailure::InvalidGrant,
            Self::Refused { status: 429, .. } => TokenFailure::TokenRateLimited,
            Self::Refused { .. } => TokenFailure::TokenRefused,
            Self::NotSent => TokenFailure::TokenNotSent,
            Self::OutcomeUnknown { .. } => TokenFailure::TokenOutcomeUnknown,
        }
    }
}

/// Reason for which there is no access token, as logs and metrics name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::Display, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
#[expect(missing_docs, reason = "the names of TokenError's variants, which say more")]
pub enum TokenFailure {
    InvalidGrant,
    TokenRateLimited,
    TokenRefused,
    TokenNotSent,
    TokenOutcomeUnknown,
    /// This patient's token was refused in other words than `invalid_grant`, and is not sent again yet.
    TokenDeclined,
    /// The token endpoint fails for several patients: no request is sent at present.
    TokenPaused,
    /// So many patients would have been disconnected in one day that an operator has to look first.
    MassDisconnectGuard,
}

impl TokenFailure {
    /// Text for logs and metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// True if a request is not sent before a known time: a delivery that waits for it has not failed.
    #[must_use]
    pub fn is_waiting(self) -> bool {
        matches!(self, Self::TokenDeclined | Self::TokenPaused)
    }

    /// True if Oura's token endpoint did not respond.
    #[must_use]
    pub fn is_outage(self) -> bool {
        matches!(self, Self::TokenNotSent | Self::TokenOutcomeUnknown | Self::TokenPaused)
    }
}
