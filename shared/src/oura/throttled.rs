//! Requests that the rate limiter does not send.

use std::time::Duration;

use crate::domain::FetchFailure;

/// A request that was not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Throttled {
    pub reason: ThrottleReason,
    pub retry_after: Duration,
}

/// Reason for throttling requests. Its text form is stored and stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::Display, strum::EnumString, strum::IntoStaticStr)]
pub enum ThrottleReason {
    /// The rate limit of these minutes is used up.
    #[strum(serialize = "rate_limited")]
    RateLimit,
    /// Oura said that the app's limit is reached.
    #[strum(serialize = "throttled_by_oura")]
    Limit,
    /// The collection of this data type fails for several patients.
    #[strum(serialize = "collection_unavailable")]
    Collection,
    /// Oura responds to no patient's requests.
    #[strum(serialize = "paused_by_outage")]
    Outage,
    /// The shared rate limit cannot be read.
    #[strum(serialize = "rate_limit_unavailable")]
    Unknown,
}

impl ThrottleReason {
    /// Stored text.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// Failure that is recorded for a data type whose request was throttled.
    #[must_use]
    pub fn failure(self) -> FetchFailure {
        match self {
            Self::RateLimit => FetchFailure::RateLimited,
            Self::Limit => FetchFailure::ThrottledByOura,
            Self::Collection => FetchFailure::Unavailable,
            Self::Outage => FetchFailure::PausedByOutage,
            Self::Unknown => FetchFailure::RateLimitUnavailable,
        }
    }
}
