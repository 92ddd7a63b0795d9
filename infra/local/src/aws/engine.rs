//! Requests to the `winterbaume` engines, which read region and operation from a request's address and headers.

use http::HeaderMap;
use serde_json::Value;
use winterbaume_core::MockRequest;

use super::REGION;
use super::call::Service;

/// A call as the engines take it. Everything lives in one region, whatever region a client names.
pub(crate) fn request(service: Service, operation: &str, input: &Value) -> MockRequest {
    with_body(service, operation, input.to_string().into())
}

/// The same with a body as it came.
pub(crate) fn with_body(service: Service, operation: &str, body: bytes::Bytes) -> MockRequest {
    let mut headers = HeaderMap::new();
    if let Ok(target) = format!("{service}.{operation}").parse() {
        headers.insert("x-amz-target", target);
    }
    MockRequest { method: "POST".into(), uri: format!("https://{service}.{REGION}.amazonaws.com/"), headers, body }
}
