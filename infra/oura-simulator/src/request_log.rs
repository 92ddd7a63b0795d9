//! Log of requests, without tokens, codes and secrets.

use std::collections::{BTreeMap, VecDeque};

use serde::Serialize;

/// Requests that are kept in detail; the counters continue.
const MAX_RECORDS: usize = 10_000;

/// Query parameters that are secrets, or as good as.
const SECRET_PARAMETERS: [&str; 7] =
    ["access_token", "code", "state", "refresh_token", "client_secret", "code_challenge", "code_verifier"];

/// One request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RequestRecord {
    /// RFC 3339.
    pub at: String,
    pub method: String,
    pub path: String,
    /// The query; secret values are replaced.
    pub query: Vec<(String, String)>,
    /// Key of the person whose token it carried, or who consented.
    pub person: Option<String>,
    /// Status of the answer; `None` if the connection was dropped.
    pub status: Option<u16>,
    /// True if a fault or an outage answered.
    pub faulted: bool,
}

/// Number of requests of each route: `GET /v2/usercollection/sleep/{id}` and so on.
pub type RequestCounts = BTreeMap<String, u64>;

/// The requests so far, and their counts.
#[derive(Default)]
pub(crate) struct RequestLog {
    records: VecDeque<RequestRecord>,
    counts: RequestCounts,
}

impl RequestLog {
    pub(crate) fn add(&mut self, record: RequestRecord) {
        *self.counts.entry(format!("{} {}", record.method, route(&record.path))).or_default() += 1;
        if self.records.len() == MAX_RECORDS {
            self.records.pop_front();
        }
        self.records.push_back(record);
    }

    pub(crate) fn records(&self) -> Vec<RequestRecord> {
        self.records.iter().cloned().collect()
    }

    pub(crate) fn counts(&self) -> RequestCounts {
        self.counts.clone()
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }
}

/// The query without secret values.
pub(crate) fn redacted(query: &str) -> Vec<(String, String)> {
    url::form_urlencoded::parse(query.as_bytes())
        .map(|(name, value)| {
            let secret = SECRET_PARAMETERS.contains(&name.as_ref());
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
