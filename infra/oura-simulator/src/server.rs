//! Connections, and the checks around every request: User-Agent, latency, faults, the log.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use http::{Request, StatusCode, header};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::answers::{Subject, bare, detail};
use crate::cloud::state::Cloud;
use crate::faults::pages::endless_page;
use crate::faults::request_match::RequestView;
use crate::faults::rewrite::rewritten;
use crate::lock::lock;
use crate::options::token_host::{NEW_PORTAL_REVOKE, NEW_PORTAL_TOKEN};
use crate::people::key_of;
use crate::request_log::{RequestRecord, redacted};
use crate::routes::control_answer::Failure;
use crate::routes::fields::Fields;
use crate::routes::{
    authorize, control_data_routes, control_guard, control_routes, control_webhook_routes, subscriptions, token,
    usercollection,
};

/// A connection that a fault closes without an answer.
#[derive(Debug, thiserror::Error)]
#[error("a fault drops this connection")]
struct Dropped;

/// Bytes of a request to a token endpoint that are read.
const MAX_TOKEN_REQUEST: usize = 1 << 20;

type Routes = TowerToHyperService<Router>;

fn routes(cloud: Arc<Cloud>) -> Routes {
    let router = Router::new()
        .route("/oauth/authorize", get(authorize::page).post(authorize::decision))
        .route("/oauth/token", post(token::token))
        .route("/oauth/revoke", post(token::revoke))
        .route(NEW_PORTAL_TOKEN, post(token::new_portal_token))
        .route(NEW_PORTAL_REVOKE, post(token::new_portal_revoke))
        .route("/v2/usercollection/{collection}", get(usercollection::list))
        .route("/v2/usercollection/{collection}/{document_id}", get(usercollection::single))
        .merge(subscriptions::routes())
        .merge(control_routes::routes())
        .merge(control_data_routes::routes())
        .merge(control_webhook_routes::routes())
        .fallback(async || detail(StatusCode::NOT_FOUND, "Not Found"))
        .method_not_allowed_fallback(async || detail(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed"))
        .with_state(cloud);
    TowerToHyperService::new(router)
}

/// Accepts connections until it is dropped, which closes them all.
pub(crate) async fn serve(listener: TcpListener, cloud: Arc<Cloud>) {
    let routes = routes(Arc::clone(&cloud));
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(serve_connection(stream, Arc::clone(&cloud), routes.clone()));
                }
                Err(error) => {
                    // Out of file descriptors, most likely: others will close in a moment.
                    tracing::warn!(event = "simulator.accept_failed", %error, "a connection could not be accepted");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            },
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
        }
    }
}

async fn serve_connection(stream: TcpStream, cloud: Arc<Cloud>, routes: Routes) {
    // Answers are small and awaited: waiting to fill a packet would only add 40 ms here and there.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| answer(Arc::clone(&cloud), routes.clone(), request));
    if let Err(error) = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await {
        tracing::debug!(event = "simulator.connection_failed", %error, "a connection ended early");
    }
}

async fn answer(cloud: Arc<Cloud>, routes: Routes, request: Request<Incoming>) -> Result<Response, Dropped> {
    if request.uri().path().starts_with("/control/") {
        if let Err(refusal) = control_guard::check(request.headers(), &cloud.url) {
            return Ok(Failure::from(refusal).into_response());
        }
        return Ok(routed(&routes, request.map(Body::new)).await);
    }
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let query = redacted(request.uri().query().unwrap_or(""));
    let (mut request, token_request) = read_token_request(request.map(Body::new)).await;
    let mut person = owner(&cloud, &request, &token_request);
    let key = person.and_then(key_of);
    let now = cloud.clock.now();
    if path.starts_with("/v2/usercollection/") {
        lock(&cloud.request_rate).count(now.as_millisecond());
    }
    let grant_type = token_request.one("grant_type");
    let view = RequestView { method: &method, path: &path, person: key.as_deref(), grant_type };
    let effect = lock(&cloud.faults).apply(&view, now);
    if !effect.delay.is_zero() {
        tokio::time::sleep(effect.delay).await;
    }
    let outcome = match &effect.replacement {
        Some(fault) => {
            if fault.after_response_applied {
                let applied = accepted(&routes, request).await;
                person = person.or(applied.extensions().get::<Subject>().map(|subject| subject.0));
            }
            if fault.drop_connection { Err(Dropped) } else { Ok(fault.response()) }
        }
        None => {
            let page = if effect.rewrites.is_empty() { 0 } else { take_endless_page(&mut request) };
            Ok(rewritten(accepted(&routes, request).await, &effect.rewrites, page).await)
        }
    };
    let outcome = match (outcome, effect.drip) {
        (Ok(response), Some(drip)) => Ok(drip.slowed(response).await),
        (outcome, _) => outcome,
    };
    let subject = outcome.as_ref().ok().and_then(|response| response.extensions().get::<Subject>());
    lock(&cloud.log).add(RequestRecord {
        at: cloud.clock.now().to_string(),
        method: method.to_string(),
        path,
        query,
        person: subject.map(|subject| subject.0).or(person).and_then(key_of).map(Cow::into_owned),
        status: outcome.as_ref().ok().map(|response| response.status().as_u16()),
        faulted: effect.changes_answer(),
    });
    outcome
}

/// The parameters of a request to a token endpoint, and the request with its body unread.
async fn read_token_request(request: Request<Body>) -> (Request<Body>, Fields) {
    let path = request.uri().path();
    if !matches!(path, "/oauth/token" | NEW_PORTAL_TOKEN) {
        return (request, Fields::parse(b""));
    }
    let (parts, body) = request.into_parts();
    let whole = axum::body::to_bytes(body, MAX_TOKEN_REQUEST).await.unwrap_or_default();
    let fields = Fields::parse(&whole);
    (Request::from_parts(parts, Body::from(whole)), fields)
}

/// The person whose access token, refresh token or code a request carries.
fn owner(cloud: &Cloud, request: &Request<Body>, token_request: &Fields) -> Option<usize> {
    let tokens = lock(&cloud.tokens);
    let of_credential = |name: &str| tokens.owner_of_credential(token_request.one(name)?);
    let bearer = usercollection::bearer_token(request.headers()).and_then(|token| tokens.owner(token));
    bearer.or_else(|| of_credential("refresh_token")).or_else(|| of_credential("code"))
}

/// Removes the page token of a list that never ends, and returns the number of the page.
fn take_endless_page(request: &mut Request<Body>) -> u64 {
    let Some((query, page)) = request.uri().query().and_then(endless_page) else { return 0 };
    let Ok(uri) = format!("{}?{query}", request.uri().path()).parse() else { return 0 };
    *request.uri_mut() = uri;
    page
}

/// Answers a request with a `User-Agent`; the pages for browsers need none.
async fn accepted(routes: &Routes, request: Request<Body>) -> Response {
    let named = request.headers().get(header::USER_AGENT).is_some_and(|agent| !agent.is_empty());
    if named || request.uri().path() == "/oauth/authorize" {
        routed(routes, request).await
    } else {
        bare(StatusCode::FORBIDDEN)
    }
}

async fn routed(routes: &Routes, request: Request<Body>) -> Response {
    match routes.call(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    }
}
