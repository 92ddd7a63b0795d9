//! Retries of requests that meet Oura's rate limit for a short time.

use std::time::Duration;

use shared::oura::SubscriptionError;

/// Longest wait that is waited for. For a longer one there is the next run.
const MAX_WAIT: Duration = Duration::from_secs(5);

/// Wait after a 429 that names none.
const DEFAULT_WAIT: Duration = Duration::from_secs(1);

/// Retries of one request.
const MAX_RETRIES: u32 = 3;

/// Sends a request, and again after the rate limit's wait.
pub(crate) async fn with_retry<T, F>(request: impl Fn() -> F) -> Result<T, SubscriptionError>
where
    F: Future<Output = Result<T, SubscriptionError>>,
{
    for _ in 0..MAX_RETRIES {
        match request().await {
            Err(error) => match retry_after(&error) {
                Some(wait) => tokio::time::sleep(wait).await,
                None => return Err(error),
            },
            answer => return answer,
        }
    }
    request().await
}

/// Wait before a retry in this run; `None` if the request is not retried.
fn retry_after(error: &SubscriptionError) -> Option<Duration> {
    let SubscriptionError::RateLimited { retry_after } = error else { return None };
    Some(retry_after.unwrap_or(DEFAULT_WAIT)).filter(|wait| *wait <= MAX_WAIT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rate_limit_is_retried_after_a_short_wait_only() {
        let limited = |seconds| SubscriptionError::RateLimited { retry_after: Some(Duration::from_secs(seconds)) };
        assert_eq!(retry_after(&limited(0)), Some(Duration::ZERO));
        assert_eq!(retry_after(&limited(5)), Some(Duration::from_secs(5)));
        assert_eq!(retry_after(&limited(6)), None);
        assert_eq!(retry_after(&SubscriptionError::RateLimited { retry_after: None }), Some(DEFAULT_WAIT));
        assert_eq!(retry_after(&SubscriptionError::Unavailable { status: Some(503) }), None);
    }
}
