//! The Runtime API that a function's binary polls for its work, as Lambda serves it
//! (<https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>): with it, and with the variables that Lambda sets, a
//! real binary runs on this machine as it runs in the cloud.
//!
//! Invocations are handed out one after the other to the polling process. Lambda freezes it between invocations and ends
//! one that is late; here it keeps running, and a late answer is refused.

mod binary;
mod routes;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use uuid::Uuid;

pub use binary::Binary;

/// The ARN that every invocation carries.
const FUNCTION_ARN: &str = "arn:aws:lambda:us-east-1:000000000000:function:local";

/// Reason for which an invocation has no answer. Functions' own texts may quote their input, so they are not shown.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvocationError {
    /// The function answered with an error.
    #[error("the function reported an error of type {error_type}")]
    Reported {
        /// Its type, as the runtime names it.
        error_type: String,
        /// Its message.
        message: String,
    },
    /// The function could not even start.
    #[error("the function reported that it cannot start: {error_type}")]
    Init {
        /// Its type, as the runtime names it.
        error_type: String,
        /// Its message.
        message: String,
    },
    /// The function did not answer in its time.
    #[error("the function did not answer in time")]
    TimedOut,
    /// The answer is no JSON.
    #[error("the function's answer is not JSON")]
    NotJson,
    /// The answer is larger than Lambda takes, which is 6 MB.
    #[error("the function's answer is too large")]
    TooLarge,
    /// The binary ended instead of answering.
    #[error("the function's process ended")]
    Exited,
}

/// A Runtime API on a port of its own. Cheap to clone; it ends with its last clone.
#[derive(Debug, Clone)]
pub struct RuntimeApi(Arc<Serving>);

#[derive(Debug)]
struct Serving {
    address: SocketAddr,
    invocations: Arc<InvocationQueue>,
    server: JoinHandle<()>,
}

/// Waiting invocations and their callers.
#[derive(Debug)]
struct InvocationQueue {
    queue: mpsc::UnboundedSender<Invocation>,
    waiting: tokio::sync::Mutex<mpsc::UnboundedReceiver<Invocation>>,
    callers: Mutex<HashMap<String, oneshot::Sender<Result<Value, InvocationError>>>>,
    first_poll: watch::Sender<Option<Instant>>,
    init_error: Mutex<Option<InvocationError>>,
}

/// One invocation on its way to a function.
#[derive(Debug)]
struct Invocation {
    id: String,
    /// Milliseconds since 1970.
    deadline_ms: i64,
    event: String,
}

impl RuntimeApi {
    /// Starts it on a free port of the loopback interface.
    ///
    /// # Errors
    /// When there is no such port.
    pub async fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.context("listen for the Runtime API")?;
        let address = listener.local_addr()?;
        let (queue, waiting) = mpsc::unbounded_channel();
        let invocations = Arc::new(InvocationQueue {
            queue,
            waiting: tokio::sync::Mutex::new(waiting),
            callers: Mutex::default(),
            first_poll: watch::Sender::new(None),
            init_error: Mutex::default(),
        });
        let server = tokio::spawn(routes::serve(listener, Arc::clone(&invocations)));
        Ok(Self(Arc::new(Serving { address, invocations, server })))
    }

    /// Value of `AWS_LAMBDA_RUNTIME_API`: host and port.
    #[must_use]
    pub fn address(&self) -> String {
        self.0.address.to_string()
    }

    /// Waits for the first poll of a function, and returns its time.
    pub async fn first_poll(&self) -> Instant {
        let mut first_poll = self.0.invocations.first_poll.subscribe();
        // The sender lives as long as `self`.
        let polled = first_poll.wait_for(Option::is_some).await;
        polled.ok().and_then(|polled| *polled).unwrap_or_else(Instant::now)
    }

    /// Hands an event to the next poll and waits for the answer. `timeout` is the function's own.
    ///
    /// # Errors
    /// [`InvocationError`]; never [`Exited`](InvocationError::Exited), which only [`Binary::invoke`] can see.
    pub async fn invoke(&self, event: Value, timeout: Duration) -> Result<Value, InvocationError> {
        let invocations = &self.0.invocations;
        if let Some(error) = lock(&invocations.init_error).clone() {
            return Err(error);
        }
        let id = Uuid::new_v4().to_string();
        let (answer, answered) = oneshot::channel();
        lock(&invocations.callers).insert(id.clone(), answer);
        let _forget = Forget { invocations, id: &id };
        let timeout_ms = i64::try_from(timeout.as_millis()).unwrap_or(i64::MAX);
        let deadline_ms = jiff::Timestamp::now().as_millisecond().saturating_add(timeout_ms);
        // The receiver lives as long as the queue.
        let _ = invocations.queue.send(Invocation { id: id.clone(), deadline_ms, event: event.to_string() });
        match tokio::time::timeout(timeout, answered).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) | Err(_) => Err(InvocationError::TimedOut),
        }
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// Removes a caller when it stops waiting.
struct Forget<'d> {
    invocations: &'d InvocationQueue,
    id: &'d str,
}

impl Drop for Forget<'_> {
    fn drop(&mut self) {
        lock(&self.invocations.callers).remove(self.id);
    }
}

impl InvocationQueue {
    /// Returns the next invocation whose caller still waits.
    async fn next(&self) -> Option<Invocation> {
        self.first_poll.send_if_modified(|first| first.is_none().then(|| *first = Some(Instant::now())).is_some());
        let mut waiting = self.waiting.lock().await;
        loop {
            let invocation = waiting.recv().await?;
            if lock(&self.callers).contains_key(&invocation.id) {
                return Some(invocation);
            }
        }
    }

    /// Answers an invocation; `false` when no caller waits for it.
    fn settle(&self, id: &str, answer: Result<Value, InvocationError>) -> bool {
        let caller = lock(&self.callers).remove(id);
        caller.is_some_and(|caller| caller.send(answer).is_ok())
    }

    /// The function cannot start: every invocation fails, those that wait and those to come.
    fn fail_init(&self, error: &InvocationError) {
        *lock(&self.init_error) = Some(error.clone());
        for (_, caller) in lock(&self.callers).drain() {
            let _ = caller.send(Err(error.clone()));
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
