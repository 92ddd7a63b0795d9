//! Sends notices when they are due.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use futures::StreamExt;
use futures::stream;
use reqwest::redirect;

use crate::state::Cloud;

use super::{DeliveryOrder, WebhookRequest};

/// The pause between two looks at what is due.
const PAUSE: Duration = Duration::from_millis(200);

/// How many notices are under way at once, when their order does not matter.
const AT_ONCE: usize = 8;

/// The client for handshakes and notices: its own name, no redirects, no proxy, a new connection for each request.
///
/// # Errors
/// When TLS cannot be set up.
pub(crate) fn client() -> anyhow::Result<reqwest::Client> {
    let builder = reqwest::Client::builder().user_agent("simulated-oura-webhooks/1").redirect(redirect::Policy::none());
    builder.no_proxy().pool_max_idle_per_host(0).build().context("set up the HTTP client for webhooks")
}

/// Sends what is due, for ever.
pub(crate) async fn send_due_deliveries(cloud: Arc<Cloud>) {
    loop {
        let options = cloud.options();
        let at_once = if options.webhook_order == DeliveryOrder::Loose { AT_ONCE } else { 1 };
        let timeout = options.webhook_timeout();
        let send = |attempt: WebhookRequest| {
            let cloud = Arc::clone(&cloud);
            async move {
                let status = post(&cloud.http, &attempt, timeout).await;
                cloud.settle_delivery(attempt.id, status);
            }
        };
        stream::iter(cloud.take_due_deliveries()).for_each_concurrent(at_once, send).await;
        tokio::time::sleep(PAUSE).await;
    }
}

/// The answer's status, if there was an answer in time.
async fn post(http: &reqwest::Client, attempt: &WebhookRequest, timeout: Duration) -> Option<u16> {
    let mut request = http.post(&attempt.url).timeout(timeout).body(attempt.body.clone());
    for (name, value) in &attempt.headers {
        request = request.header(name, value);
    }
    match request.send().await {
        Ok(answer) => Some(answer.status().as_u16()),
        Err(error) => {
            tracing::debug!(notice = attempt.id, error = %error.without_url(), "a notice was not answered");
            None
        }
    }
}
