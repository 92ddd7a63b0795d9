//! Payload 2.0 events of the HTTP API, as the local gateway builds them.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::LazyLock;

use axum::http::{Request, header};
use bytes::Bytes;
use local::gateway::event::{self, Envelope};
use local::gateway::routes::{PREFIX, Route, Routes};
use local::template::Deployment;
use serde_json::{Value, json};

/// The template's route of a request, or the one that it names `$default`. `path` is below the product's prefix.
pub fn route(method: &str, path: &str) -> &'static Route {
    static ROUTES: LazyLock<Routes> = LazyLock::new(|| Routes::of(Deployment::of_project().unwrap()).unwrap());
    ROUTES.find(&method.parse().unwrap(), &format!("{PREFIX}{path}")).unwrap()
}

/// The event of one request, after the authorizer. `path` is below the product's prefix; it and the query arrive as given, even
/// malformed ones.
pub fn event(claims: Option<Value>, method: &str, path: &str, query: &str, body: &str, cookies: &[&str]) -> Value {
    let route_key = &route(method, path).key;
    let path = format!("{PREFIX}{path}");
    let mut request = Request::builder().method(method).uri("/").header(header::HOST, "api.example");
    request = request.header(header::CONTENT_TYPE, "application/json");
    for cookie in cookies {
        request = request.header(header::COOKIE, *cookie);
    }
    let (parts, ()) = request.body(()).unwrap().into_parts();
    let envelope = Envelope {
        route_key,
        path: &path,
        claims: claims.as_ref().map(|_| BTreeMap::new()),
        request_id: "r",
        peer: SocketAddr::from((Ipv4Addr::LOCALHOST, 50_000)),
        at: "2026-03-18T12:00:00Z".parse().unwrap(),
    };
    let mut event = event::event(&parts, &Bytes::copy_from_slice(body.as_bytes()), envelope).unwrap();
    event["rawQueryString"] = json!(query);
    if let Some(claims) = claims {
        event["requestContext"]["authorizer"]["jwt"]["claims"] = claims;
    }
    event
}
