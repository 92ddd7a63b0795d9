//! Between HTTP and Lambda: requests become the events of an HTTP API with payload format 2.0, and responses come back
//! (<https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html>). The event
//! is built as JSON and read by `lambda_http`, so that a function sees here exactly what it sees behind API Gateway.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use axum::body::Body as HttpBody;
use axum::http::request::Parts;
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName, Response, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use jiff::Timestamp;
use lambda_http::Body as LambdaBody;
use serde_json::{Map, Value, json};

/// A request that API Gateway itself would not pass on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadRequest {
    /// The `Host` header is missing or no host.
    #[error("the Host header is missing or malformed")]
    Host,
    /// The target is not a path, as in `OPTIONS *`.
    #[error("the request target must be a path")]
    Target,
    /// `lambda_http` does not read the event: nothing that a client should be able to bring about.
    #[error("the request cannot be passed on")]
    Event,
}

/// Data that the gateway adds to a request.
pub struct Envelope<'a> {
    /// The route that matched, such as `GET /x`, or `$default`.
    pub route_key: &'a str,
    /// The path that the function sees: of the webhook's function URL, the one below the gateway's path.
    pub path: &'a str,
    /// The claims of the verified token, on routes with the authorizer.
    pub claims: Option<BTreeMap<String, String>>,
    /// Names this request in logs and in the response.
    pub request_id: &'a str,
    /// Address of the client.
    pub peer: SocketAddr,
    /// Time of the request.
    pub at: Timestamp,
}

/// The event of one request.
///
/// # Errors
/// [`BadRequest`].
pub fn event(parts: &Parts, body: &Bytes, envelope: Envelope<'_>) -> Result<Value, BadRequest> {
    if !parts.uri.path().starts_with('/') {
        return Err(BadRequest::Target);
    }
    let host = host(parts).ok_or(BadRequest::Host)?;
    let (headers, cookies) = headers(&parts.headers, &host, envelope.peer);
    let user_agent = headers.get("user-agent").cloned().unwrap_or_default();
    let query = parts.uri.query().unwrap_or_default();
    let (body, is_base64) = encode_body(&parts.headers, body);

    let mut context = json!({
        "accountId": "000000000000", "apiId": "local", "domainName": host.host(), "domainPrefix": "local",
        "http": {
            "method": parts.method.as_str(), "path": envelope.path, "protocol": "HTTP/1.1",
            "sourceIp": envelope.peer.ip().to_string(), "userAgent": user_agent,
        },
        "requestId": envelope.request_id, "routeKey": envelope.route_key, "stage": "$default",
        "time": envelope.at.strftime("%d/%b/%Y:%H:%M:%S +0000").to_string(),
        "timeEpoch": envelope.at.as_millisecond(),
    });
    if let Some(claims) = envelope.claims {
        context["authorizer"] = json!({"jwt": {"claims": claims, "scopes": null}});
    }
    let mut event = json!({
        "version": "2.0", "routeKey": envelope.route_key, "rawPath": envelope.path, "rawQueryString": query,
        "headers": headers, "requestContext": context, "isBase64Encoded": is_base64,
    });
    if !cookies.is_empty() {
        event["cookies"] = json!(cookies);
    }
    if !query.is_empty() {
        event["queryStringParameters"] = Value::Object(query_parameters(query));
    }
    if let Some(body) = body {
        event["body"] = Value::String(body);
    }
    Ok(event)
}

/// The event as the request that a handler of `lambda_http` is called with.
///
/// # Errors
/// [`BadRequest::Event`].
pub fn request(event: &Value) -> Result<lambda_http::Request, BadRequest> {
    // Its error may quote the request, which holds tokens and codes.
    lambda_http::request::from_str(&event.to_string()).map_err(|_error| BadRequest::Event)
}

/// The host that was asked for. `lambda_http` builds a URL from it and stops the process over one that is none.
fn host(parts: &Parts) -> Option<Authority> {
    let text = match parts.headers.get(header::HOST) {
        Some(value) => value.to_str().ok()?,
        None => parts.uri.authority()?.as_str(),
    };
    let is_url = url::Url::parse(&format!("http://{text}/")).is_ok_and(|url| url.username().is_empty());
    text.parse().ok().filter(|_| is_url)
}

