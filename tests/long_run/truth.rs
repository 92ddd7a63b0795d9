//! The truth, which is what Oura holds: read from the simulated Oura itself, with a token that no fault concerns.

use jiff::civil::Date;
use jiff::{Span, Timestamp};
use oura_simulator::{ConsentRequest, Control};
use serde_json::{Value, json};

use crate::stack::Stack;

/// Collections of documents, by the names of webhooks and with their paths.
pub(crate) const DOCUMENTS: [(&str, &str); 15] = [
    ("daily_activity", "daily_activity"),
    ("daily_cardiovascular_age", "daily_cardiovascular_age"),
    ("daily_readiness", "daily_readiness"),
    ("daily_resilience", "daily_resilience"),
    ("daily_sleep", "daily_sleep"),
    ("daily_spo2", "daily_spo2"),
    ("daily_stress", "daily_stress"),
    ("enhanced_tag", "enhanced_tag"),
    ("rest_mode_period", "rest_mode_period"),
    ("session", "session"),
    ("sleep", "sleep"),
    ("sleep_time", "sleep_time"),
    ("tag", "tag"),
    ("vo2_max", "vO2_max"),
    ("workout", "workout"),
];

/// Reader of the truth about one ring.
pub(crate) struct Truth {
    http: reqwest::Client,
    base: String,
    token: String,
}

impl Truth {
    /// Consents as this person, beside the consent of the stack.
    pub(crate) async fn of(stack: &Stack, ring: &str) -> Self {
        let (oura, base): (Control, _) = (stack.world.oura(), stack.world.cloud.url().to_string());
        let env = stack.world.env();
        let redirect = env.get("OURA_REDIRECT_URI").unwrap().to_owned();
        let request = ConsentRequest {
            client_id: Some("client-1".into()),
            redirect_uri: Some(redirect.clone()),
            state: Some("truth".into()),
            scopes: Some(oura_simulator::KNOWN_SCOPES.map(str::to_owned).to_vec()),
            ..ConsentRequest::default()
        };
        let code = oura.consent(ring, &request).unwrap().code.unwrap();
        let http = reqwest::Client::builder().no_proxy().user_agent("truth").build().unwrap();
        let form = json!({
            "grant_type": "authorization_code", "code": code, "redirect_uri": redirect,
            "client_id": "client-1", "client_secret": "client-s3cret",
        });
        let answer: Value =
            http.post(format!("{base}oauth/token")).form(&form).send().await.unwrap().json().await.unwrap();
        Self { http, base, token: answer["access_token"].as_str().expect("a token").to_owned() }
    }

    /// The documents of a collection whose own day is one of these.
    pub(crate) async fn documents(&self, path: &str, first: Date, last: Date) -> Vec<Value> {
        let wide = |day: Date, days: i64| day.checked_add(Span::new().days(days)).unwrap();
        let query = format!("start_date={}&end_date={}", wide(first, -4), wide(last, 4));
        let mut all = self.all(path, &query).await;
        all.retain(|document| day_of(document).is_some_and(|day| (first..=last).contains(&day)));
        all
    }

    /// The rows of a time series between two moments at most 29 days apart.
    pub(crate) async fn rows(&self, path: &str, start: Timestamp, end: Timestamp) -> Vec<Value> {
        self.all(path, &format!("start_datetime={start}&end_datetime={end}")).await
    }

    async fn all(&self, path: &str, query: &str) -> Vec<Value> {
        let (mut all, mut page) = (Vec::new(), String::new());
        loop {
            let url = format!("{}v2/usercollection/{path}?{query}{page}", self.base);
            let answer = self.http.get(url).bearer_auth(&self.token).send().await.unwrap();
            assert_eq!(answer.status(), 200, "the truth about {path}");
            let mut answer: Value = answer.json().await.unwrap();
            all.extend(answer["data"].as_array_mut().unwrap().drain(..));
            let Some(next) = answer["next_token"].as_str() else { return all };
            page = format!("&next_token={}", url::form_urlencoded::byte_serialize(next.as_bytes()).collect::<String>());
        }
    }
}

/// The day that a document names.
pub(crate) fn day_of(document: &Value) -> Option<Date> {
    let day = document.get("day").or_else(|| document.get("start_day"))?.as_str()?;
    day.parse().ok()
}
