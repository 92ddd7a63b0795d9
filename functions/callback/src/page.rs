//! The small page for platforms without a page of their own. It shows fixed texts only: nothing of the request.

use lambda_http::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY};
use lambda_http::http::{HeaderValue, StatusCode};
use lambda_http::{Body, Response};

use crate::Refusal;

pub(crate) fn render(outcome: &Result<(), Refusal>) -> Response<Body> {
    let (status, title, text) = match outcome {
        Ok(()) => (StatusCode::OK, "Your ring is connected", "Your data is on its way. You can close this page."),
        Err(refusal @ Refusal::AccessDenied) => (StatusCode::OK, "Your ring is not connected", refusal.message()),
        Err(refusal) => (refusal.http_status(), "Your ring could not be connected", refusal.message()),
    };
    let html = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width,initial-scale=1\"><title>{title}</title><style>:root{{color-scheme:light dark}}\
         body{{font:1.1rem/1.5 system-ui,sans-serif;max-width:34rem;margin:15vh auto;padding:0 1.5rem}}</style></head>\
         <body><main><h1>{title}</h1><p>{text}</p></main></body></html>"
    );
    let mut response = Response::new(Body::Text(html));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(
        CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"),
    );
    response
}
