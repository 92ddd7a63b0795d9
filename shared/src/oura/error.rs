//! What can go wrong with Oura, shaped by what callers do about it. No text here holds a body, a token or a value.

use std::time::Duration;

use super::rate_limiter::{ThrottleReason, Throttled};

/// Why Oura gave no data.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OuraError {
    /// 401: refresh and ask again, unless the scope was never granted. Oura answers a missing scope with 401 too.
    #[error("Oura does not accept the access token")]
    Unauthorized {
        /// The answer speaks of a scope: a refresh will not help, and the token is not dead.
        names_scope: bool,
    },
    /// 403: the membership is not active (or, by the documentation, a scope is missing).
    #[error("Oura gives no data for this user")]
    Forbidden,
    /// 426: the user's Oura app is below Oura's minimum. Asking again does not help, and it is no reason to disconnect.
    #[error("the user's Oura app is too old")]
    AppOutdated,
    /// 429: ask later.
    #[error("Oura's rate limit is reached")]
    RateLimited {
        /// Whose limit; Oura does not always say.
        tier: Option<RateTier>,
        /// When to come back, at most 15 minutes; Oura does not always say.
        retry_after: Option<Duration>,
        /// The limit that was reached, in requests in five minutes; Oura does not always say.
        limit: Option<u32>,
    },
    /// Not asked: see [`ThrottleReason`].
    #[error("the request was held back ({})", .why.as_str())]
    Throttled {
        /// Why.
        why: ThrottleReason,
        /// When to come back.
        retry_after: Duration,
    },
    /// 404: no such document, or not yet: it may follow its webhook by minutes.
    #[error("Oura has no such document")]
    NotFound,
    /// Another answer that asking again will not change.
    #[error("Oura refused the request with status {status}")]
    Rejected {
        /// The HTTP status.
        status: u16,
    },
    /// 5xx, 408, no connection, time-out, an answer cut short: ask again later.
    #[error("Oura does not answer")]
    Unavailable {
        /// The HTTP status, if there was one.
        status: Option<u16>,
    },
    /// The answer as a whole is not what Oura documents.
    #[error("Oura's answer is malformed at {path}")]
    Malformed {
        /// Where in the JSON; `.` is the answer as a whole.
        path: String,
    },
    /// The pages do not end: a page token came again, or there were too many.
    #[error("Oura's pages do not end")]
    Paging,
}

impl OuraError {
    /// A stable word for it, for metrics and for the connection's state.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unauthorized { names_scope: true } => "scope_not_granted",
            Self::Unauthorized { names_scope: false } => "unauthorized",
            Self::Forbidden => "forbidden",
            Self::AppOutdated => "app_outdated",
            Self::RateLimited { .. } => "rate_limited",
            Self::Throttled { why, .. } => why.as_str(),
            Self::NotFound => "not_found",
            Self::Rejected { .. } => "rejected",
            Self::Unavailable { .. } => "unavailable",
            Self::Malformed { .. } => "malformed",
            Self::Paging => "paging",
        }
    }

    /// Whether the same request may well succeed later with nothing changed on our side.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::RateLimited { .. } | Self::Throttled { .. } | Self::Unavailable { .. })
    }

    /// Whether the word (of [`code`](Self::code)) tells of something that passes by itself.
    #[must_use]
    pub fn is_passing(code: &str) -> bool {
        ThrottleReason::of_word(code).is_some() || matches!(code, "rate_limited" | "unavailable")
    }

    /// Whether the word (of [`code`](Self::code)) tells that Oura did not answer.
    #[must_use]
    pub fn is_outage(code: &str) -> bool {
        code == "unavailable" || code == ThrottleReason::Outage.as_str()
    }

    /// When to come back, if it only has to be waited: Oura was not asked, or said that this was too much.
    #[must_use]
    pub fn only_waits(&self) -> Option<Duration> {
        match self {
            Self::Throttled { retry_after, .. } => Some(*retry_after),
            Self::RateLimited { retry_after, .. } => Some(retry_after.unwrap_or(Self::WINDOW)),
            _ => None,
        }
    }

    /// Oura's rate-limit window: by then a limit that was reached is not any more.
    const WINDOW: Duration = Duration::from_secs(300);

    pub(super) fn malformed(path: &str) -> Self {
        Self::Malformed { path: path.to_owned() }
    }
}

impl From<Throttled> for OuraError {
    fn from(Throttled { why, retry_after }: Throttled) -> Self {
        Self::Throttled { why, retry_after }
    }
}

/// Whose rate limit was reached (`X-RateLimit-Tier`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RateTier {
    /// The whole app's: every patient has to wait.
    Application,
    /// This patient's only.
    Token,
}

/// Why the token endpoint gave no tokens. All but [`TokenError::InvalidGrant`] are systemic: they say nothing about the
/// patient's consent and must never end it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// The code or refresh token is not (or no longer) good (RFC 6749, section 5.2). Only an answer that says so in
    /// JSON with `"error":"invalid_grant"` is taken for this.
    #[error("Oura refused the grant: invalid_grant")]
    InvalidGrant,
    /// Refused for another reason, so nothing was spent: wrong host or client, rate limit, a proxy's page.
    #[error("Oura's token endpoint refused the request with status {status}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// The error word of RFC 6749 if there was one, such as `invalid_client`.
        error: Option<String>,
        /// How long to wait, if it said so.
        retry_after: Option<Duration>,
    },
    /// There was no connection, so the token was not spent.
    #[error("Oura's token endpoint was not reached")]
    NotSent,
    /// Time-out, 5xx, a connection cut, or a success whose answer is unreadable: the token may be spent.
    #[error("it is unknown whether Oura's token endpoint did its work")]
    OutcomeUnknown {
        /// The HTTP status, if there was one.
        status: Option<u16>,
    },
}

impl TokenError {
    /// Whether Oura said that this very code or token is not good.
    #[must_use]
    pub fn is_invalid_grant(&self) -> bool {
        matches!(self, Self::InvalidGrant)
    }

    /// Whether it says nothing about the patient: the app, the host or the network is at fault.
    #[must_use]
    pub fn is_systemic(&self) -> bool {
        !self.is_invalid_grant()
    }

    /// Whether the code or refresh token may have been spent although no answer arrived.
    #[must_use]
    pub fn outcome_unknown(&self) -> bool {
        matches!(self, Self::OutcomeUnknown { .. })
    }

    /// Whether the word (of [`code`](Self::code)) tells that Oura's token endpoint did not answer.
    #[must_use]
    pub fn is_outage(code: &str) -> bool {
        [Self::NotSent, Self::OutcomeUnknown { status: None }].iter().any(|error| error.code() == code)
    }

    /// A stable word for it, for metrics and for the connection's state.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::InvalidGrant => "invalid_grant",
            Self::Refused { status: 429, .. } => "token_rate_limited",
            Self::Refused { .. } => "token_refused",
            Self::NotSent => "token_not_sent",
            Self::OutcomeUnknown { .. } => "token_outcome_unknown",
        }
    }
}
