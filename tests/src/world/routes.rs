//! A world by its routes: what a browser, an app and the gateway send, and what comes back.

use local::gateway::routes::{PREFIX, RouteTarget};
use serde_json::{Value, json};

use super::{PATIENT, World};
use crate::contracts::contracts;
use crate::{Answer, Flow, consent, event, http_event};

impl World {
    pub async fn request(&self, patient: Option<&str>, method: &str, path: &str, query: &str, body: &str) -> Answer {
        let claims = patient.map(|patient| json!({ "sub": patient }));
        self.send(&event(claims, method, path, query, body, &[])).await
    }

    /// Sends a payload 2.0 event to the function that the template routes it to, and holds the answer against its description.
    pub async fn send(&self, event: &Value) -> Answer {
        let request = lambda_http::request::from_str(&event.to_string()).unwrap();
        let path = event["rawPath"].as_str().unwrap();
        let path = path.strip_prefix(PREFIX).unwrap_or(path);
        let method = event["requestContext"]["http"]["method"].as_str().unwrap();
        let response = match http_event::route(method, path).function {
            RouteTarget::Connect => connect::handle(&self.connect, request).await,
            RouteTarget::Callback => callback::handle(&self.callback, request).await,
            RouteTarget::Api => api::handle(&self.api, request).await,
        };
        let answer = Answer::of_response(response);
        contracts().check(method, path, &answer);
        answer
    }

    pub async fn get(&self, path: &str, query: &str) -> Answer {
        self.request(Some(PATIENT), "GET", path, query, "").await
    }

    pub async fn begin(&self, patient: &str) -> Flow {
        self.begin_with(patient, "{}").await
    }

    pub async fn begin_with(&self, patient: &str, body: &str) -> Flow {
        let answer = self.request(Some(patient), "POST", "/connect/oura", "", body).await;
        Flow::of(&answer)
    }

    /// The patient on Oura's consent page; returns the query of the callback.
    pub async fn consent(&self, flow: &Flow, account: &str, decision: &str, scopes: Option<&[&str]>) -> String {
        consent::consent(&self.oura(), flow, account, decision, scopes)
    }

    pub async fn callback(&self, query: &str, cookie: Option<&str>) -> Answer {
        let cookies: Vec<_> = cookie.into_iter().collect();
        self.send(&event(None, "GET", "/callback/oura", query, "", &cookies)).await
    }

    /// The whole flow; gives the browser's last answer.
    pub async fn connect_as(&self, patient: &str, account: &str) -> Answer {
        let flow = self.begin(patient).await;
        let query = self.consent(&flow, account, "allow", None).await;
        self.callback(&query, Some(&flow.cookie)).await
    }

    /// The usual patient with the usual ring, connected; the backfill waits in the queue.
    pub async fn connected() -> Self {
        Self::connected_in("secret").await
    }

    /// The same, with the tokens in this vault.
    pub async fn connected_in(vault: &str) -> Self {
        let world = Self::with(|env| env.with("TOKEN_VAULT", vault), |_| ()).await;
        let answer = world.connect_as(PATIENT, "ada").await;
        assert_eq!(answer.outcome().0, "connected");
        world
    }
}
