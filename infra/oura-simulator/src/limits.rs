//! Rate limits: one for the application, one for each access token, over five minutes.

use std::collections::{HashMap, VecDeque};

use crate::options::limit_window::LimitWindow;
use crate::options::settings::Options;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::StatusCode;

/// Length of the window in milliseconds.
const WINDOW_MILLIS: i64 = 300_000;

/// A layer of the limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tier {
    Application,
    Token,
}

/// Times of the requests in the window, in milliseconds, oldest first.
#[derive(Default)]
struct RecentRequests(VecDeque<i64>);

impl RecentRequests {
    /// Removes the requests before the window.
    fn forget_old(&mut self, now: i64, window: LimitWindow) {
        let first = match window {
            LimitWindow::Rolling => now - WINDOW_MILLIS + 1,
            LimitWindow::Fixed => now - now.rem_euclid(WINDOW_MILLIS),
        };
        while self.0.front().is_some_and(|at| *at < first) {
            self.0.pop_front();
        }
    }

    /// Counts a request. The error is the time at which the next one is allowed.
    fn count(&mut self, now: i64, limit: u32, window: LimitWindow) -> Result<(), i64> {
        self.forget_old(now, window);
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        if self.0.len() < limit {
            self.0.push_back(now);
            return Ok(());
        }
        Err(match window {
            // After a lowered limit there may be more requests than it allows; enough of them must leave the window.
            LimitWindow::Rolling => self.0.get(self.0.len() - limit).unwrap_or(&now) + WINDOW_MILLIS,
            LimitWindow::Fixed => now - now.rem_euclid(WINDOW_MILLIS) + WINDOW_MILLIS,
        })
    }
}

/// Recent requests of the application and of each access token.
#[derive(Default)]
pub(crate) struct Limits {
    app: RecentRequests,
    tokens: HashMap<u64, RecentRequests>,
    /// Time at which unused tokens were last removed.
    swept: i64,
    /// Refused requests: by the limit of the application, and by those of tokens.
    pub(crate) refused: (u64, u64),
}

/// An exceeded limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Exceeded {
    tier: Tier,
    limit: u32,
    now: i64,
    /// Time at which the next request is allowed.
    free: i64,
}

impl Limits {
    /// Counts a request of the application.
    pub(crate) fn app(&mut self, now: i64, options: &Options) -> Result<(), Exceeded> {
        let limit = options.app_limit;
        self.app.count(now, limit, options.limit_window).map_err(|free| {
            self.refused.0 += 1;
            Exceeded { tier: Tier::Application, limit, now, free }
        })
    }

    /// Counts a request with the access token of this serial number.
    pub(crate) fn token(&mut self, now: i64, serial: u64, options: &Options) -> Result<(), Exceeded> {
        let Some(limit) = options.token_limit else { return Ok(()) };
        if now - self.swept >= WINDOW_MILLIS {
            self.swept = now;
            self.tokens.retain(|_, counted| {
                counted.forget_old(now, options.limit_window);
                !counted.0.is_empty()
            });
        }
        self.tokens.entry(serial).or_default().count(now, limit, options.limit_window).map_err(|free| {
            self.refused.1 += 1;
            Exceeded { tier: Tier::Token, limit, now, free }
        })
    }

    /// Clears all counts.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }
}

impl Exceeded {
    /// The 429, with the headers that the options allow.
    pub(crate) fn response(self, options: &Options) -> Response {
        if !options.limit_headers {
            return (StatusCode::TOO_MANY_REQUESTS, Body::empty()).into_response();
        }
        // In whole seconds, and never too early.
        let seconds = |milliseconds: i64| (milliseconds + 999).div_euclid(1000);
        let headers = [
            ("retry-after", seconds(self.free - self.now).max(1).to_string()),
            ("x-ratelimit-limit", self.limit.to_string()),
            ("x-ratelimit-window", (WINDOW_MILLIS / 1000).to_string()),
            ("x-ratelimit-reset", seconds(self.free).to_string()),
        ];
        let tier = match self.tier {
            Tier::Application => "application",
            Tier::Token => "token",
        };
        let tier = options.limit_tier.then_some([("x-ratelimit-tier", tier)]);
        match tier {
            Some(tier) => (StatusCode::TOO_MANY_REQUESTS, headers, tier, Body::empty()).into_response(),
            None => (StatusCode::TOO_MANY_REQUESTS, headers, Body::empty()).into_response(),
        }
    }
}