/// Lower-cased names, repeated headers joined by commas, cookies apart, and the forwarding headers that the gateway sets.
fn headers(headers: &HeaderMap, host: &Authority, peer: SocketAddr) -> (BTreeMap<String, String>, Vec<String>) {
    let mut joined: BTreeMap<String, String> = BTreeMap::new();
    let mut cookies = Vec::new();
    for (name, value) in headers {
        // A value that is not text has no place in JSON.
        let Ok(value) = value.to_str() else { continue };
        if *name == header::COOKIE {
            cookies.extend(value.split(';').map(str::trim).filter(|cookie| !cookie.is_empty()).map(str::to_owned));
            continue;
        }
        joined
            .entry(name.as_str().to_owned())
            .and_modify(|present| {
                present.push(',');
                present.push_str(value);
            })
            .or_insert_with(|| value.to_owned());
    }
    // Never taken from the client, as API Gateway does not; `x-forwarded-for` is appended to.
    joined.insert("host".to_owned(), host.as_str().to_owned());
    joined.insert("x-forwarded-proto".to_owned(), "http".to_owned());
    joined.insert("x-forwarded-port".to_owned(), host.port_u16().unwrap_or(80).to_string());
    let caller = peer.ip().to_string();
    joined
        .entry("x-forwarded-for".to_owned())
        .and_modify(|present| {
            present.push_str(", ");
            present.push_str(&caller);
        })
        .or_insert(caller);
    (joined, cookies)
}

/// Repeated parameters joined by commas. Handlers read the raw query; this field is for those who read the event.
fn query_parameters(query: &str) -> Map<String, Value> {
    let mut joined: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
        joined
            .entry(name.into_owned())
            .and_modify(|present| {
                present.push(',');
                present.push_str(&value);
            })
            .or_insert_with(|| value.into_owned());
    }
    joined.into_iter().map(|(name, value)| (name, Value::String(value))).collect()
}

/// Text as it is where the content type says text, base64 otherwise: forms too, as behind API Gateway.
fn encode_body(headers: &HeaderMap, body: &Bytes) -> (Option<String>, bool) {
    if body.is_empty() {
        return (None, false);
    }
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("text/plain");
    let kind = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let textual = kind.starts_with("text/")
        || ["application/json", "application/xml", "application/javascript"].contains(&kind.as_str())
        || kind.ends_with("+json")
        || kind.ends_with("+xml");
    match std::str::from_utf8(body) {
        Ok(text) if textual => (Some(text.to_owned()), false),
        _ => (Some(STANDARD.encode(body)), true),
    }
}

/// Headers that API Gateway answers itself once CORS is configured, whatever the function says.
const CORS_HEADERS: [HeaderName; 6] = [
    header::ACCESS_CONTROL_ALLOW_ORIGIN,
    header::ACCESS_CONTROL_ALLOW_CREDENTIALS,
    header::ACCESS_CONTROL_ALLOW_METHODS,
    header::ACCESS_CONTROL_ALLOW_HEADERS,
    header::ACCESS_CONTROL_EXPOSE_HEADERS,
    header::ACCESS_CONTROL_MAX_AGE,
];

