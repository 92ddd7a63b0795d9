//! The console: a plain page at `/` and what it asks for under `/dev/`. Answered on this machine's own names only, so
//! that neither a tunnel to the gateway nor a page elsewhere gets tokens out of it.

mod chart;
mod files;
mod items;
mod ring;

use std::sync::Arc;

use axum::body::Body;
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, Response, StatusCode, header};
use bytes::Bytes;
use serde_json::{Value, json};
use shared::domain::PatientId;

pub use self::items::Items;
pub use self::ring::Ring;
use crate::gateway::answer;
use crate::gateway::authorizer::Authorizer;
use crate::gateway::issuer::TokenRequest;
use crate::settings::is_for_this_machine;
use crate::watch::Watch;

/// Path of the simulated ring's buttons.
const BUTTONS: &str = "/dev/ring/";

/// Own files only, nothing inline, no frames, no forms.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
     img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The page and what it asks for.
pub struct Console {
    url: String,
    patient_id: PatientId,
    watch: Arc<Watch>,
    items: Items,
    ring: Option<Ring>,
}

impl Console {
    /// A console at this address, which opens with this patient; `ring` when Oura is simulated.
    #[must_use]
    pub fn new(url: String, patient_id: PatientId, watch: Arc<Watch>, items: Items, ring: Option<Ring>) -> Self {
        Self { url, patient_id, watch, items, ring }
    }

    /// The gateway's address, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Answers everything that is no route of the product.
    pub async fn answer(&self, parts: &Parts, body: &Bytes, authorizer: &Authorizer) -> Response<Body> {
        let host = parts.headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
        if !is_for_this_machine(&parts.headers) {
            return answer::failure(
                StatusCode::FORBIDDEN,
                "local_only",
                "open this address on the machine that runs it",
            );
        }
        match (&parts.method, parts.uri.path()) {
            (&Method::GET, "/") => self.page(parts, host),
            (&Method::GET, path) if path.starts_with("/console/") => files::at(path).unwrap_or_else(nothing_here),
            (&Method::POST, "/dev/token") => token(body, authorizer),
            (method @ (&Method::POST | &Method::DELETE), "/dev/signing-key") => self.keys(parts, method, authorizer),
            (&Method::POST, "/dev/chart") => chart::answer(body),
            (&Method::GET, "/dev/items") => {
                let of = |name| in_query(parts, name);
                self.items.page(&of("table"), &of("patient"), &of("after")).await
            }
            (&Method::GET, "/dev/events") => answer::json(StatusCode::OK, &self.events(parts)),
            (&Method::GET, "/dev/stack") => answer::json(StatusCode::OK, &self.stack().await),
            (&Method::GET, "/dev/ring") => self.ring(parts).await,
            (&Method::POST, path) if path.starts_with(BUTTONS) => self.press(parts, path, body).await,
            _ => nothing_here(),
        }
    }

    /// The page, under the one name whose cookies the callback will see.
    fn page(&self, parts: &Parts, host: &str) -> Response<Body> {
        let own = self.url.split_once("://").map_or(self.url.as_str(), |(_, authority)| authority);
        if host != own {
            let query = parts.uri.query().map(|query| format!("?{query}")).unwrap_or_default();
            return answer::redirect(&format!("{}/{query}", self.url));
        }
        let mut response = answer::typed(StatusCode::OK, "text/html; charset=utf-8", files::PAGE);
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(CONTENT_SECURITY_POLICY));
        headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
        response
    }

    async fn ring(&self, parts: &Parts) -> Response<Body> {
        match &self.ring {
            Some(ring) => ring.view(&in_query(parts, "patient")).await,
            None => answer::json(StatusCode::OK, &json!({"available": false})),
        }
    }

    /// A button of the simulated ring. It changes something, so no page but this one may press it.
    async fn press(&self, parts: &Parts, path: &str, body: &Bytes) -> Response<Body> {
        if self.is_from_elsewhere(parts) {
            return answer::failure(StatusCode::FORBIDDEN, "foreign_origin", "another page cannot press this button");
        }
        match &self.ring {
            Some(ring) => ring.press(path.strip_prefix(BUTTONS).unwrap_or_default(), body).await,
            None => answer::failure(StatusCode::NOT_FOUND, "not_found", "Oura is not simulated"),
        }
    }

    /// `POST`: the issuer goes over to a new key, as identity providers do now and then. `DELETE`: its old keys go.
    fn keys(&self, parts: &Parts, method: &Method, authorizer: &Authorizer) -> Response<Body> {
        if self.is_from_elsewhere(parts) {
            return answer::failure(StatusCode::FORBIDDEN, "foreign_origin", "another page cannot change the keys");
        }
        let issuer = authorizer.issuer();
        let changed = match *method {
            Method::POST => issuer.rotate().map(drop),
            _ => {
                issuer.retire();
                Ok(())
            }
        };
        match changed {
            Ok(()) => answer::json(StatusCode::OK, &json!(issuer.jwks())),
            Err(error) => answer::failure(StatusCode::INTERNAL_SERVER_ERROR, "internal_error", &error.to_string()),
        }
    }

    fn is_from_elsewhere(&self, parts: &Parts) -> bool {
        parts.headers.get(header::ORIGIN).is_some_and(|origin| origin.as_bytes() != self.url.as_bytes())
    }

    /// The events after the one whose id (EventBridge's) is in the query.
    fn events(&self, parts: &Parts) -> Value {
        let events = self.watch.events_after(&in_query(parts, "after"));
        json!({"available": events.is_some(), "events": events.unwrap_or_default()})
    }

    async fn stack(&self) -> Value {
        let subscriptions = self.watch.subscriptions();
        json!({
            "oura": self.watch.oura, "aws": self.watch.aws, "patientId": self.patient_id,
            "queues": self.watch.queues().await, "meter": self.watch.meter(),
            "subscriptions": subscriptions, "subscriptionsText": subscriptions.to_string(),
        })
    }
}

