//! How fast pairs are moved.

use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::{Interval, MissedTickBehavior};

/// Secrets Manager takes 50 writes of a kind in a second from a whole account, and the functions need some of them.
const PER_SECOND: u32 = 40;

/// Lets one move begin at a time, in even steps.
pub(super) struct Pace(Mutex<Interval>);

impl Pace {
    pub(super) fn new() -> Self {
        let mut interval = tokio::time::interval(Duration::from_secs(1) / PER_SECOND);
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self(Mutex::new(interval))
    }

    pub(super) async fn turn(&self) {
        self.0.lock().await.tick().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn no_second_sees_more_writes_than_secrets_manager_takes() {
        let pace = Pace::new();
        let mut turns = Vec::new();
        for turn in 0..200 {
            if turn == 100 {
                tokio::time::sleep(Duration::from_secs(3)).await;
            }
            pace.turn().await;
            turns.push(tokio::time::Instant::now());
        }
        for (n, begun) in turns.iter().enumerate() {
            let within = turns[n..].iter().take_while(|turn| **turn < *begun + Duration::from_secs(1)).count();
            assert!(within <= 50, "{within} in the second after turn {n}");
        }
    }
}
