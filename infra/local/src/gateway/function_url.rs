//! The webhook's function URL: what Lambda makes of an HTTP request, and of the function's response
//! (<https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html>). The event is that of an HTTP API in format 2.0,
//! without a route and without an authorizer. Neither CORS nor the patient's token plays a part.

use std::net::SocketAddr;

use aws_lambda_events::event::lambda_function_urls::{LambdaFunctionUrlRequest, LambdaFunctionUrlResponse};
use axum::body::Body;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use jiff::Timestamp;

use super::answer;
use super::event::{self, BadRequest, Envelope};
use super::functions::CallFailure;

/// Path at which the gateway serves it. In the cloud it has a host of its own, and every path is the function's.
pub const PATH: &str = "/webhook";

/// The largest request that Lambda takes: 6 MB.
pub const BODY_LIMIT: usize = 6 * 1024 * 1024;

/// True if a path is at or below [`PATH`].
#[must_use]
pub fn owns(path: &str) -> bool {
    path.strip_prefix(PATH).is_some_and(|below| below.is_empty() || below.starts_with('/'))
}

/// The event of one request.
///
/// # Errors
/// [`BadRequest`].
pub fn request(
    parts: &Parts,
    body: &Bytes,
    request_id: &str,
    peer: SocketAddr,
    at: Timestamp,
) -> Result<LambdaFunctionUrlRequest, BadRequest> {
    let below = parts.uri.path().strip_prefix(PATH).filter(|below| !below.is_empty()).unwrap_or("/");
    let envelope = Envelope { route_key: "$default", path: below, claims: None, request_id, peer, at };
    let event = event::event(parts, body, envelope)?;
    // Its error may quote the request.
    serde_json::from_value(event).map_err(|_error| BadRequest::Event)
}

/// The function's response on its way to the client; 502 for one that is none.
#[must_use]
pub fn response(from: LambdaFunctionUrlResponse) -> Response<Body> {
    let Some(status) = u16::try_from(from.status_code).ok().and_then(|code| StatusCode::from_u16(code).ok()) else {
        return bad_gateway("the function answered with no HTTP status");
    };
    let text = from.body.unwrap_or_default();
    let body = if from.is_base64_encoded {
        match STANDARD.decode(text) {
            Ok(bytes) => Body::from(bytes),
            Err(_not_base64) => return bad_gateway("the function's body is not the base64 that it says"),
        }
    } else {
        Body::from(text)
    };
    let mut headers = HeaderMap::new();
    for (name, value) in from.headers.iter().filter(|(name, _)| *name != header::CONTENT_LENGTH) {
        headers.insert(name.clone(), value.clone());
    }
    for cookie in from.cookies.iter().filter_map(|cookie| HeaderValue::from_str(cookie).ok()) {
        headers.append(header::SET_COOKIE, cookie);
    }
    // What Lambda says of a body that the function does not describe.
    headers.entry(header::CONTENT_TYPE).or_insert(HeaderValue::from_static("application/json"));
    let mut response = Response::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}

/// Answer of a function URL when the function gave no response: always 502.
#[must_use]
pub fn no_response(failure: CallFailure) -> Response<Body> {
    bad_gateway(&failure.to_string())
}

