//! What is answered, and why something is refused.

use aws_lambda_events::event::lambda_function_urls::LambdaFunctionUrlResponse;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderValue, StatusCode};
use serde_json::{Value, json};
use shared::oura::SignatureError;

/// Why a request is refused. Each has a status, a stable code, and a text that holds nothing of the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// Neither GET nor POST.
    Method,
    /// The handshake names a parameter twice: which one is meant?
    RepeatedParameter,
    /// The handshake does not know the verification token.
    Token,
    /// The handshake knows the token, but its challenge is missing or is nothing that should be repeated.
    Challenge,
    /// The body is larger than [`BODY_LIMIT`](crate::BODY_LIMIT).
    TooLarge,
    /// The body is not the base64 that it is said to be.
    Base64,
    /// The notice is not proven to be Oura's.
    NotGenuine(SignatureError),
    /// The notice is Oura's, but it is none that can be read.
    Body,
    /// The secret or the queue cannot be reached. The sender should come again.
    Unavailable,
}

impl Refusal {
    /// Its HTTP status. Oura comes again after each of them; it gives up for good after a 410 only (Oura API v2, webhooks),
    /// which is none of them.
    #[must_use]
    pub fn status(self) -> StatusCode {
        match self {
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::RepeatedParameter | Self::Challenge | Self::Base64 | Self::Body => StatusCode::BAD_REQUEST,
            Self::Token | Self::NotGenuine(_) => StatusCode::UNAUTHORIZED,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// A stable word for it: part of the answer, and the dimension of a metric.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Method => "method_not_allowed",
            Self::RepeatedParameter => "invalid_query",
            Self::Token => "invalid_token",
            Self::Challenge => "invalid_challenge",
            Self::TooLarge => "body_too_large",
            Self::Base64 => "invalid_base64",
            Self::NotGenuine(why) => why.code(),
            Self::Body => "invalid_body",
            Self::Unavailable => "service_unavailable",
        }
    }

    fn message(self) -> &'static str {
        match self {
            Self::Method => "This address takes GET and POST.",
            Self::RepeatedParameter => "A query parameter is repeated.",
            Self::Token => "The verification token is missing or wrong.",
            Self::Challenge => "The challenge is missing, too long, or not plain text.",
            Self::TooLarge => "The body is too large.",
            Self::Base64 => "The body is not the base64 that it is said to be.",
            Self::NotGenuine(_) => "The notice is not proven to be Oura's.",
            Self::Body => "The body is not a notice.",
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

/// The notice is ours now.
pub(crate) fn accepted() -> LambdaFunctionUrlResponse {
    json_answer(StatusCode::OK, &json!({ "success": true }))
}

/// What Oura's handshake wants to hear: not in the project's envelope, but in Oura's own form.
pub(crate) fn challenge(challenge: &str) -> LambdaFunctionUrlResponse {
    json_answer(StatusCode::OK, &json!({ "challenge": challenge }))
}

fn json_answer(status: StatusCode, body: &Value) -> LambdaFunctionUrlResponse {
    let mut answer = LambdaFunctionUrlResponse::default();
    answer.status_code = i64::from(status.as_u16());
    answer.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    // The challenge is the sender's own text: no browser may take it for a page.
    answer.headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    answer.headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer.body = Some(body.to_string());
    answer
}