fn nothing_here() -> Response<Body> {
    answer::failure(StatusCode::NOT_FOUND, "not_found", "there is nothing at this address")
}

/// A parameter of the query; empty when it is not there.
fn in_query(parts: &Parts, wanted: &str) -> String {
    let query = parts.uri.query().unwrap_or_default();
    let mut all = url::form_urlencoded::parse(query.as_bytes());
    all.find(|(name, _)| name == wanted).map(|(_, value)| value.into_owned()).unwrap_or_default()
}

/// A token for any patient: on this machine there is no access control.
fn token(body: &Bytes, authorizer: &Authorizer) -> Response<Body> {
    let Ok(wanted) = serde_json::from_slice::<TokenRequest>(body) else {
        return answer::failure(StatusCode::BAD_REQUEST, "bad_request", "send {\"patientId\":\"...\"}");
    };
    match authorizer.issuer().mint(&wanted) {
        Ok(token) => answer::json(StatusCode::OK, &json!({"token": token, "patientId": wanted.patient_id})),
        Err(error) => answer::failure(StatusCode::INTERNAL_SERVER_ERROR, "internal_error", &error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::Request;
    use http_body_util::BodyExt as _;
    use shared::domain::Clock;

    use crate::stack::subscriptions::Subscriptions;

    const URL: &str = "http://127.0.0.1:3000";

    async fn ask(method: &str, target: &str, host: &str, body: &'static str) -> (Response<()>, Value) {
        let subscription_state = tokio::sync::watch::channel(Subscriptions::Skipped).1;
        // An address without a server.
        let nowhere = crate::aws::sdk_config(&"http://127.0.0.1:9".parse().unwrap(), "us-east-1");
        let items = Items::new(&nowhere, &crate::aws::resources::Names::default());
        let watch = Watch::new("live", None, ["live".to_owned(), "nightly".to_owned()], subscription_state);
        let console =
            Console::new(URL.to_owned(), PatientId::parse("patient-1").unwrap(), Arc::new(watch), items, None);
        let authorizer = Authorizer::start(URL, "sub", Clock::system(), None).unwrap();
        let request = Request::builder().method(method).uri(target).header("host", host).body(()).unwrap();
        let answer = console.answer(&request.into_parts().0, &Bytes::from_static(body.as_bytes()), &authorizer).await;
        let (parts, body) = answer.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        (Response::from_parts(parts, ()), serde_json::from_slice(&body).unwrap_or_default())
    }

    #[tokio::test]
    async fn neither_a_tunnel_nor_a_rebound_name_gets_a_token() {
        let wanted = r#"{"patientId":"patient-1"}"#;
        for host in ["tunnel.example", "127.0.0.1.evil.example:3000", "localhost.evil", "[2001:db8::1]:3000", ""] {
            let (answer, body) = ask("POST", "/dev/token", host, wanted).await;
            assert_eq!((answer.status().as_u16(), &body["error"]["code"]), (403, &json!("local_only")), "{host}");
        }
        for host in ["127.0.0.1:3000", "localhost:3000", "[::1]:3000", "[::1]", "localhost"] {
            let (answer, body) = ask("POST", "/dev/token", host, wanted).await;
            assert_eq!((answer.status().as_u16(), &body["patientId"]), (200, &json!("patient-1")), "{host}");
        }
        for bad in ["", "{}", r#"{"patientId":"a b"}"#, r#"{"patientId":"p","admin":true}"#] {
            assert_eq!(ask("POST", "/dev/token", "localhost", bad).await.0.status().as_u16(), 400, "{bad}");
        }
    }

    #[tokio::test]
    async fn with_a_real_oura_there_is_no_ring_to_press() {
        let (answer, body) = ask("GET", "/dev/ring?patient=patient-1", "localhost:3000", "").await;
        assert_eq!((answer.status().as_u16(), body), (200, json!({"available": false})));
        let (answer, _) = ask("POST", "/dev/ring/sync", "localhost:3000", r#"{"patientId":"patient-1"}"#).await;
        assert_eq!(answer.status().as_u16(), 404);
        let (_, body) = ask("GET", "/dev/stack", "localhost:3000", "").await;
        assert_eq!(body["subscriptions"], json!({"state": "skipped"}));
        assert!(body["subscriptionsText"].as_str().unwrap().contains("WEBHOOK_URL"), "{body}");
    }

    #[tokio::test]
    async fn page_is_served_under_one_name_and_runs_its_own_files_only() {
        let (answer, _) = ask("GET", "/?wearable=oura&status=denied", "localhost:3000", "").await;
        assert_eq!(answer.status().as_u16(), 307);
        assert_eq!(answer.headers()["location"], "http://127.0.0.1:3000/?wearable=oura&status=denied");

        let (answer, _) = ask("GET", "/", "127.0.0.1:3000", "").await;
        assert_eq!(answer.status().as_u16(), 200);
        let policy = answer.headers()["content-security-policy"].to_str().unwrap();
        assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    }
}
