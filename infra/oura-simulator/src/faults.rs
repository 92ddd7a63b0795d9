//! Misbehaviour on demand: statuses, bodies, delays, dropped connections, lost answers.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use http::{HeaderName, HeaderValue, Method, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What a fault meets.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FaultMatch {
    /// The method; any when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// The exact path, or the beginning of one with `*` at its end.
    pub path: String,
    /// Only requests with an access token of this person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<String>,
}

/// What goes wrong. A fault with nothing but `delay_ms` only delays.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Fault {
    /// Which requests.
    #[serde(rename = "match")]
    pub on: FaultMatch,
    /// The status to answer; 200 when only a body is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Headers of the answer.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// The body: a text as it is, anything else as JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Value>,
    /// Wait this long first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delay_ms: Option<u64>,
    /// Close the connection without an answer.
    #[serde(default)]
    pub drop_connection: bool,
    /// For how many requests; all when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u64>,
    /// Let the request take effect first: a refresh token rotates, and then the answer is lost.
    #[serde(default)]
    pub after_response_applied: bool,
}

/// A fault that cannot be.
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
    /// Nothing would go wrong.
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

    /// Whether it replaces the answer, rather than only delaying it.
    pub(super) fn answers(&self) -> bool {
        self.status.is_some() || self.body.is_some() || self.drop_connection
    }

    pub(super) fn delay(&self) -> Duration {
        Duration::from_millis(self.delay_ms.unwrap_or(0))
    }

    pub(super) fn response(&self) -> Response {
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

    fn meets(&self, method: &Method, path: &str, person: Option<&str>) -> bool {
        let path_meets = match self.on.path.strip_suffix('*') {
            Some(beginning) => path.starts_with(beginning),
            None => path == self.on.path,
        };
        path_meets
            && self.on.method.as_ref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(method.as_str()))
            && self.on.person.as_deref().is_none_or(|wanted| person == Some(wanted))
    }
}

/// A fault as it stands.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FaultState {
    /// Its id.
    pub id: u64,
    /// What it does; `times` counts down.
    #[serde(flatten)]
    pub fault: Fault,
    /// How many requests it has met.
    pub met: u64,
}

/// All faults in the order in which they were added, and the general latency.
#[derive(Default)]
pub(super) struct Faults {
    standing: Vec<FaultState>,
    last: u64,
    pub(super) latency: Duration,
}

impl Faults {
    pub(super) fn add(&mut self, fault: Fault) -> Result<u64, InvalidFault> {
        fault.check()?;
        self.last += 1;
        self.standing.push(FaultState { id: self.last, fault, met: 0 });
        Ok(self.last)
    }

    pub(super) fn list(&self) -> Vec<FaultState> {
        self.standing.clone()
    }

    pub(super) fn remove(&mut self, id: u64) -> bool {
        let before = self.standing.len();
        self.standing.retain(|standing| standing.id != id);
        self.standing.len() != before
    }

    pub(super) fn clear(&mut self) {
        self.standing.clear();
    }

    /// What befalls this request: the delays of all faults that meet it, and the first one that answers.
    pub(super) fn befall(&mut self, method: &Method, path: &str, person: Option<&str>) -> (Duration, Option<Fault>) {
        let mut delay = self.latency;
        let mut answer = None;
        for standing in &mut self.standing {
            let spent = standing.fault.times == Some(0);
            if spent || !standing.fault.meets(method, path, person) {
                continue;
            }
            standing.met += 1;
            if let Some(times) = &mut standing.fault.times {
                *times -= 1;
            }
            delay += standing.fault.delay();
            if standing.fault.answers() {
                answer = Some(standing.fault.clone());
                break;
            }
        }
        (delay, answer)
    }
}