/// Total of the requests, and the largest number in any five minutes.
#[derive(Default)]
pub(crate) struct RequestRate {
    recent: RecentRequests,
    most: usize,
    total: u64,
}

impl RequestRate {
    /// A request comes.
    pub(crate) fn count(&mut self, now: i64) {
        self.recent.forget_old(now, LimitWindow::Rolling);
        self.recent.0.push_back(now);
        self.most = self.most.max(self.recent.0.len());
        self.total += 1;
    }

    /// All requests so far, and the most of them in any five minutes.
    pub(crate) fn so_far(&self) -> (u64, u64) {
        (self.total, u64::try_from(self.most).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::OuraSimulatorConfig;

    fn options(limit_window: LimitWindow) -> Options {
        let mut config = OuraSimulatorConfig::new("app", "secret".to_owned().into(), "https://clinic.example/");
        (config.app_limit, config.token_limit) = (2, Some(1));
        Options { limit_window, ..Options::of(&config) }
    }

    fn waits(exceeded: Exceeded, options: &Options) -> (String, String) {
        let response = exceeded.response(options);
        let header = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
        (header("retry-after"), header("x-ratelimit-reset"))
    }

    #[test]
    fn each_tier_counts_for_itself_and_starts_anew_in_the_next_window_by_the_clock() {
        let options = options(LimitWindow::Fixed);
        let mut limits = Limits::default();
        assert!(limits.app(600_000, &options).is_ok() && limits.app(601_000, &options).is_ok());
        let exceeded = limits.app(602_000, &options).unwrap_err();
        assert_eq!((exceeded.tier, exceeded.limit), (Tier::Application, 2));
        assert_eq!(waits(exceeded, &options), ("298".into(), "900".into()));
        assert!(limits.token(602_000, 7, &options).is_ok() && limits.token(602_000, 8, &options).is_ok());
        assert_eq!(limits.token(602_000, 7, &options).unwrap_err().tier, Tier::Token);
        assert!(limits.token(602_000, 7, &Options { token_limit: None, ..options.clone() }).is_ok());
        assert!(limits.app(900_000, &options).is_ok() && limits.token(900_000, 7, &options).is_ok());
        assert_eq!(limits.refused, (1, 1));
    }

    #[test]
    fn no_five_minutes_hold_more_than_the_limit_when_the_window_rolls() {
        let options = options(LimitWindow::Rolling);
        let mut limits = Limits::default();
        assert!(limits.app(890_250, &options).is_ok() && limits.app(899_000, &options).is_ok());
        let exceeded = limits.app(900_500, &options).unwrap_err();
        assert_eq!(waits(exceeded, &options), ("290".into(), "1191".into()), "rounded up to whole seconds");
        assert!(limits.app(1_190_249, &options).is_err(), "a millisecond too early");
        assert!(limits.app(1_190_250, &options).is_ok(), "the first has left, and refused ones never counted");
        assert!(limits.app(1_190_251, &options).is_err());
        let lower = Options { app_limit: 1, ..options.clone() };
        assert_eq!(limits.app(1_198_999, &lower).unwrap_err().free, 1_490_250, "both must leave");
        let none = Options { app_limit: 0, ..options };
        assert!(limits.app(9_000_000, &none).is_err());
    }

    #[test]
    fn tokens_that_rest_are_forgotten() {
        let options = options(LimitWindow::Rolling);
        let mut limits = Limits::default();
        for serial in 0..100 {
            assert!(limits.token(1_000_000, serial, &options).is_ok());
        }
        assert!(limits.token(1_300_000, 7, &options).is_ok());
        assert_eq!(limits.tokens.len(), 1);
    }

    #[test]
    fn the_busiest_five_minutes_are_remembered() {
        let mut busiest = RequestRate::default();
        for at in [0, 100_000, 200_000, 299_999, 300_000, 700_000] {
            busiest.count(at);
        }
        assert_eq!(busiest.so_far(), (6, 4), "what came exactly five minutes apart does not count together");
    }
}
