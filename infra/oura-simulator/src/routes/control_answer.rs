//! Bodies and errors of the control API.

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::answers::json_text;
use crate::control::error::ControlError;

pub(crate) type Answer = Result<Response, Failure>;

/// A failed control call: `{"error":"<stable code>","message":"<for people>"}`, 404 for unknown things, 403 for other
/// senders, otherwise 400.
pub(crate) struct Failure(ControlError);

impl From<ControlError> for Failure {
    fn from(error: ControlError) -> Self {
        Self(error)
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let status = match self.0 {
            ControlError::UnknownPerson | ControlError::UnknownDocument | ControlError::UnknownFault => {
                StatusCode::NOT_FOUND
            }
            ControlError::ForeignHost | ControlError::ForeignOrigin => StatusCode::FORBIDDEN,
            _ => StatusCode::BAD_REQUEST,
        };
        json_text(status, json!({ "error": self.0.code(), "message": self.0.to_string() }).to_string())
    }
}

fn malformed(error: impl ToString) -> Failure {
    Failure(ControlError::MalformedBody(error.to_string()))
}

/// The parsed body. An empty one counts as an empty object, so that curl needs no `-d` for calls without parameters.
pub(crate) fn parsed<T: DeserializeOwned>(body: &[u8]) -> Result<T, Failure> {
    let body = if body.is_empty() { b"{}".as_slice() } else { body };
    serde_json::from_slice(body).map_err(malformed)
}

/// A part of the path as a value.
pub(crate) fn parsed_text<T: std::str::FromStr<Err: ToString>>(text: &str) -> Result<T, Failure> {
    text.parse().map_err(malformed)
}

pub(crate) fn shown(value: &impl Serialize) -> Answer {
    serde_json::to_string(value).map(|text| json_text(StatusCode::OK, text)).map_err(malformed)
}

pub(crate) fn done() -> Answer {
    shown(&json!({ "done": true }))
}
