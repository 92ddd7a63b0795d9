//! What a function answers to a request: from its own response, or from the JSON that its binary gives to Lambda.

use std::collections::BTreeMap;

use anyhow::{Context as _, ensure};
use axum::http::header;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lambda_http::{Body, Response};
use serde_json::Value;

/// What a function answered to a request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// Lower-case names.
    pub headers: BTreeMap<String, String>,
    /// The values of `Set-Cookie`.
    pub cookies: Vec<String>,
    /// The body, decoded.
    pub body: Vec<u8>,
}

impl Answer {
    /// The data of a success.
    ///
    /// # Errors
    /// When it is none.
    pub fn data(&self) -> anyhow::Result<Value> {
        let mut body: Value = self.json()?;
        ensure!(self.status < 300 && body["success"] == true, "{}: {}", self.status, body["error"]["code"]);
        Ok(body["data"].take())
    }

    /// Status and code of a refusal.
    ///
    /// # Errors
    /// When it is none.
    pub fn refusal(&self) -> anyhow::Result<(u16, String)> {
        let body = self.json()?;
        ensure!(body["success"] == false, "{}: not refused", self.status);
        Ok((self.status, body["error"]["code"].as_str().context("no code")?.to_owned()))
    }

    fn json(&self) -> anyhow::Result<Value> {
        serde_json::from_slice(&self.body).with_context(|| format!("the answer ({}) is not JSON", self.status))
    }

    /// From the JSON that a function behind an HTTP API answers with (payload format 2.0).
    pub(super) fn of_payload(payload: &Value) -> anyhow::Result<Self> {
        let texts = |value: &Value| value.as_str().map(str::to_owned);
        let headers = payload["headers"].as_object().into_iter().flatten();
        let body = payload["body"].as_str().unwrap_or_default();
        Ok(Self {
            status: payload["statusCode"]
                .as_u64()
                .and_then(|status| u16::try_from(status).ok())
                .context("no status")?,
            headers: headers.filter_map(|(name, value)| Some((name.to_lowercase(), texts(value)?))).collect(),
            cookies: payload["cookies"].as_array().into_iter().flatten().filter_map(texts).collect(),
            body: if payload["isBase64Encoded"] == true { STANDARD.decode(body)? } else { body.as_bytes().to_vec() },
        })
    }

    pub(super) fn of_response(response: Response<Body>) -> Self {
        let (parts, body) = response.into_parts();
        let mut answer = Self { status: parts.status.as_u16(), body: body.to_vec(), ..Self::default() };
        for (name, value) in &parts.headers {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            if *name == header::SET_COOKIE {
                answer.cookies.push(value);
            } else {
                answer.headers.insert(name.as_str().to_owned(), value);
            }
        }
        answer
    }
}
