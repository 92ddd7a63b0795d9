//! Answers in Oura's forms.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde_json::{Value, json};

/// Index of the person that an answer is about; put into the response's extensions for the log.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Subject(pub(crate) usize);

/// A JSON text as an answer.
pub(crate) fn json_text(status: StatusCode, body: String) -> Response {
    let mut response = (status, body).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// `{"detail":"..."}`.
pub(crate) fn detail(status: StatusCode, text: &str) -> Response {
    json_text(status, json!({ "detail": text }).to_string())
}

/// A status without a body, as clients report of Oura's 401, 403 and 429.
pub(crate) fn bare(status: StatusCode) -> Response {
    (status, Body::empty()).into_response()
}

/// A parameter that does not parse, in FastAPI's form.
pub(crate) fn unprocessable(parameter: &str, kind: &str, message: &str, input: &str) -> Response {
    let error: Value = json!({ "loc": ["query", parameter], "msg": message, "type": kind, "input": input });
    json_text(StatusCode::UNPROCESSABLE_ENTITY, json!({ "detail": [error] }).to_string())
}

/// An error of the token endpoint (RFC 6749 section 5.2).
pub(crate) fn oauth_error(status: StatusCode, code: &str, description: Option<&str>) -> Response {
    let mut body = json!({ "error": code });
    if let (Value::Object(fields), Some(text)) = (&mut body, description) {
        fields.insert("error_description".to_owned(), json!(text));
    }
    unstored(json_text(status, body.to_string()))
}

/// The answer, marked as not to be stored (RFC 6749 section 5.1).
pub(crate) fn unstored(mut response: Response) -> Response {
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// The answer, marked with the person that it is about.
pub(crate) fn of_person(person: Option<usize>, mut response: Response) -> Response {
    if let Some(person) = person {
        response.extensions_mut().insert(Subject(person));
    }
    response
}
