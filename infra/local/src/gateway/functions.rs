//! The functions behind the routes, invoked as Lambda does it: with an event and a deadline. A panic or an endless call
//! affects its own caller only.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use aws_lambda_events::event::lambda_function_urls::{LambdaFunctionUrlRequest, LambdaFunctionUrlResponse};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use jiff::Timestamp;
use lambda_http::{Body, Context, Request, RequestExt as _, Response};
use shared::aws::SdkConfig;
use shared::domain::{Clock, Entropy};

use super::routes::RouteTarget;
use crate::settings::Environments;
use crate::template::{Deployment, Function};

/// Longest time for which an HTTP API waits for a function.
const INTEGRATION_TIMEOUT: Duration = Duration::from_secs(30);

/// Reason for which a call gave no response.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CallFailure {
    /// The function stopped with a panic.
    #[error("the function crashed")]
    Crashed,
    /// The function did not answer in time.
    #[error("the function did not answer in time")]
    TimedOut,
}

/// The functions with their dependencies, built once as in their `main`.
pub struct Functions {
    connect: Arc<connect::Deps>,
    callback: Arc<callback::Deps>,
    api: Arc<api::Deps>,
    webhook: Arc<webhook::Deps>,
    timeouts: Timeouts,
}

/// Time-outs of the functions that answer HTTP requests.
#[derive(Debug, Clone, Copy)]
struct Timeouts {
    connect: Duration,
    callback: Duration,
    api: Duration,
    webhook: Duration,
}

impl Functions {
    /// Configures every function from its environment.
    ///
    /// # Errors
    /// When a variable is missing or malformed; the error names it.
    pub fn new(environments: &Environments, aws: &SdkConfig, clock: &Clock, entropy: &Entropy) -> anyhow::Result<Self> {
        let (clock, entropy) = (|| clock.clone(), || entropy.clone());
        let env = |function| environments.of(function);
        let deployment = Deployment::of_project()?;
        let timeout = |function| deployment.function(function).map(|definition| definition.timeout);
        let connect = connect::Config::from_env(env(Function::Connect))?;
        let callback = callback::Config::from_env(env(Function::Callback))?;
        let api = api::Config::from_env(env(Function::Api))?;
        let webhook = webhook::Config::from_env(env(Function::Webhook))?;
        Ok(Self {
            connect: Arc::new(connect::Deps::new(connect, aws, clock(), entropy())?),
            callback: Arc::new(callback::Deps::new(callback, aws, clock(), entropy())?),
            api: Arc::new(api::Deps::new(api, aws, clock(), entropy())?),
            webhook: Arc::new(webhook::Deps::new(&webhook, aws, clock())),
            timeouts: Timeouts {
                connect: timeout(Function::Connect)?.min(INTEGRATION_TIMEOUT),
                callback: timeout(Function::Callback)?.min(INTEGRATION_TIMEOUT),
                api: timeout(Function::Api)?.min(INTEGRATION_TIMEOUT),
                webhook: timeout(Function::Webhook)?,
            },
        })
    }

    /// Calls a function, with a fresh deadline.
    ///
    /// # Errors
    /// [`CallFailure`]; the answer to a bad request is a response, not an error.
    pub async fn call(
        &self,
        function: RouteTarget,
        request: Request,
        request_id: &str,
        now: Timestamp,
    ) -> Result<Response<Body>, CallFailure> {
        let in_context = |timeout| request.with_lambda_context(context(request_id, now, timeout));
        match function {
            RouteTarget::Connect => {
                let (deps, timeout) = (Arc::clone(&self.connect), self.timeouts.connect);
                let request = in_context(timeout);
                guarded(timeout, async move { connect::handle(&deps, request).await }).await
            }
            RouteTarget::Callback => {
                let (deps, timeout) = (Arc::clone(&self.callback), self.timeouts.callback);
                let request = in_context(timeout);
                guarded(timeout, async move { callback::handle(&deps, request).await }).await
            }
            RouteTarget::Api => {
                let (deps, timeout) = (Arc::clone(&self.api), self.timeouts.api);
                let request = in_context(timeout);
                guarded(timeout, async move { api::handle(&deps, request).await }).await
            }
        }
    }

    /// Calls the webhook function, as its function URL does.
    ///
    /// # Errors
    /// [`CallFailure`].
    pub async fn call_webhook(
        &self,
        request: LambdaFunctionUrlRequest,
    ) -> Result<LambdaFunctionUrlResponse, CallFailure> {
        let deps = Arc::clone(&self.webhook);
        guarded(self.timeouts.webhook, async move { webhook::handle(&deps, request).await }).await
    }
}

/// Runs a call as a task of its own, so that a panic ends the task and is seen here, and for so long at most.
async fn guarded<T: Send + 'static>(
    timeout: Duration,
    call: impl Future<Output = T> + Send + 'static,
) -> Result<T, CallFailure> {
    let call = tokio::spawn(call);
    let stop = call.abort_handle();
    match tokio::time::timeout(timeout, call).await {
        Ok(Ok(response)) => Ok(response),
        Ok(Err(_crashed_or_stopped)) => Err(CallFailure::Crashed),
        Err(_elapsed) => {
            stop.abort();
            Err(CallFailure::TimedOut)
        }
    }
}

/// The context that the runtime would give, read from the headers of the Runtime API as it would be.
fn context(request_id: &str, now: Timestamp, timeout: Duration) -> Context {
    let deadline = now.as_millisecond() + i64::try_from(timeout.as_millis()).unwrap_or_default();
    let headers =
        HeaderMap::from_iter([(HeaderName::from_static("lambda-runtime-deadline-ms"), HeaderValue::from(deadline))]);
    Context::new(request_id, Arc::default(), &headers).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn panic_or_endless_call_affects_its_own_caller_only() {
        assert_eq!(guarded(INTEGRATION_TIMEOUT, async { 1 }).await, Ok(1));
        assert_eq!(guarded(INTEGRATION_TIMEOUT, async { panic!("a bug") }).await, Err::<(), _>(CallFailure::Crashed));
        let endless = guarded(Duration::from_secs(8), std::future::pending::<()>());
        assert_eq!(endless.await, Err(CallFailure::TimedOut));
    }
}
