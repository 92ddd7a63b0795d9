//! One SDK configuration for every client.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, ConfigLoader, SdkConfig};

/// The time-outs and retries of every AWS call. The ladder: one attempt 5 s < one call 15 s < a function's time-out.
/// The SDK has no time-out of its own.
#[must_use]
pub fn settings() -> (TimeoutConfig, RetryConfig) {
    (
        TimeoutConfig::builder()
            .connect_timeout(Duration::from_secs(2))
            .operation_attempt_timeout(Duration::from_secs(5))
            .operation_timeout(Duration::from_secs(15))
            .build(),
        RetryConfig::standard().with_max_attempts(4),
    )
}

/// Time-outs and retries for functions that a browser waits for: API Gateway ends a request after 30 s, with an error that
/// is of less use than the function's own. One attempt 2.5 s, which includes reading an answer of up to 1 MB on a fraction
/// of a processor < one call 4 s < the function's time-out.
fn interactive_settings() -> (TimeoutConfig, RetryConfig) {
    (
        TimeoutConfig::builder()
            .connect_timeout(Duration::from_secs(1))
            .operation_attempt_timeout(Duration::from_millis(2500))
            .operation_timeout(Duration::from_secs(4))
            .build(),
        RetryConfig::standard().with_max_attempts(3),
    )
}

/// The configuration from the SDK's own environment (`AWS_REGION`, `AWS_ENDPOINT_URL`, credentials, ...), for functions
/// that process queues.
pub async fn load() -> SdkConfig {
    configure(settings()).await
}

/// The configuration from the same environment, for functions that a browser waits for.
pub async fn load_interactive() -> SdkConfig {
    configure(interactive_settings()).await
}

async fn configure((timeouts, retries): (TimeoutConfig, RetryConfig)) -> SdkConfig {
    let loader: ConfigLoader = aws_config::defaults(BehaviorVersion::v2026_01_12());
    loader.timeout_config(timeouts).retry_config(retries).load().await
}
