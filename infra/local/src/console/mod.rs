//! The console: a plain page at `/` and what it asks for under `/dev/`. Answered on this machine's own names only, so
//! that neither a tunnel to the gateway nor a page elsewhere gets tokens out of it.

use std::sync::Arc;

use axum::body::Body;
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, Response, StatusCode, header};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};
use shared::domain::PatientId;

use crate::gateway::answer;
use crate::gateway::authorizer::Authorizer;
use crate::settings::is_loopback;
use crate::watch::Watch;

const PAGE: &str = include_str!("index.html");
const STYLE: &str = include_str!("console.css");
const SCRIPT: &str = include_str!("console.js");

/// Own files only, nothing inline, no frames, no forms.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
     img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The page and what it asks for.
pub struct Console {
    url: String,
    patient_id: PatientId,
    watch: Arc<Watch>,
}

impl Console {
    /// A console at this address, which opens with this patient.
    #[must_use]
    pub fn new(url: String, patient_id: PatientId, watch: Arc<Watch>) -> Self {
        Self { url, patient_id, watch }
    }

    /// The gateway's address, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Answers everything that is no route of the product.
    pub async fn answer(&self, parts: &Parts, body: &Bytes, authorizer: &Authorizer) -> Response<Body> {
        let host = parts.headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
        let name = host.rsplit_once(':').map_or(host, |(name, port)| if port.ends_with(']') { host } else { name });
        if !is_loopback(name) {
            return answer::failure(
                StatusCode::FORBIDDEN,
                "local_only",
                "open this address on the machine that runs it",
            );
        }
        match (&parts.method, parts.uri.path()) {
            (&Method::GET, "/") => self.page(parts, host),
            (&Method::GET, "/console/console.css") => answer::typed(StatusCode::OK, "text/css; charset=utf-8", STYLE),
            (&Method::GET, "/console/console.js") => {
                answer::typed(StatusCode::OK, "text/javascript; charset=utf-8", SCRIPT)
            }
            (&Method::POST, "/dev/token") => token(body, authorizer),
            (&Method::GET, "/dev/events") => answer::json(StatusCode::OK, &self.events(parts)),
            (&Method::GET, "/dev/stack") => answer::json(StatusCode::OK, &self.stack().await),
            _ => answer::failure(StatusCode::NOT_FOUND, "not_found", "there is nothing at this address"),
        }
    }

    /// The page, under the one name whose cookies the callback will see.
    fn page(&self, parts: &Parts, host: &str) -> Response<Body> {
        let own = self.url.split_once("://").map_or(self.url.as_str(), |(_, authority)| authority);
        if host != own {
            let query = parts.uri.query().map(|query| format!("?{query}")).unwrap_or_default();
            return answer::redirect(&format!("{}/{query}", self.url));
        }
        let mut response = answer::typed(StatusCode::OK, "text/html; charset=utf-8", PAGE);
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(CONTENT_SECURITY_POLICY));
        headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
        response
    }

    /// The events after the one whose id (EventBridge's) is in the query.
    fn events(&self, parts: &Parts) -> Value {
        let query = parts.uri.query().unwrap_or_default();
        let after = url::form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "after");
        let after = after.map(|(_, id)| id).unwrap_or_default();
        let events = self.watch.events_after(&after);
        json!({"available": events.is_some(), "events": events.unwrap_or_default()})
    }

    async fn stack(&self) -> Value {
        json!({
            "oura": self.watch.oura, "aws": self.watch.aws, "patientId": self.patient_id,
            "queues": self.watch.queues().await, "meter": self.watch.meter(),
        })
    }
}

/// A token for any patient: on this machine there is nobody to keep out.
fn token(body: &Bytes, authorizer: &Authorizer) -> Response<Body> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    struct Wanted {
        patient_id: PatientId,
    }
    let Ok(wanted) = serde_json::from_slice::<Wanted>(body) else {
        return answer::failure(StatusCode::BAD_REQUEST, "bad_request", "send {\"patientId\":\"...\"}");
    };
    match authorizer.mint(&wanted.patient_id) {
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

    const URL: &str = "http://127.0.0.1:3000";

    async fn ask(method: &str, target: &str, host: &str, body: &'static str) -> (Response<()>, Value) {
        let watch = Watch::new("simulated", None, "live".to_owned(), "nightly".to_owned());
        let console = Console::new(URL.to_owned(), PatientId::parse("patient-1").unwrap(), Arc::new(watch));
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
    async fn the_page_is_served_under_one_name_and_runs_nothing_but_its_own_files() {
        let (answer, _) = ask("GET", "/?wearable=oura&status=denied", "localhost:3000", "").await;
        assert_eq!(answer.status().as_u16(), 307);
        assert_eq!(answer.headers()["location"], "http://127.0.0.1:3000/?wearable=oura&status=denied");

        let (answer, _) = ask("GET", "/", "127.0.0.1:3000", "").await;
        assert_eq!(answer.status().as_u16(), 200);
        let policy = answer.headers()["content-security-policy"].to_str().unwrap();
        assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
        assert!(!PAGE.contains("http://") && !PAGE.contains("https://") && !STYLE.contains("url("), "no foreign files");
        assert!(!PAGE.contains(" style=") && !PAGE.contains("onclick"), "nothing that the policy would stop");
    }
}
