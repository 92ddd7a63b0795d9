//! The functions behind the routes, called the way Lambda calls them: from an event, with a deadline, and so that a panic
//! or an endless call costs its caller an answer, not everybody the gateway.

use std::sync::Arc;
use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use jiff::Timestamp;
use lambda_http::{Body, Context, Request, RequestExt as _, Response};
use shared::aws::SdkConfig;
use shared::domain::{Clock, Entropy};
use shared::env::Env;

use super::routes::Function;

/// The longest that an HTTP API waits for a function.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Why a call gave no response of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CallFailure {
    /// The function stopped with a panic.
    #[error("the function crashed")]
    Crashed,
    /// The function did not answer in time.
    #[error("the function did not answer within {} seconds", TIMEOUT.as_secs())]
    TimedOut,
}

/// The functions with their dependencies, built once as in their `main`.
pub struct Functions {
    connect: Arc<connect::Deps>,
    callback: Arc<callback::Deps>,
    api: Arc<api::Deps>,
}

impl Functions {
    /// Configures every function from the same environment, as the template does.
    ///
    /// # Errors
    /// When a variable is missing or malformed; the error names it.
    pub fn new(env: &Env, aws: &SdkConfig, clock: &Clock, entropy: &Entropy) -> anyhow::Result<Self> {
        let (clock, entropy) = (|| clock.clone(), || entropy.clone());
        Ok(Self {
            connect: Arc::new(connect::Deps::new(connect::Config::from_env(env)?, aws, clock(), entropy())?),
            callback: Arc::new(callback::Deps::new(callback::Config::from_env(env)?, aws, clock(), entropy())?),
            api: Arc::new(api::Deps::new(api::Config::from_env(env)?, aws, clock(), entropy())?),
        })
    }

    /// Calls a function, with a fresh deadline.
    ///
    /// # Errors
    /// [`CallFailure`]; what a function makes of bad requests is a response, not an error.
    pub async fn call(
        &self,
        function: Function,
        request: Request,
        request_id: &str,
        now: Timestamp,
    ) -> Result<Response<Body>, CallFailure> {
        let request = request.with_lambda_context(context(request_id, now));
        // A task of its own: a panic ends the task and is seen here.
        let call = match function {
            Function::Connect => {
                let deps = Arc::clone(&self.connect);
                tokio::spawn(async move { connect::handle(&deps, request).await })
            }
            Function::Callback => {
                let deps = Arc::clone(&self.callback);
                tokio::spawn(async move { callback::handle(&deps, request).await })
            }
            Function::Api => {
                let deps = Arc::clone(&self.api);
                tokio::spawn(async move { api::handle(&deps, request).await })
            }
        };
        let stop = call.abort_handle();
        match tokio::time::timeout(TIMEOUT, call).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(_crashed_or_stopped)) => Err(CallFailure::Crashed),
            Err(_elapsed) => {
                stop.abort();
                Err(CallFailure::TimedOut)
            }
        }
    }
}

/// The context that the runtime would give, read from the headers of the Runtime API as it would be.
fn context(request_id: &str, now: Timestamp) -> Context {
    let deadline = now.as_millisecond() + i64::try_from(TIMEOUT.as_millis()).unwrap_or_default();
    let headers =
        HeaderMap::from_iter([(HeaderName::from_static("lambda-runtime-deadline-ms"), HeaderValue::from(deadline))]);
    Context::new(request_id, Arc::default(), &headers).unwrap_or_default()
}