fn bad_gateway(message: &str) -> Response<Body> {
    answer::failure(StatusCode::BAD_GATEWAY, "internal_error", message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::Request;
    use http_body_util::BodyExt as _;

    fn parts(uri: &str, headers: &[(&str, &str)]) -> Parts {
        let builder = Request::builder().method("POST").uri(uri).header("Host", "hook.example");
        let builder = headers.iter().fold(builder, |builder, (name, value)| builder.header(*name, *value));
        builder.body(()).unwrap().into_parts().0
    }

    fn event(parts: &Parts, body: &'static [u8]) -> LambdaFunctionUrlRequest {
        let at = "2026-03-12T19:03:58.390Z".parse().unwrap();
        request(parts, &Bytes::from_static(body), "r-1", "203.0.113.9:5000".parse().unwrap(), at).unwrap()
    }

    /// The bytes that the function gets out of an event.
    fn bytes(event: &LambdaFunctionUrlRequest) -> Vec<u8> {
        let text = event.body.clone().unwrap_or_default();
        if event.is_base64_encoded { STANDARD.decode(text).unwrap() } else { text.into_bytes() }
    }

    #[test]
    fn function_sees_the_request_as_behind_its_url() {
        let parts = parts(
            "/webhook/x?verification_token=a%20b&challenge=c&challenge=d",
            &[
                ("X-Oura-Timestamp", "1"),
                ("X-Many", "1"),
                ("x-many", "2"),
                ("Cookie", "a=1; b=2"),
                ("Content-Type", "application/json"),
            ],
        );
        let event = event(&parts, br#"{"a":1}"#);
        assert_eq!(event.headers["x-many"], "1,2");
        assert_eq!(event.headers["x-oura-timestamp"], "1");
        assert!(!event.headers.contains_key("cookie"));
        assert_eq!(event.cookies.as_deref(), Some(&["a=1".to_owned(), "b=2".to_owned()][..]));
        assert_eq!(event.raw_path.as_deref(), Some("/x"));
        assert_eq!(event.raw_query_string.as_deref(), Some("verification_token=a%20b&challenge=c&challenge=d"));
        assert_eq!(event.query_string_parameters["verification_token"], "a b");
        let http = &event.request_context.http;
        assert_eq!((http.method.as_deref(), http.source_ip.as_deref()), (Some("POST"), Some("203.0.113.9")));
        assert!(event.request_context.authorizer.is_none());
        assert_eq!(event.version.as_deref(), Some("2.0"));
    }

    #[test]
    fn the_bodys_bytes_arrive_unchanged_as_text_or_in_base64() {
        for (content_type, body, is_base64) in [
            ("application/json", &b"{ \"a\" :\t\"\xc3\xa9\",\r\n\"a\":1.0 }\n"[..], false),
            ("text/plain", b"plain", false),
            ("application/octet-stream", b"{}", true),
            ("application/json", b"\xff{", true),
            ("application/json", b"", false),
        ] {
            let event = event(&parts("/webhook", &[("content-type", content_type)]), body);
            assert_eq!((event.is_base64_encoded, bytes(&event)), (is_base64, body.to_vec()), "{content_type}");
        }
    }

    #[test]
    fn every_path_below_belongs_to_the_function() {
        for path in ["/webhook", "/webhook/", "/webhook/a/b"] {
            assert!(owns(path), "{path}");
        }
        for path in ["/webhooks", "/", "/api/webhook", "/Webhook"] {
            assert!(!owns(path), "{path}");
        }
        assert_eq!(event(&parts("/webhook", &[]), b"").raw_path.as_deref(), Some("/"));
    }

    #[tokio::test]
    async fn a_response_is_handed_on_with_its_bytes_and_a_broken_one_is_a_502() {
        let of = |status_code, body: &str, is_base64_encoded| {
            let mut from = LambdaFunctionUrlResponse::default();
            from.status_code = status_code;
            from.body = Some(body.to_owned());
            from.is_base64_encoded = is_base64_encoded;
            from.headers.insert("content-length", HeaderValue::from_static("999"));
            from.headers.insert("x-reason", HeaderValue::from_static("kept"));
            from.cookies = vec!["a=1".to_owned(), "b=2".to_owned()];
            response(from)
        };
        let answer = of(401, "AP8=", true);
        assert_eq!((answer.status().as_u16(), &answer.headers()["x-reason"]), (401, &"kept".parse().unwrap()));
        assert_eq!(answer.headers()["content-type"], "application/json");
        assert!(!answer.headers().contains_key("content-length"));
        assert_eq!(answer.headers().get_all("set-cookie").iter().count(), 2);
        assert_eq!(answer.into_body().collect().await.unwrap().to_bytes().as_ref(), [0, 255]);
        let plain = of(200, "AP8=", false);
        assert_eq!(plain.into_body().collect().await.unwrap().to_bytes().as_ref(), b"AP8=");

        for (status, body) in [(0, ""), (70_000, ""), (-1, ""), (200, "not base64!")] {
            assert_eq!(of(status, body, true).status().as_u16(), 502, "{status} {body}");
        }
        assert_eq!(no_response(CallFailure::Crashed).status().as_u16(), 502);
        assert_eq!(no_response(CallFailure::TimedOut).status().as_u16(), 502);
    }
}
