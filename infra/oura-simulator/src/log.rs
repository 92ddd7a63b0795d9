//! What was asked of the cloud: without tokens, codes or secrets.

use std::collections::{BTreeMap, VecDeque};

use serde::Serialize;

/// How many requests are kept in detail; the counters go on.
const KEPT: usize = 10_000;

/// Query parameters that are secrets, or as good as.
const SECRET: [&str; 7] =
    ["access_token", "code", "state", "refresh_token", "client_secret", "code_challenge", "code_verifier"];

/// One request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RequestRecord {
    /// When, RFC 3339.
    pub at: String,
    /// The method.
    pub method: String,
    /// The path.
    pub path: String,
    /// The query; values that are secrets are replaced.
    pub query: Vec<(String, String)>,
    /// Whose access token it carried, or who consented.
    pub person: Option<String>,
    /// The answer; `None` if the connection was dropped.
    pub status: Option<u16>,
    /// Whether a fault answered in the cloud's place.
    pub faulted: bool,
}

/// How often each kind of request came: `GET /v2/usercollection/sleep/{id}` and so on.
pub type RequestCounts = BTreeMap<String, u64>;

/// The requests so far.
#[derive(Default)]
pub(super) struct RequestLog {
    records: VecDeque<RequestRecord>,
    counts: RequestCounts,
}

impl RequestLog {
    pub(super) fn add(&mut self, record: RequestRecord) {
        *self.counts.entry(format!("{} {}", record.method, route(&record.path))).or_default() += 1;
        if self.records.len() == KEPT {
            self.records.pop_front();
        }
        self.records.push_back(record);
    }

    pub(super) fn records(&self) -> Vec<RequestRecord> {
        self.records.iter().cloned().collect()
    }

    pub(super) fn counts(&self) -> RequestCounts {
        self.counts.clone()
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}

/// The query without what nobody should read in a log.
pub(super) fn redacted(query: &str) -> Vec<(String, String)> {
    url::form_urlencoded::parse(query.as_bytes())
        .map(|(name, value)| {
            let secret = SECRET.contains(&name.as_ref());
            (name.into_owned(), if secret { "(hidden)".to_owned() } else { value.into_owned() })
        })
        .collect()
}

fn route(path: &str) -> String {
    if let Some((collection, _)) = path.strip_prefix("/v2/usercollection/").and_then(|rest| rest.split_once('/')) {
        return format!("/v2/usercollection/{collection}/{{id}}");
    }
    match path.strip_prefix("/v2/webhook/subscription/") {
        Some(rest) if rest.starts_with("renew/") => "/v2/webhook/subscription/renew/{id}".to_owned(),
        Some(_) => "/v2/webhook/subscription/{id}".to_owned(),
        None => path.to_owned(),
    }
}