/// A function's response on its way to the client. Format 2.0 carries each header once, and cookies in a list of their
/// own, so only `set-cookie` may be repeated: of any other header the last value arrives.
#[must_use]
pub fn response(from: lambda_http::Response<LambdaBody>) -> Response<HttpBody> {
    let (parts, body) = from.into_parts();
    let mut headers = HeaderMap::new();
    for (name, value) in &parts.headers {
        if *name == header::SET_COOKIE {
            headers.append(name.clone(), value.clone());
        } else if !CORS_HEADERS.contains(name) && *name != header::CONTENT_LENGTH {
            headers.insert(name.clone(), value.clone());
        }
    }
    let body = match body {
        LambdaBody::Text(text) => HttpBody::from(text),
        LambdaBody::Binary(bytes) => HttpBody::from(bytes),
        _ => HttpBody::empty(),
    };
    let mut response = Response::new(body);
    *response.status_mut() = parts.status;
    *response.headers_mut() = headers;
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::Request;
    use http_body_util::BodyExt as _;
    use lambda_http::RequestExt as _;
    use lambda_http::request::RequestContext;

    fn envelope<'a>(claims: Option<BTreeMap<String, String>>) -> Envelope<'a> {
        Envelope {
            route_key: "GET /api/x",
            path: "/api/x",
            claims,
            request_id: "r-1",
            peer: "127.0.0.1:5000".parse().unwrap(),
            at: "2026-03-12T19:03:58.390Z".parse().unwrap(),
        }
    }

    fn parts(build: impl FnOnce(axum::http::request::Builder) -> axum::http::request::Builder) -> Parts {
        let builder = Request::builder().uri("/api/x?a=1&b=%20x&a=2").header("Host", "127.0.0.1:3000");
        build(builder).body(()).unwrap().into_parts().0
    }

    #[test]
    fn repeated_headers_are_joined_and_cookies_are_split_out() {
        let parts = parts(|b| {
            b.header("X-Many", "1").header("x-many", "2").header("Cookie", "a=1; b=2").header("Cookie", "c=3")
        });
        let event = event(&parts, &Bytes::new(), envelope(None)).unwrap();
        assert_eq!(event["headers"]["x-many"], "1,2");
        assert_eq!(event["cookies"], json!(["a=1", "b=2", "c=3"]));
        assert!(event["headers"].get("cookie").is_none() && event.get("body").is_none());
        let request = request(&event).unwrap();
        assert_eq!(request.headers()["cookie"], "a=1; b=2; c=3");
    }

    #[test]
    fn query_reaches_the_handler_unchanged() {
        let event = event(&parts(|b| b), &Bytes::new(), envelope(None)).unwrap();
        assert_eq!(event["rawQueryString"], "a=1&b=%20x&a=2");
        assert_eq!(event["queryStringParameters"], json!({"a": "1,2", "b": " x"}));
        let request = request(&event).unwrap();
        assert_eq!(request.query_string_parameters().all("a"), Some(vec!["1", "2"]));
        assert_eq!(request.query_string_parameters().first("b"), Some(" x"));
        assert_eq!((request.raw_http_path(), request.uri().path()), ("/api/x", "/api/x"));
    }

    #[test]
    fn claims_are_where_api_gateway_puts_them_and_nowhere_without_an_authorizer() {
        let claims = BTreeMap::from([("sub".to_owned(), "patient-1".to_owned())]);
        let with = request(&event(&parts(|b| b), &Bytes::new(), envelope(Some(claims))).unwrap()).unwrap();
        let context = with.request_context();
        let RequestContext::ApiGatewayV2(context) = &context else { panic!("an HTTP API's context") };
        assert_eq!(context.authorizer.as_ref().unwrap().jwt.as_ref().unwrap().claims["sub"], "patient-1");
        assert_eq!(context.time.as_deref(), Some("12/Mar/2026:19:03:58 +0000"));

        let without = event(&parts(|b| b), &Bytes::new(), envelope(None)).unwrap();
        assert!(without["requestContext"].get("authorizer").is_none());
    }

    #[test]
    fn json_arrives_as_text_and_everything_else_in_base64_and_both_unharmed() {
        for (content_type, body, is_base64) in [
            ("application/json; charset=utf-8", &b"{\"a\":\"\xc3\xa9\"}"[..], false),
            ("application/x-www-form-urlencoded", b"a=1", true),
            ("application/octet-stream", b"\x00\xff", true),
            ("application/json", b"\xff{", true),
        ] {
            let parts = parts(|b| b.method("POST").header("content-type", content_type));
            let event = event(&parts, &Bytes::from_static(body), envelope(None)).unwrap();
            assert_eq!(event["isBase64Encoded"], is_base64, "{content_type}");
            let request = request(&event).unwrap();
            assert_eq!(request.body().as_ref(), body, "{content_type}");
            assert_eq!(request.method(), "POST");
        }
    }

    #[test]
    fn client_cannot_set_the_forwarding_headers_or_break_the_url() {
        let spoofed = parts(|b| b.header("x-forwarded-proto", "1$%").header("x-forwarded-for", "9.9.9.9"));
        let passed = event(&spoofed, &Bytes::new(), envelope(None)).unwrap();
        assert_eq!(passed["headers"]["x-forwarded-proto"], "http");
        assert_eq!(passed["headers"]["x-forwarded-for"], "9.9.9.9, 127.0.0.1");
        assert!(request(&passed).is_ok());

        for host in ["", "a b", "[::1", "host:99999", "user@host", "a/b"] {
            let bad = Request::builder().uri("/api/x").header("Host", host).body(()).unwrap().into_parts().0;
            assert_eq!(event(&bad, &Bytes::new(), envelope(None)), Err(BadRequest::Host), "{host:?}");
        }
        let star = Request::builder().method("OPTIONS").uri("*").header("Host", "h").body(()).unwrap().into_parts().0;
        assert_eq!(event(&star, &Bytes::new(), envelope(None)), Err(BadRequest::Target));
    }

    #[tokio::test]
    async fn response_keeps_every_cookie_and_leaves_cors_to_the_gateway() {
        let from = lambda_http::Response::builder()
            .status(303)
            .header("location", "/?status=connected")
            .header("set-cookie", "a=1")
            .header("set-cookie", "b=2; HttpOnly")
            .header("access-control-allow-origin", "*")
            .body(LambdaBody::Binary(vec![0, 255]))
            .unwrap();
        let response = response(from);
        assert_eq!(
            (response.status().as_u16(), &response.headers()["location"]),
            (303, &"/?status=connected".parse().unwrap())
        );
        let cookies: Vec<_> = response.headers().get_all("set-cookie").iter().collect();
        assert_eq!(cookies, ["a=1", "b=2; HttpOnly"]);
        assert!(!response.headers().contains_key("access-control-allow-origin"));
        assert_eq!(response.into_body().collect().await.unwrap().to_bytes().as_ref(), [0, 255]);
    }
}
