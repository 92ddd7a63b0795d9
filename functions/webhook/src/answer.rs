//! Answers, and reasons of refusals.

use aws_lambda_events::event::lambda_function_urls::LambdaFunctionUrlResponse;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderValue, StatusCode};
use serde_json::{Value, json};
use shared::oura::SignatureError;
use strum::IntoStaticStr;

/// Reason of a refusal. Each has a status, a stable code, and a text without any content of the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, IntoStaticStr)]
pub enum Refusal {
    /// Neither GET nor POST.
    #[strum(serialize = "method_not_allowed")]
    Method,
    /// A parameter of the handshake is repeated.
    #[strum(serialize = "invalid_query")]
    RepeatedParameter,
    /// The verification token of the handshake is missing or wrong.
    #[strum(serialize = "invalid_token")]
    Token,
    /// The token of the handshake is right, but its challenge is missing or not plain text.
    #[strum(serialize = "invalid_challenge")]
    Challenge,
    /// The body is larger than [`BODY_LIMIT`](crate::BODY_LIMIT).
    #[strum(serialize = "body_too_large")]
    TooLarge,
    /// The body is flagged as base64 and is not.
    #[strum(serialize = "invalid_base64")]
    Base64,
    /// The signature does not prove that the request is Oura's.
    Unverified(SignatureError),
    /// The request is Oura's, but its body is not a readable webhook event.
    #[strum(serialize = "invalid_body")]
    Body,
    /// The secret or the queue is unavailable. The sender should retry.
    #[strum(serialize = "service_unavailable")]
    Unavailable,
}

impl Refusal {
    /// HTTP status. Oura retries after each of them, and cancels the subscription only after a 410 (Oura API v2, webhooks),
    /// which is not among them.
    #[must_use]
    pub fn status(self) -> StatusCode {
        match self {
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::RepeatedParameter | Self::Challenge | Self::Base64 | Self::Body => StatusCode::BAD_REQUEST,
            Self::Token | Self::Unverified(_) => StatusCode::UNAUTHORIZED,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// Stable code: part of the answer, and the dimension of a metric.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Unverified(error) => error.code(),
            other => other.into(),
        }
    }

    fn message(self) -> &'static str {
        match self {
            Self::Method => "This address takes GET and POST.",
            Self::RepeatedParameter => "A query parameter is repeated.",
            Self::Token => "The verification token is missing or wrong.",
            Self::Challenge => "The challenge is missing, too long, or not plain text.",
            Self::TooLarge => "The body is too large.",
            Self::Base64 => "The body is not valid base64.",
            Self::Unverified(_) => "The request is not signed by Oura.",
            Self::Body => "The body is not a webhook event.",
            Self::Unavailable => "Please send it again in a moment.",
        }
    }

    pub(crate) fn answer(self) -> LambdaFunctionUrlResponse {
        let error = json!({ "code": self.code(), "message": self.message() });
        let mut answer = json_answer(self.status(), &json!({ "success": false, "error": error }));
        if self == Self::Method {
            answer.headers.insert(ALLOW, HeaderValue::from_static("GET, POST"));
        }
        answer
    }
}

/// Answer to a queued webhook event.
pub(crate) fn accepted() -> LambdaFunctionUrlResponse {
    json_answer(StatusCode::OK, &json!({ "success": true }))
}

/// Answer to a handshake, in Oura's form instead of the project's envelope.
pub(crate) fn challenge(challenge: &str) -> LambdaFunctionUrlResponse {
    json_answer(StatusCode::OK, &json!({ "challenge": challenge }))
}

fn json_answer(status: StatusCode, body: &Value) -> LambdaFunctionUrlResponse {
    let mut answer = LambdaFunctionUrlResponse::default();
    answer.status_code = i64::from(status.as_u16());
    answer.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    // The challenge is the sender's own text: no browser may render it as a page.
    answer.headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    answer.headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer.body = Some(body.to_string());
    answer
}
