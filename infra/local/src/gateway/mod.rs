//! The HTTP gateway: one port with the product's routes as API Gateway serves them, the webhook's function URL, the console
//! page, and a few addresses under `/dev/` that exist on this machine only.

pub mod answer;
pub mod authorizer;
pub mod cors;
pub mod event;
pub mod function_url;
pub mod functions;
pub mod issuer;
pub mod routes;

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, Response, StatusCode, header};
use bytes::Bytes;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use serde_json::json;
use shared::domain::{Clock, Entropy};
use tokio::net::TcpListener;
use tokio::sync::watch;

use self::authorizer::Authorizer;
use self::cors::Cors;
use self::functions::Functions;
use self::routes::{Route, Routes};
use crate::console::Console;

/// The largest request body that API Gateway takes: 10 MB.
pub const BODY_LIMIT: usize = 10 * 1024 * 1024;

/// The parts that answer the gateway's requests.
pub struct Gateway {
    /// The routes of the HTTP API.
    pub routes: Routes,
    /// The functions behind the routes.
    pub functions: Functions,
    /// Verifies patients' tokens.
    pub authorizer: Arc<Authorizer>,
    /// Allows pages of other origins.
    pub cors: Cors,
    /// The path of `OURA_REDIRECT_URI`.
    pub callback_path: String,
    /// The page and what it asks for.
    pub console: Console,
    /// The functions' clock.
    pub clock: Clock,
    /// Source of request ids.
    pub entropy: Entropy,
}

/// Serves until `stop` is set or its sender is dropped; running requests are finished.
///
/// # Errors
/// When the listener breaks.
pub async fn serve(
    gateway: Arc<Gateway>,
    listener: TcpListener,
    mut stop: watch::Receiver<bool>,
) -> std::io::Result<()> {
    let app = Router::new().fallback(dispatch).with_state(gateway);
    axum::serve(listener, app.into_make_service_with_connect_info::<SocketAddr>())
        .with_graceful_shutdown(async move {
            let _ = stop.wait_for(|stop| *stop).await;
        })
        .await
}

async fn dispatch(
    State(gateway): State<Arc<Gateway>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path();
    if function_url::owns(path) {
        return gateway.webhook(&parts, body, peer).await;
    }
    let callback = gateway.routes.callback(&parts.method, path, parts.uri.query(), &gateway.callback_path);
    match callback.or_else(|| gateway.routes.find(&parts.method, path)) {
        Some(route) => {
            let mut response = match gateway.cors.preflight(&parts) {
                Some(response) => return response,
                None => gateway.product(route, &parts, body, peer).await,
            };
            gateway.cors.allow(&parts.headers, response.headers_mut());
            response
        }
        None => gateway.local(&parts, body).await,
    }
}

impl Gateway {
    /// A route of the product: authorizer, body limit, event, function.
    async fn product(&self, route: &Route, parts: &Parts, body: Body, peer: SocketAddr) -> Response<Body> {
        let request_id = self.entropy.uuid().to_string();
        let claims = if route.authorized {
            let header = parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
            match self.authorizer.authorize(header) {
                Ok(claims) => Some(claims),
                Err(refusal) => return unauthorized(refusal),
            }
        } else {
            None
        };
        let body = match read(body, BODY_LIMIT).await {
            Ok(body) => body,
            Err(response) => return response,
        };
        let now = self.clock.now();
        let path = parts.uri.path();
        let envelope = event::Envelope { route_key: &route.key, path, claims, request_id: &request_id, peer, at: now };
        let request = match event::event(parts, &body, envelope).and_then(|event| event::request(&event)) {
            Ok(request) => request,
            Err(bad) => return answer::failure(StatusCode::BAD_REQUEST, "bad_request", &bad.to_string()),
        };
        let mut response = match self.functions.call(route.function, request, &request_id, now).await {
            Ok(response) => event::response(response),
            Err(failure) => {
                tracing::error!(
                    event = "local.function_failed",
                    route = route.key,
                    request.id = request_id,
                    %failure,
                    "function gave no answer"
                );
                let status = match failure {
                    functions::CallFailure::Crashed => StatusCode::INTERNAL_SERVER_ERROR,
                    functions::CallFailure::TimedOut => StatusCode::SERVICE_UNAVAILABLE,
                };
                answer::failure(status, "internal_error", &failure.to_string())
            }
        };
        let status = response.status().as_u16();
        tracing::info!(
            event = "local.answered",
            route = route.key,
            request.id = request_id,
            status,
            "request answered"
        );
        if let Ok(id) = HeaderValue::from_str(&request_id) {
            response.headers_mut().insert("apigw-requestid", id);
        }
        response
    }

    /// The webhook's function URL: every method and every path below it, from everywhere.
    async fn webhook(&self, parts: &Parts, body: Body, peer: SocketAddr) -> Response<Body> {
        let request_id = self.entropy.uuid().to_string();
        let body = match read(body, function_url::BODY_LIMIT).await {
            Ok(body) => body,
            Err(response) => return response,
        };
        let request = match function_url::request(parts, &body, &request_id, peer, self.clock.now()) {
            Ok(request) => request,
            Err(bad) => return answer::failure(StatusCode::BAD_REQUEST, "bad_request", &bad.to_string()),
        };
        let mut response = match self.functions.call_webhook(request).await {
            Ok(response) => function_url::response(response),
            Err(failure) => {
                tracing::error!(event = "local.webhook_failed", request.id = request_id, %failure, "webhook gave no answer");
                function_url::no_response(failure)
            }
        };
        let status = response.status().as_u16();
        tracing::info!(
            event = "local.answered",
            route = "webhook",
            request.id = request_id,
            status,
            "request answered"
        );
        if let Ok(id) = HeaderValue::from_str(&request_id) {
            response.headers_mut().insert("x-amzn-requestid", id);
        }
        response
    }

    /// Everything that exists on this machine only.
    async fn local(&self, parts: &Parts, body: Body) -> Response<Body> {
        let path = parts.uri.path();
        match (&parts.method, path) {
            (&Method::GET, "/.well-known/jwks.json") => {
                answer::json(StatusCode::OK, &json!(self.authorizer.issuer().jwks()))
            }
            (&Method::GET, "/.well-known/openid-configuration") => {
                answer::json(StatusCode::OK, &self.authorizer.issuer().discovery())
            }
            _ => match read(body, BODY_LIMIT).await {
                Ok(body) => self.console.answer(parts, &body, &self.authorizer).await,
                Err(response) => response,
            },
        }
    }
}

/// Reads a body up to a limit.
async fn read(body: Body, limit: usize) -> Result<Bytes, Response<Body>> {
    match Limited::new(body, limit).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(answer::failure(
            StatusCode::PAYLOAD_TOO_LARGE,
            "payload_too_large",
            &format!("the request body is larger than {} MB", limit / 1024 / 1024),
        )),
        Err(_cut_off) => Err(answer::failure(StatusCode::BAD_REQUEST, "bad_request", "the request body ended early")),
    }
}

fn unauthorized(refusal: authorizer::Refusal) -> Response<Body> {
    let mut response = answer::failure(StatusCode::UNAUTHORIZED, "unauthorized", &refusal.to_string());
    let challenge = match refusal {
        authorizer::Refusal::Missing => "Bearer",
        _ => "Bearer error=\"invalid_token\"",
    };
    response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
    response
}
