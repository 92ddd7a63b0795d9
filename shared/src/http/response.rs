//! Responses: the envelope, refusals, redirects, cookies.

use lambda_http::http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_TYPE, LOCATION, RETRY_AFTER, SET_COOKIE, WWW_AUTHENTICATE,
};
use lambda_http::http::{HeaderValue, StatusCode};
use lambda_http::{Body, Response};
use serde::Serialize;
use serde_json::json;

use super::HttpError;

/// Returns the response of a success.
#[must_use]
pub fn success(status: StatusCode, data: &impl Serialize) -> Response<Body> {
    #[derive(Serialize)]
    struct Envelope<'d, D> {
        success: bool,
        data: &'d D,
    }
    match serde_json::to_string(&Envelope { success: true, data }) {
        Ok(body) => json_response(status, body),
        Err(error) => {
            tracing::error!(event = "http.answer_not_serialized", %error, "answer could not be serialized");
            failure(&HttpError::internal())
        }
    }
}

/// Returns the response of a refusal.
#[must_use]
pub fn failure(error: &HttpError) -> Response<Body> {
    let body = json!({ "success": false, "error": { "code": error.code, "message": error.message } });
    let mut response = json_response(error.status, body.to_string());
    if let Some(wait) = error.retry_after {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(wait.as_secs()));
    }
    if let Some(methods) = error.allow {
        response.headers_mut().insert(ALLOW, HeaderValue::from_static(methods));
    }
    if error.status == StatusCode::UNAUTHORIZED {
        // RFC 6750, section 3: no error code where there was no token.
        let challenge = if error.code == "unauthorized" { "Bearer" } else { "Bearer error=\"invalid_token\"" };
        response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
    }
    response
}

/// Returns an empty response.
#[must_use]
pub fn no_content() -> Response<Body> {
    let mut response = Response::new(Body::Empty);
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}

/// Returns a redirect that turns every method into GET (RFC 9110, section 15.4.4). A location that does not fit into a header is
/// an internal error.
#[must_use]
pub fn see_other(location: &str) -> Response<Body> {
    let mut response = Response::new(Body::Empty);
    match HeaderValue::from_str(location) {
        Ok(location) => {
            *response.status_mut() = StatusCode::SEE_OTHER;
            response.headers_mut().insert(LOCATION, location);
            // The callback's URL has a code and a state: it must reach neither the next page nor a cache.
            response.headers_mut().insert("referrer-policy", HeaderValue::from_static("no-referrer"));
            response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
            response
        }
        Err(error) => {
            tracing::error!(event = "http.location_malformed", %error, "redirect had a malformed location");
            failure(&HttpError::internal())
        }
    }
}

/// Adds a `Set-Cookie` header. The value is plain ASCII.
#[must_use]
pub fn with_cookie(mut response: Response<Body>, cookie: &str) -> Response<Body> {
    if let Ok(value) = HeaderValue::from_str(cookie) {
        response.headers_mut().append(SET_COOKIE, value);
    }
    response
}

fn json_response(status: StatusCode, body: String) -> Response<Body> {
    let mut response = Response::new(Body::Text(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
