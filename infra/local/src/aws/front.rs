//! The one place that every AWS call passes: it is named, counted, priced, possibly spoiled, and then answered by an engine.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use serde_json::Value;
use tokio::sync::watch;

use super::bus::{self, Bus};
use super::call::{Call, Service};
use super::dynamo::Dynamo;
use super::engine;
use super::faults::Faults;
use super::meter::Meter;
use super::plan::{Ending, Failure, Plan};
use super::prices::{self, PicoDollars};
use super::queues::Queues;
use super::reply::Reply;
use super::secrets::Secrets;
use super::unprocessed::Divided;

/// DynamoDB takes up to 16 MiB; nothing takes more.
const LARGEST_BODY: usize = 16 * 1024 * 1024;

/// How long a call that a fault has stopped goes without its answer, at most.
const STOP_ANSWERED_AFTER: Duration = Duration::from_secs(2);

/// The connection ends without an answer: by order of a fault, or because the request broke off.
#[derive(Debug, thiserror::Error)]
#[error("the connection is cut")]
pub(crate) struct Cut;

/// The engines and what watches over them.
pub(crate) struct Front {
    pub dynamo: Dynamo,
    pub secrets: Secrets,
    pub queues: Queues,
    pub bus: Bus,
    pub meter: Meter,
    pub faults: Faults,
    /// Set when everything ends.
    pub closing: watch::Sender<bool>,
}

impl Front {
    /// Answers an HTTP request.
    pub async fn serve(self: Arc<Self>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Cut> {
        let (parts, body) = request.into_parts();
        let Ok(body) = Limited::new(body, LARGEST_BODY).collect().await else {
            return Ok(plain(StatusCode::PAYLOAD_TOO_LARGE, "The body is too large or incomplete.\n"));
        };
        let body = body.to_bytes();
        let Some(call) = Call::of(&parts.headers, &body) else {
            return Ok(plain(StatusCode::NOT_FOUND, "This is the embedded AWS: it answers signed AWS calls only.\n"));
        };
        // Who takes messages and goes away shall not take them along.
        if call.operation == "ReceiveMessage" {
            return self.answer(&call, &parts.headers, body).await.map(Reply::into_http).ok_or(Cut);
        }
        // Any other call is carried out although its client goes away (a time-out, a killed handler): AWS does not stop either.
        let task = tokio::spawn(async move { self.answer(&call, &parts.headers, body).await });
        let reply = task.await.unwrap_or_else(|error| {
            tracing::error!(%error, "an AWS engine panicked");
            None
        });
        reply.map(Reply::into_http).ok_or(Cut)
    }

    /// Answers a call; `None` to cut the connection.
    async fn answer(&self, call: &Call, headers: &HeaderMap, body: Bytes) -> Option<Reply> {
        self.meter.arrived(call);
        let plan = self.faults.plan(call, &body);
        self.wait(plan.delay).await;
        let reply = match &plan.ending {
            Ending::Before(failure) => failure.reply(call.service),
            Ending::Normal => Some(self.carry_out(call, headers, body, &plan).await),
            Ending::After(failure) => {
                // The answer is what the fault keeps from the caller.
                let _ = self.carry_out(call, headers, body, &plan).await;
                self.faults.ended(failure);
                failure.reply(call.service)
            }
        };
        if let Ending::Before(Failure::Stopped) | Ending::After(Failure::Stopped) = &plan.ending {
            self.hold().await;
        }
        if reply.as_ref().is_none_or(|reply| !reply.status.is_success()) {
            self.meter.failed(call);
        }
        reply
    }

    /// Who is to be killed shall not see the answer to its last call, so it comes late: when the faults are cleared, when
    /// everything ends, or, for those who want to live on, after a while.
    async fn hold(&self) {
        let mut closing = self.closing.subscribe();
        tokio::select! {
            () = self.faults.released() => {}
            _ = closing.wait_for(|closing| *closing) => {}
            () = tokio::time::sleep(STOP_ANSWERED_AFTER) => {}
        }
    }

    /// Waits, unless everything ends.
    async fn wait(&self, delay: Duration) {
        if !delay.is_zero() {
            let mut closing = self.closing.subscribe();
            // Either way the waiting is over.
            let _ = tokio::time::timeout(delay, closing.wait_for(|closing| *closing)).await;
        }
    }

    async fn carry_out(&self, call: &Call, headers: &HeaderMap, body: Bytes, plan: &Plan) -> Reply {
        self.meter.carried_out(call);
        if call.service == Service::DynamoDb {
            let Some(divided) = Divided::of(&call.operation, &body, plan) else {
                return self.in_tables(call, headers, &body).await;
            };
            let done = match &divided.rest {
                Some(rest) => Some(self.in_tables(call, headers, rest).await),
                None => None,
            };
            return divided.told(done);
        }
        let request = engine::with_body(call.service, &call.operation, body.clone());
        let reply = match call.service {
            Service::SecretsManager => self.secrets.answer(&call.operation, request, call.mutates()).await,
            Service::Sqs => self.queues.answer(&call.operation, request, plan).await,
            _ => self.bus.answer(&call.operation, request, plan).await,
        };
        self.meter.priced(call, price(call, &body, &reply));
        reply
    }

    async fn in_tables(&self, call: &Call, headers: &HeaderMap, body: &[u8]) -> Reply {
        let (reply, price) = self.dynamo.answer(&call.operation, headers, body).await;
        self.meter.priced(call, price);
        reply
    }
}

/// What a call costs that is billed by calls and sizes. Refused calls are free.
fn price(call: &Call, body: &[u8], reply: &Reply) -> PicoDollars {
    if !reply.status.is_success() {
        return 0;
    }
    match call.service {
        Service::SecretsManager => prices::SECRETS_MANAGER_CALL,
        Service::Sqs => prices::chunks(body.len().max(reply.body.len())) * prices::SQS_REQUEST,
        Service::Events if call.operation == "PutEvents" => {
            let input: Value = serde_json::from_slice(body).unwrap_or_default();
            let results = reply.value();
            let accepted = input["Entries"]
                .as_array()
                .into_iter()
                .flatten()
                .zip(results["Entries"].as_array().into_iter().flatten());
            let accepted = accepted.filter(|(_, result)| !result["EventId"].is_null());
            accepted.map(|(entry, _)| prices::chunks(bus::size(entry)) * prices::EVENTS_EVENT).sum()
        }
        Service::Events | Service::DynamoDb => 0,
    }
}

fn plain(status: StatusCode, text: &'static str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from_static(text.as_bytes())));
    *response.status_mut() = status;
    response
}
