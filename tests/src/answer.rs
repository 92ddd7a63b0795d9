//! An answer of a function to an HTTP request, from its response or from the JSON that its binary gives to Lambda.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lambda_http::{Body, Response};
use serde_json::Value;

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    /// By lower-case names; of `set-cookie` the first.
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

    /// The query of a redirect's address.
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

    pub(crate) fn of_response(response: Response<Body>) -> Self {
        let headers = response.headers().iter().map(|(k, v)| (k.as_str().to_owned(), v.to_str().unwrap().to_owned()));
        let (status, headers) = (response.status().as_u16(), headers.collect());
        Self { status, headers, body: String::from_utf8(response.into_body().to_vec()).unwrap() }
    }

    /// From a binary's answer, payload format 2.0.
    pub fn of_payload(payload: &Value) -> Self {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let headers = payload["headers"].as_object().into_iter().flatten();
        let cookie = payload["cookies"].as_array().and_then(|cookies| cookies.first());
        let cookie = cookie.map(|cookie| ("set-cookie".to_owned(), text(cookie)));
        let body = payload["body"].as_str().unwrap_or_default();
        let is_base64 = payload["isBase64Encoded"] == true;
        let body = if is_base64 { STANDARD.decode(body).unwrap() } else { body.as_bytes().to_vec() };
        Self {
            status: payload["statusCode"].as_u64().and_then(|status| u16::try_from(status).ok()).expect("a status"),
            headers: headers.map(|(name, value)| (name.to_lowercase(), text(value))).chain(cookie).collect(),
            body: String::from_utf8(body).unwrap(),
        }
    }
}
