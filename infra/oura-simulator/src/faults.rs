//! Misbehaviour on demand: statuses, bodies, delays, dropped connections, lost answers.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use http::{HeaderName, HeaderValue, Method, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Requests that a fault matches.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FaultMatch {
    /// Any method if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// The exact path, or a prefix that ends with `*`.
    pub path: String,
    /// Only requests with an access token of this person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<String>,
}

/// A failure of matching requests. With `delay_ms` alone it only delays.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Fault {
    #[serde(rename = "match")]
    pub on: FaultMatch,
    /// Status of the answer; 200 if only a body is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Headers of the answer.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// The body: a text is sent unchanged, any other value as JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Value>,
    /// Milliseconds before the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delay_ms: Option<u64>,
    /// Closes the connection without an answer.
    #[serde(default)]
    pub drop_connection: bool,
    /// Number of requests that remain; all if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u64>,
    /// Lets the request take effect first: a refresh token rotates, then the answer is lost.
    #[serde(default)]
    pub after_response_applied: bool,
}

/// A fault that is not possible.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidFault {
    /// Only 200 to 599 are final answers.
    #[error("status must be 200 to 599")]
    Status,
    /// A header that HTTP does not allow.
    #[error("a header name or value is not valid")]
    Header,
    /// A method that HTTP does not allow.
    #[error("the method is not valid")]
    Method,
    /// Without any effect.
    #[error("a fault needs at least one of status, body, delayMs, dropConnection")]
    Empty,
}

impl Fault {
    fn check(&self) -> Result<(), InvalidFault> {
        if self.status.is_some_and(|status| !(200..600).contains(&status)) {
            return Err(InvalidFault::Status);
        }
        let valid = |(name, value): (&String, &String)| {
            name.parse::<HeaderName>().is_ok() && HeaderValue::from_str(value).is_ok()
        };
        if !self.headers.iter().all(valid) {
            return Err(InvalidFault::Header);
        }
        if self.on.method.as_ref().is_some_and(|method| method.parse::<Method>().is_err()) {
            return Err(InvalidFault::Method);
        }
        if !self.answers() && self.delay_ms.is_none() {
            return Err(InvalidFault::Empty);
        }
        Ok(())
    }

    /// True if it replaces the answer; false if it only delays it.
    pub(crate) fn answers(&self) -> bool {
        self.status.is_some() || self.body.is_some() || self.drop_connection
    }

    pub(crate) fn delay(&self) -> Duration {
        Duration::from_millis(self.delay_ms.unwrap_or(0))
    }

    pub(crate) fn response(&self) -> Response {
        let status = self.status.and_then(|status| StatusCode::from_u16(status).ok()).unwrap_or(StatusCode::OK);
        let (body, kind) = match &self.body {
            None => (String::new(), None),
            Some(Value::String(text)) => (text.clone(), Some("text/plain; charset=utf-8")),
            Some(json) => (json.to_string(), Some("application/json")),
        };
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = status;
        if let Some(kind) = kind {
            response.headers_mut().insert(http::header::CONTENT_TYPE, HeaderValue::from_static(kind));
        }
        for (name, value) in &self.headers {
            if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), HeaderValue::from_str(value)) {
                response.headers_mut().insert(name, value);
            }
        }
        response
    }

    fn matches(&self, method: &Method, path: &str, person: Option<&str>) -> bool {
        let path_matches = match self.on.path.strip_suffix('*') {
            Some(beginning) => path.starts_with(beginning),
            None => path == self.on.path,
        };
        path_matches
            && self.on.method.as_ref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(method.as_str()))
            && self.on.person.as_deref().is_none_or(|wanted| person == Some(wanted))
    }
}

/// A fault with its count.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FaultState {
    pub id: u64,
    /// The fault; `times` counts down.
    #[serde(flatten)]
    pub fault: Fault,
    /// Requests that it has matched.
    pub matched: u64,
}

/// All faults in the order of their addition, and the general latency.
#[derive(Default)]
pub(crate) struct Faults {
    active: Vec<FaultState>,
    last: u64,
    pub(crate) latency: Duration,
}

impl Faults {
    pub(crate) fn add(&mut self, fault: Fault) -> Result<u64, InvalidFault> {
        fault.check()?;
        self.last += 1;
        self.active.push(FaultState { id: self.last, fault, matched: 0 });
        Ok(self.last)
    }

    pub(crate) fn list(&self) -> Vec<FaultState> {
        self.active.clone()
    }

    pub(crate) fn remove(&mut self, id: u64) -> bool {
        let before = self.active.len();
        self.active.retain(|active| active.id != id);
        self.active.len() != before
    }

    pub(crate) fn clear(&mut self) {
        self.active.clear();
    }

    /// Effect on a request: the delays of all matching faults, and the first one that answers.
    pub(crate) fn apply(&mut self, method: &Method, path: &str, person: Option<&str>) -> (Duration, Option<Fault>) {
        let mut delay = self.latency;
        let mut answer = None;
        for active in &mut self.active {
            let spent = active.fault.times == Some(0);
            if spent || !active.fault.matches(method, path, person) {
                continue;
            }
            active.matched += 1;
            if let Some(times) = &mut active.fault.times {
                *times -= 1;
            }
            delay += active.fault.delay();
            if active.fault.answers() {
                answer = Some(active.fault.clone());
                break;
            }
        }
        (delay, answer)
    }
}
