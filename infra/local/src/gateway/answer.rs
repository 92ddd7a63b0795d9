//! Answers that the gateway gives itself, before or instead of a function.

use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode, header};
use serde_json::{Value, json};

/// A JSON answer.
#[must_use]
pub fn json(status: StatusCode, body: &Value) -> Response<Body> {
    typed(status, "application/json", body.to_string())
}

/// An answer of this content type, never cached: everything here changes from run to run.
#[must_use]
pub fn typed(status: StatusCode, content_type: &'static str, body: impl Into<Body>) -> Response<Body> {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// A failure, in API Gateway's own form (`message`) and in that of the functions (`success`, `error`), so that a client
/// written for either understands it.
#[must_use]
pub fn failure(status: StatusCode, code: &str, message: &str) -> Response<Body> {
    // API Gateway's own texts, which clients may match.
    let plain = match status {
        StatusCode::UNAUTHORIZED => "Unauthorized",
        StatusCode::FORBIDDEN => "Forbidden",
        StatusCode::NOT_FOUND => "Not Found",
        StatusCode::PAYLOAD_TOO_LARGE => "Request Entity Too Large",
        StatusCode::INTERNAL_SERVER_ERROR | StatusCode::BAD_GATEWAY => "Internal Server Error",
        StatusCode::SERVICE_UNAVAILABLE => "Service Unavailable",
        _ => "Bad Request",
    };
    json(status, &json!({"message": plain, "success": false, "error": {"code": code, "message": message}}))
}

/// A redirect that is not cached.
#[must_use]
pub fn redirect(to: &str) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::TEMPORARY_REDIRECT;
    if let Ok(to) = HeaderValue::from_str(to) {
        response.headers_mut().insert(header::LOCATION, to);
    }
    response
}
