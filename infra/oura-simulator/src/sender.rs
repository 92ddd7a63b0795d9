//! Delivery of webhook events when they are due.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use futures::StreamExt;
use futures::stream;
use reqwest::redirect;

use crate::cloud::state::Cloud;
use crate::options::delivery_order::DeliveryOrder;
use crate::webhooks::record::WebhookRequest;

/// Pause between two checks for due deliveries.
const CHECK_INTERVAL: Duration = Duration::from_millis(200);

/// Deliveries in progress at once, if their order does not matter.
const CONCURRENCY: usize = 8;

/// The client for handshakes and deliveries: its own name, no redirects, no proxy, a new connection for each request.
///
/// # Errors
/// If TLS cannot be set up.
pub(crate) fn client() -> anyhow::Result<reqwest::Client> {
    let builder = reqwest::Client::builder().user_agent("simulated-oura-webhooks/1").redirect(redirect::Policy::none());
    builder.no_proxy().pool_max_idle_per_host(0).build().context("set up the HTTP client for webhooks")
}

/// Sends due deliveries until it is dropped.
pub(crate) async fn send_due_deliveries(cloud: Arc<Cloud>) {
    loop {
        let options = cloud.options();
        let concurrency = if options.webhook_order == DeliveryOrder::Loose { CONCURRENCY } else { 1 };
        let timeout = options.webhook_timeout();
        let send = |attempt: WebhookRequest| {
            let cloud = Arc::clone(&cloud);
            async move {
                let status = post(&cloud.http, &attempt, timeout).await;
                cloud.settle_delivery(attempt.id, status);
            }
        };
        stream::iter(cloud.take_due_deliveries()).for_each_concurrent(concurrency, send).await;
        tokio::time::sleep(CHECK_INTERVAL).await;
    }
}

/// Status of the answer; `None` without an answer in time.
async fn post(http: &reqwest::Client, attempt: &WebhookRequest, timeout: Duration) -> Option<u16> {
    let mut request = http.post(&attempt.url).timeout(timeout).body(attempt.body.clone());
    for (name, value) in &attempt.headers {
        request = request.header(name, value);
    }
    match request.send().await {
        Ok(answer) => Some(answer.status().as_u16()),
        Err(error) => {
            tracing::debug!(
                event = "webhook.unanswered",
                delivery.id = attempt.id,
                error = %error.without_url(),
                "a webhook delivery was not answered"
            );
            None
        }
    }
}
