//! A world by its routes: what a browser, an app and the gateway send, and what comes back.

use std::collections::BTreeMap;

use lambda_http::{Body, Response};
use serde_json::{Value, json};

use super::{PATIENT, PREFIX, REDIRECT, World};
use crate::openapi::contracts;

/// What a browser holds between connect and callback.
#[derive(Debug, Clone)]
pub struct Flow {
    pub auth_url: String,
    pub cookie: String,
}

/// What a function answered.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub headers: BTreeMap<String, String>,
    pub body: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("a JSON body")
    }

    pub fn data(&self) -> Value {
        let body = self.json();
        assert_eq!(body["success"], true, "{body}");
        body["data"].clone()
    }

    /// Status and code of a refusal.
    pub fn refusal(&self) -> (u16, String) {
        let body = self.json();
        assert_eq!(body["success"], false, "{body}");
        assert!(body["error"]["message"].as_str().is_some_and(|text| !text.is_empty()), "{body}");
        (self.status, body["error"]["code"].as_str().unwrap().to_owned())
    }

    /// The query of the address that a redirect names.
    pub fn redirect(&self) -> BTreeMap<String, String> {
        assert_eq!(self.status, 303, "{self:?}");
        let url = url::Url::parse(&self.headers["location"]).unwrap();
        url.query_pairs().into_owned().collect()
    }

    /// `status` and `reason` of a redirect to the app.
    pub fn outcome(&self) -> (String, String) {
        let query = self.redirect();
        assert_eq!(query["wearable"], "oura");
        (query["status"].clone(), query.get("reason").cloned().unwrap_or_default())
    }
}

impl World {
    pub async fn request(&self, patient: Option<&str>, method: &str, path: &str, query: &str, body: &str) -> Answer {
        let claims = patient.map(|patient| json!({ "sub": patient }));
        self.send(&event(claims, method, path, query, body, &[])).await
    }

    /// Sends a payload 2.0 event to the function that the template routes it to, and holds the answer against its description.
    pub async fn send(&self, event: &Value) -> Answer {
        let request = lambda_http::request::from_str(&event.to_string()).unwrap();
        let path = event["rawPath"].as_str().unwrap();
        let response = match path.strip_prefix(PREFIX) {
            Some("/connect/oura") => connect::handle(&self.connect, request).await,
            Some("/callback/oura") => callback::handle(&self.callback, request).await,
            _ => api::handle(&self.api, request).await,
        };
        let answer = answer(response);
        let method = event["requestContext"]["http"]["method"].as_str().unwrap();
        contracts().check(method, path.strip_prefix(PREFIX).unwrap_or(path), &answer);
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
        let auth_url = answer.data()["authUrl"].as_str().unwrap().to_owned();
        let cookie = answer.headers["set-cookie"].split(';').next().unwrap().to_owned();
        Flow { auth_url, cookie }
    }

    /// The patient on Oura's consent page; gives the query that Oura's redirect carries.
    pub async fn consent(&self, flow: &Flow, account: &str, decision: &str, scopes: Option<&[&str]>) -> String {
        let asked = url::Url::parse(&flow.auth_url).unwrap();
        let parameters: BTreeMap<String, String> = asked.query_pairs().into_owned().collect();
        let mut form: Vec<(String, String)> =
            parameters.iter().filter(|(name, _)| *name != "scope").map(|(k, v)| (k.clone(), v.clone())).collect();
        let all: Vec<_> = parameters["scope"].split(' ').collect();
        form.extend(scopes.unwrap_or(&all).iter().map(|scope| ("scope".to_owned(), (*scope).to_owned())));
        form.push(("account".into(), account.into()));
        form.push(("decision".into(), decision.into()));
        let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy().build().unwrap();
        let mut page = asked.clone();
        page.set_query(None);
        let answer = client.post(page).form(&form).send().await.unwrap();
        let status = answer.status();
        let location = answer.headers().get("location").map(|location| location.to_str().unwrap().to_owned());
        let location = location.unwrap_or_else(|| panic!("no redirect: {status}"));
        assert!(location.starts_with(REDIRECT), "{location}");
        url::Url::parse(&location).unwrap().query().unwrap().to_owned()
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

/// A payload 2.0 event as API Gateway sends it after the authorizer.
pub fn event(claims: Option<Value>, method: &str, path: &str, query: &str, body: &str, cookies: &[&str]) -> Value {
    let path = format!("{PREFIX}{path}");
    let mut event = json!({
        "version": "2.0", "routeKey": format!("{method} {path}"), "rawPath": path, "rawQueryString": query,
        "headers": { "host": "api.example", "content-type": "application/json" },
        "requestContext": {
            "stage": "$default", "requestId": "r", "time": "18/Mar/2026:12:00:00 +0000", "timeEpoch": 1,
            "http": { "method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1", "userAgent": "t" },
        },
        "isBase64Encoded": false,
    });
    if let Some(claims) = claims {
        event["requestContext"]["authorizer"] = json!({ "jwt": { "claims": claims, "scopes": null } });
    }
    if !body.is_empty() {
        event["body"] = json!(body);
    }
    if !cookies.is_empty() {
        event["cookies"] = json!(cookies);
    }
    event
}

fn answer(response: Response<Body>) -> Answer {
    let headers =
        response.headers().iter().map(|(k, v)| (k.as_str().to_owned(), v.to_str().unwrap().to_owned())).collect();
    let status = response.status().as_u16();
    let body = String::from_utf8(response.into_body().to_vec()).unwrap();
    Answer { status, headers, body }
}
