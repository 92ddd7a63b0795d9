//! Refusals of requests.

use std::borrow::Cow;
use std::time::Duration;

use lambda_http::http::StatusCode;

/// Refusal of a request, as the caller sees it. Internal causes are logged where they occur.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "HTTP's own name")]
pub struct HttpError {
    pub status: StatusCode,
    /// Stable code, documented in OpenAPI: frontends branch on it.
    pub code: &'static str,
    /// Text for people, without internals and without content of the request.
    pub message: Cow<'static, str>,
    /// Wait before a retry, if known; the answer's `Retry-After`.
    pub retry_after: Option<Duration>,
    /// Methods of the route; the answer's `Allow`.
    pub allow: Option<&'static str>,
}

impl HttpError {
    /// Creates a refusal.
    #[must_use]
    pub fn new(status: StatusCode, code: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self { status, code, message: message.into(), retry_after: None, allow: None }
    }

    /// 400 with this code and text.
    #[must_use]
    pub fn bad_request(code: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message)
    }

    /// 404: no such route.
    #[must_use]
    pub fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", "There is no such route.")
    }

    /// 405: the route takes only these methods, such as `GET, POST` (RFC 9110, section 15.5.6).
    #[must_use]
    pub fn method_not_allowed(allow: &'static str) -> Self {
        let message = "This route does not take this method.";
        let refusal = Self::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", message);
        Self { allow: Some(allow), ..refusal }
    }

    /// 429 with this code: the patient's rate is exceeded for this wait.
    #[must_use]
    pub fn too_many(code: &'static str, wait: Duration) -> Self {
        // Rounded up: a retry at the named second is accepted.
        let wait = Duration::from_secs(wait.as_secs() + u64::from(wait.subsec_nanos() > 0)).max(Duration::from_secs(1));
        let seconds = wait.as_secs();
        let when =
            if seconds < 120 { format!("{seconds} seconds") } else { format!("{} minutes", seconds.div_ceil(60)) };
        let message = format!("That was asked for too often. Please try again in {when}.");
        Self { retry_after: Some(wait), ..Self::new(StatusCode::TOO_MANY_REQUESTS, code, message) }
    }

    /// 500: an error of this service.
    #[must_use]
    pub fn internal() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "Something went wrong on our side.")
    }

    /// 503: a dependency does not answer; a retry may succeed.
    #[must_use]
    pub fn unavailable() -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "service_unavailable", "Please try again in a moment.")
    }
}
