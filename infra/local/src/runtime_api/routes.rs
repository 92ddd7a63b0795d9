//! The routes of the Runtime API, and the headers that come with an invocation.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::json;
use tokio::net::TcpListener;

use super::{FUNCTION_ARN, Invocation, InvocationError, InvocationQueue};

/// The version of the API, in every path.
const VERSION: &str = "/2018-06-01";

/// The largest answer that Lambda takes from a function that was called synchronously.
const MAX_ANSWER_BYTES: usize = 6 * 1024 * 1024;

/// Serves until it is dropped.
pub(super) async fn serve(listener: TcpListener, invocations: Arc<InvocationQueue>) {
    let path = |below: &str| format!("{VERSION}/runtime{below}");
    let router = Router::new()
        .route(&path("/invocation/next"), get(next))
        .route(&path("/invocation/{id}/response"), post(response))
        .route(&path("/invocation/{id}/error"), post(error))
        .route(&path("/init/error"), post(init_error))
        // Too large an answer is refused by its own rule.
        .layer(DefaultBodyLimit::disable())
        .with_state(invocations);
    if let Err(error) = axum::serve(listener, router).await {
        tracing::warn!(event = "local.runtime_api_ended", %error, "Runtime API ended");
    }
}

async fn next(State(invocations): State<Arc<InvocationQueue>>) -> Response {
    let Some(Invocation { id, deadline_ms, event }) = invocations.next().await else {
        return refusal(StatusCode::INTERNAL_SERVER_ERROR, "Container error", "the queue is gone");
    };
    let headers = [
        ("lambda-runtime-aws-request-id", id),
        ("lambda-runtime-deadline-ms", deadline_ms.to_string()),
        ("lambda-runtime-invoked-function-arn", FUNCTION_ARN.to_owned()),
        (
            "lambda-runtime-trace-id",
            "Root=1-00000000-000000000000000000000000;Parent=0000000000000000;Sampled=0".into(),
        ),
        (header::CONTENT_TYPE.as_str(), "application/json".to_owned()),
    ];
    (headers, event).into_response()
}

async fn response(State(invocations): State<Arc<InvocationQueue>>, Path(id): Path<String>, body: Bytes) -> Response {
    if body.len() > MAX_ANSWER_BYTES {
        invocations.settle(&id, Err(InvocationError::TooLarge));
        return refusal(StatusCode::PAYLOAD_TOO_LARGE, "RequestEntityTooLarge", "the response is too large");
    }
    let answer = serde_json::from_slice(&body).map_err(|_quotes_the_answer| InvocationError::NotJson);
    accepted(invocations.settle(&id, answer))
}

async fn error(
    State(invocations): State<Arc<InvocationQueue>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let ErrorReport { error_type, message } = ErrorReport::read(&headers, &body);
    accepted(invocations.settle(&id, Err(InvocationError::Reported { error_type, message })))
}

async fn init_error(State(invocations): State<Arc<InvocationQueue>>, headers: HeaderMap, body: Bytes) -> Response {
    let ErrorReport { error_type, message } = ErrorReport::read(&headers, &body);
    invocations.fail_init(&InvocationError::Init { error_type, message });
    accepted(true)
}

/// A function's report of an error.
#[derive(Deserialize)]
struct ErrorReport {
    #[serde(rename = "errorType", default)]
    error_type: String,
    #[serde(rename = "errorMessage", default)]
    message: String,
}

impl ErrorReport {
    /// From the body; the type may be in a header instead.
    fn read(headers: &HeaderMap, body: &[u8]) -> Self {
        let mut report: Self =
            serde_json::from_slice(body).unwrap_or(Self { error_type: String::new(), message: String::new() });
        if report.error_type.is_empty() {
            let header = headers.get("lambda-runtime-function-error-type").and_then(|value| value.to_str().ok());
            report.error_type = header.unwrap_or("Unknown").to_owned();
        }
        report
    }
}

fn accepted(known: bool) -> Response {
    if known {
        (StatusCode::ACCEPTED, Json(json!({"status": "OK"}))).into_response()
    } else {
        refusal(StatusCode::BAD_REQUEST, "InvalidRequestID", "no such invocation is under way")
    }
}

fn refusal(status: StatusCode, error_type: &str, message: &str) -> Response {
    (status, Json(json!({"errorType": error_type, "errorMessage": message}))).into_response()
}
