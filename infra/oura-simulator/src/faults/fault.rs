//! A fault: requests, a period, and the effect on their answers.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use http::{HeaderName, HeaderValue, Method, StatusCode};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::edits::edit::Edit;
use crate::edits::selection::Selection;

use super::drip::Drip;
use super::pages::Pages;
use super::request_match::FaultMatch;

/// A fault. It delays matching requests, slows their answers, replaces them, or changes the documents in them.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Fault {
    #[serde(rename = "match")]
    pub on: FaultMatch,
    /// Start by the simulator's clock; at once if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Timestamp>,
    /// End by the simulator's clock; ended by hand if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// Matching requests that remain unaffected before the first one.
    #[serde(default)]
    pub skip: u64,
    /// Number of requests that remain; all if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u64>,
    /// Milliseconds before the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delay_ms: Option<u64>,
    /// Pace of the answer's body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drip: Option<Drip>,
    /// Replaces the answer: its status, 200 if only a body is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Headers of the replaced answer.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// Replaces the answer: a text is sent unchanged, any other value as JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Value>,
    /// Closes the connection without an answer.
    #[serde(default)]
    pub drop_connection: bool,
    /// Lets the request take effect before its answer is replaced: a refresh token rotates, then the answer is lost.
    #[serde(default)]
    pub after_response_applied: bool,
    /// Documents or rows that `edit` changes; all if absent.
    #[serde(default)]
    pub documents: Selection,
    /// Changes of these documents, one after the other. An answer that is no list counts as one document.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub edit: Vec<Edit>,
    /// Keeps only the first documents of a list and ends it (`next_token: null`); 0 makes an empty list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep: Option<usize>,
    /// Makes a list that never ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pages: Option<Pages>,
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
    #[error("a fault needs at least one of delayMs, drip, status, body, dropConnection, edit, keep, pages")]
    Empty,
    /// A replaced answer has no documents of Oura's to change.
    #[error("status, body and dropConnection replace the answer; edit, keep and pages change it: give one kind only")]
    BothKinds,
    /// A period that is none.
    #[error("a fault must end after it begins")]
    Period,
}

impl Fault {
    /// A fault of all requests to a path or collection, without an effect yet.
    #[must_use]
    pub fn on(path: &str) -> Self {
        Self { on: FaultMatch { path: path.to_owned(), ..FaultMatch::default() }, ..Self::default() }
    }

    /// The same for requests of one person.
    #[must_use]
    pub fn of(mut self, person: &str) -> Self {
        self.on.person = Some(person.to_owned());
        self
    }

    /// The same for this many requests.
    #[must_use]
    pub fn times(mut self, times: u64) -> Self {
        self.times = Some(times);
        self
    }

    /// The same with this status.
    #[must_use]
    pub fn status(mut self, status: u16) -> Self {
        self.status = Some(status);
        self
    }

    /// The same with this body.
    #[must_use]
    pub fn body(mut self, body: Value) -> Self {
        self.body = Some(body);
        self
    }

    /// The same with only the first documents of a list; 0 makes an empty one.
    #[must_use]
    pub fn keep(mut self, documents: usize) -> Self {
        self.keep = Some(documents);
        self
    }

    /// The same with an edit of the selected documents.
    #[must_use]
    pub fn edit(mut self, documents: Selection, edit: Edit) -> Self {
        self.documents = documents;
        self.edit.push(edit);
        self
    }

    pub(crate) fn check(&self) -> Result<(), InvalidFault> {
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
        if self.replaces() && self.rewrites() {
            return Err(InvalidFault::BothKinds);
        }
        if !self.replaces() && !self.rewrites() && self.delay_ms.is_none() && self.drip.is_none() {
            return Err(InvalidFault::Empty);
        }
        match (self.from, self.until) {
            (Some(from), Some(until)) if from >= until => Err(InvalidFault::Period),
            _ => Ok(()),
        }
    }

    pub(crate) fn is_in_force(&self, now: Timestamp) -> bool {
        self.from.is_none_or(|from| from <= now) && self.until.is_none_or(|until| now < until)
    }

    /// True if it replaces the answer.
    pub(crate) fn replaces(&self) -> bool {
        self.status.is_some() || self.body.is_some() || self.drop_connection
    }

    /// True if it changes the documents in the answer.
    pub(crate) fn rewrites(&self) -> bool {
        !self.edit.is_empty() || self.keep.is_some() || self.pages.is_some()
    }

    pub(crate) fn delay(&self) -> Duration {
        Duration::from_millis(self.delay_ms.unwrap_or(0))
    }

    /// The answer that it gives instead of Oura's.
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
}
