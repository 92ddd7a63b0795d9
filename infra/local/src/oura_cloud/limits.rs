//! Rate limits: one for the application, one for each access token, in windows of five minutes.

use std::collections::HashMap;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::StatusCode;

/// The window's length in seconds.
const WINDOW: i64 = 300;

/// What was asked for in the current window.
#[derive(Default)]
pub(super) struct Limits {
    window: i64,
    app: u32,
    tokens: HashMap<u64, u32>,
}

/// A limit that was passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Exceeded {
    tier: &'static str,
    limit: u32,
    reset: i64,
    wait: i64,
}

impl Limits {
    fn turn(&mut self, now: i64) {
        let window = now.div_euclid(WINDOW);
        if window != self.window {
            *self = Self { window, ..Self::default() };
        }
    }

    /// Counts a request of the application.
    pub(super) fn app(&mut self, now: i64, limit: u32) -> Result<(), Exceeded> {
        self.turn(now);
        if self.app >= limit {
            return Err(self.exceeded("application", limit, now));
        }
        self.app += 1;
        Ok(())
    }

    /// Counts a request with the access token of this serial number.
    pub(super) fn token(&mut self, now: i64, serial: u64, limit: Option<u32>) -> Result<(), Exceeded> {
        let Some(limit) = limit else { return Ok(()) };
        self.turn(now);
        let count = self.tokens.entry(serial).or_default();
        if *count >= limit {
            return Err(self.exceeded("token", limit, now));
        }
        *count += 1;
        Ok(())
    }

    fn exceeded(&self, tier: &'static str, limit: u32, now: i64) -> Exceeded {
        let reset = (self.window + 1) * WINDOW;
        Exceeded { tier, limit, reset, wait: (reset - now).max(1) }
    }

    /// Forgets what was counted.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}

impl IntoResponse for Exceeded {
    fn into_response(self) -> Response {
        let headers = [
            ("retry-after", self.wait.to_string()),
            ("x-ratelimit-limit", self.limit.to_string()),
            ("x-ratelimit-window", WINDOW.to_string()),
            ("x-ratelimit-reset", self.reset.to_string()),
            ("x-ratelimit-tier", self.tier.to_owned()),
        ];
        (StatusCode::TOO_MANY_REQUESTS, headers, Body::empty()).into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_tier_counts_for_itself_and_starts_anew_in_the_next_window() {
        let mut limits = Limits::default();
        assert!(limits.app(600, 2).is_ok() && limits.app(601, 2).is_ok());
        let exceeded = limits.app(602, 2).unwrap_err();
        assert_eq!((exceeded.tier, exceeded.wait, exceeded.reset), ("application", 298, 900));
        assert!(limits.token(602, 7, Some(1)).is_ok() && limits.token(602, 8, Some(1)).is_ok());
        assert_eq!(limits.token(602, 7, Some(1)).unwrap_err().tier, "token");
        assert!(limits.token(602, 7, None).is_ok());
        assert!(limits.app(900, 2).is_ok() && limits.token(900, 7, Some(1)).is_ok());
    }
}
