//! The server of all AWS calls: a call is identified, counted, priced, possibly failed by a fault, and answered by an engine.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use serde_json::Value;
use tokio::sync::watch;

use super::access_key::AccessKey;
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
use super::unprocessed::PartialBatch;
use crate::settings::is_for_this_machine;

/// DynamoDB takes up to 16 MiB; nothing takes more.
const MAX_BODY_BYTES: usize = 16 * 1024 * 1024;

/// Maximum delay of the answer to a call that a fault has stopped.
const STOPPED_CALL_TIMEOUT: Duration = Duration::from_secs(2);

/// The connection ends without an answer, by a fault or because the request broke off.
#[derive(Debug, thiserror::Error)]
#[error("the connection is dropped")]
pub(crate) struct ConnectionDropped;

/// The engines, and what counts their calls and injects faults.
pub(crate) struct AwsServer {
    pub dynamo: Dynamo,
    pub secrets: Secrets,
    pub queues: Queues,
    pub bus: Bus,
    pub meter: Meter,
    pub faults: Faults,
    /// Set when everything ends.
    pub closing: watch::Sender<bool>,
}

impl AwsServer {
    /// Answers an HTTP request.
    pub async fn serve(
        self: Arc<Self>,
        request: Request<Incoming>,
    ) -> Result<Response<Full<Bytes>>, ConnectionDropped> {
        let (parts, body) = request.into_parts();
        if !is_for_this_machine(&parts.headers) {
            return Ok(plain(
                StatusCode::FORBIDDEN,
                "The embedded AWS answers on localhost, 127.0.0.1 and [::1] only.\n",
            ));
        }
        let Ok(body) = Limited::new(body, MAX_BODY_BYTES).collect().await else {
            return Ok(plain(StatusCode::PAYLOAD_TOO_LARGE, "The body is too large or incomplete.\n"));
        };
        let body = body.to_bytes();
        let Some(call) = Call::of(&parts.headers, &body) else {
            return Ok(plain(StatusCode::NOT_FOUND, "This is the embedded AWS: it answers signed AWS calls only.\n"));
        };
        if !AccessKey::of_process().signs(&parts.headers) {
            return Ok(foreign_key(call.service).into_http());
        }
        // A client that disconnects must not take the messages along.
        if call.operation == "ReceiveMessage" {
            return self.answer(&call, &parts.headers, body).await.map(Reply::into_http).ok_or(ConnectionDropped);
        }
        // Any other call is carried out although its client goes away (a time-out, a killed handler): AWS does not stop either.
        let task = tokio::spawn(async move { self.answer(&call, &parts.headers, body).await });
        let reply = task.await.unwrap_or_else(|error| {
            tracing::error!(event = "local.engine_panicked", %error, "AWS engine panicked");
            None
        });
        reply.map(Reply::into_http).ok_or(ConnectionDropped)
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

    /// A handler that a test kills must not see the answer to its last call, so it is delayed: until the faults are cleared, until
    /// the server ends, or for a short time.
    async fn hold(&self) {
        let mut closing = self.closing.subscribe();
        tokio::select! {
            () = self.faults.released() => {}
            _ = closing.wait_for(|closing| *closing) => {}
            () = tokio::time::sleep(STOPPED_CALL_TIMEOUT) => {}
        }
    }

    /// Waits, unless the server ends.
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
            let Some(batch) = PartialBatch::of(&call.operation, &body, plan) else {
                return self.in_tables(call, headers, &body).await;
            };
            let done = match &batch.rest {
                Some(rest) => Some(self.in_tables(call, headers, rest).await),
                None => None,
            };
            return batch.answer(done);
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

/// Price of a call that is billed by calls and sizes. Refused calls are free.
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

/// Answer to a call with another access key, as AWS answers an unknown one.
fn foreign_key(service: Service) -> Reply {
    let message = "The access key is not that of this process. See `credentials` in the ready file.";
    Reply::error(service, StatusCode::FORBIDDEN, "UnrecognizedClientException", message)
}

fn plain(status: StatusCode, text: &'static str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from_static(text.as_bytes())));
    *response.status_mut() = status;
    response
}
