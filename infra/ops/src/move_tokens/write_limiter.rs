//! The rate at which pairs are moved.

use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::{Interval, MissedTickBehavior};

/// Secrets Manager accepts 50 writes of a kind per second from a whole account, and the functions need some of them.
const PER_SECOND: u32 = 40;

/// Starts one move at a time, at even intervals.
pub(super) struct WriteLimiter(Mutex<Interval>);

impl WriteLimiter {
    pub(super) fn new() -> Self {
        let mut interval = tokio::time::interval(Duration::from_secs(1) / PER_SECOND);
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self(Mutex::new(interval))
    }

    pub(super) async fn acquire(&self) {
        self.0.lock().await.tick().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn write_limiter_stays_below_the_quota_of_secrets_manager() {
        let limiter = WriteLimiter::new();
        let mut starts = Vec::new();
        for n in 0..200 {
            if n == 100 {
                tokio::time::sleep(Duration::from_secs(3)).await;
            }
            limiter.acquire().await;
            starts.push(tokio::time::Instant::now());
        }
        for (n, start) in starts.iter().enumerate() {
            let within = starts[n..].iter().take_while(|other| **other < *start + Duration::from_secs(1)).count();
            assert!(within <= 50, "{within} in the second after start {n}");
        }
    }
}
