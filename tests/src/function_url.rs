//! Events of a function URL, payload 2.0, as Lambda sends them; for tests and benchmarks.

use serde_json::{Value, json};
use shared::oura::{ClientSecret, sign};

/// A request without a body.
pub fn event(method: &str, query: &str, headers: &[(&str, &str)]) -> Value {
    let mut all = json!({
        "host": "abc123.lambda-url.us-east-1.on.aws", "x-forwarded-proto": "https", "x-forwarded-port": "443",
        "x-forwarded-for": "203.0.113.9", "x-amzn-tls-version": "TLSv1.3", "x-amzn-tls-cipher-suite": "TLS_AES_128_GCM_SHA256",
        "x-amzn-trace-id": "Root=1-69a42b40-0123456789abcdef01234567", "content-type": "application/json",
        "accept": "*/*", "user-agent": "agent/1.0",
    });
    for (name, value) in headers {
        all[name] = json!(value);
    }
    json!({
        "version": "2.0", "routeKey": "$default", "rawPath": "/", "rawQueryString": query, "headers": all,
        "requestContext": {
            "accountId": "anonymous", "apiId": "abc123", "domainName": "abc123.lambda-url.us-east-1.on.aws",
            "domainPrefix": "abc123", "requestId": "7d1c6a55-0000-4000-8000-3f2b8f4a9c01", "routeKey": "$default",
            "stage": "$default", "time": "01/Mar/2026:12:00:00 +0000", "timeEpoch": 1_772_366_400_000_i64,
            "http": {
                "method": method, "path": "/", "protocol": "HTTP/1.1", "sourceIp": "203.0.113.9", "userAgent": "agent/1.0",
            },
        },
        "isBase64Encoded": false,
    })
}

/// A POST with this body as text.
pub fn post(signature: &str, timestamp: &str, body: &str) -> Value {
    let mut event = event("POST", "", &[("x-oura-signature", signature), ("x-oura-timestamp", timestamp)]);
    event["body"] = json!(body);
    event
}

/// A POST signed as Oura signs it.
pub fn signed_with(secret: &ClientSecret, timestamp: &str, body: &str) -> Value {
    post(&sign(secret, timestamp, body.as_bytes()), timestamp, body)
}

/// Body of a webhook event of Oura.
pub fn webhook_event(document: &str) -> String {
    let before = r#"{"event_type":"update","data_type":"daily_sleep","object_id":""#;
    let after = r#"","event_time":"2026-03-01T11:59:40+00:00","user_id":"ring-1"}"#;
    format!("{before}{document}{after}")
}
