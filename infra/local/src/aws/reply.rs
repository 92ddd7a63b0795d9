//! An AWS answer, before it is sent.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use http::{HeaderMap, Response, StatusCode};
use http_body_util::Full;
use serde_json::{Value, json};
use winterbaume_core::MockResponse;

use super::call::Service;

/// Header of the request id in the JSON protocols.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");
/// DynamoDB's checksum of an answer's body. Clients check it only where it is present.
const CHECKSUM: HeaderName = HeaderName::from_static("x-amz-crc32");
/// The code of the old query protocol, which the SDKs of SQS read before the body's own.
const QUERY_ERROR: HeaderName = HeaderName::from_static("x-amzn-query-error");

/// Status, headers and body of an answer.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Reply {
    /// A JSON answer.
    pub fn json(service: Service, status: StatusCode, body: &Value) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(service.media_type()));
        Self { status, headers, body: body.to_string().into() }
    }

    /// A success.
    pub fn ok(service: Service, body: &Value) -> Self {
        Self::json(service, StatusCode::OK, body)
    }

    /// An error in the form that the SDKs read: the code in `__type`.
    pub fn error(service: Service, status: StatusCode, code: &str, message: &str) -> Self {
        Self::json(service, status, &json!({"__type": code, "message": message}))
    }

    /// The caller's mistake.
    pub fn refused(service: Service, code: &str, message: &str) -> Self {
        Self::error(service, StatusCode::BAD_REQUEST, code, message)
    }

    /// An error of SQS whose shape and whose query-protocol code differ: the SDKs read one or the other.
    pub fn query_error(shape: &str, query_code: &str, message: &str) -> Self {
        let mut reply = Self::refused(Service::Sqs, &format!("com.amazonaws.sqs#{shape}"), message);
        if let Ok(value) = HeaderValue::from_str(&format!("{query_code};Sender")) {
            reply.headers.insert(QUERY_ERROR, value);
        }
        reply
    }

    /// The body as JSON; null when it is none.
    pub fn value(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The same answer with another JSON body.
    pub fn with_value(self, body: &Value) -> Self {
        self.with_body(body.to_string())
    }

    /// The same answer with another body.
    pub fn with_body(mut self, body: impl Into<Bytes>) -> Self {
        self.headers.remove(CHECKSUM);
        self.body = body.into();
        self
    }

    /// The error code, without its namespace; empty for a success.
    pub fn code(&self) -> String {
        if self.status.is_success() {
            return String::new();
        }
        let body = self.value();
        let code = body["__type"].as_str().unwrap_or_default();
        code.rsplit('#').next().unwrap_or_default().to_owned()
    }

    /// The answer as an HTTP response with a request id.
    pub fn into_http(self) -> Response<Full<Bytes>> {
        let mut response = Response::new(Full::new(self.body));
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        if let Ok(id) = HeaderValue::from_str(&uuid::Uuid::new_v4().to_string()) {
            response.headers_mut().entry(REQUEST_ID).or_insert(id);
        }
        response
    }
}

impl From<MockResponse> for Reply {
    fn from(response: MockResponse) -> Self {
        Self {
            status: StatusCode::from_u16(response.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
            headers: response.headers,
            body: response.body,
        }
    }
}
