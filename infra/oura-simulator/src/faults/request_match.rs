//! Requests that a fault matches.

use http::Method;
use serde::{Deserialize, Serialize};

/// Requests that a fault matches: those that meet every given condition.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FaultMatch {
    /// Any method if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// The exact path, or a prefix that ends with `*`. `sleep` is short for `/v2/usercollection/sleep`. Several are
    /// separated by commas.
    pub path: String,
    /// Only requests of this person: with their access token, refresh token or code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<String>,
    /// Only token requests of this `grant_type`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grant_type: Option<String>,
}

/// A request as faults see it.
pub(crate) struct RequestView<'a> {
    pub(crate) method: &'a Method,
    pub(crate) path: &'a str,
    pub(crate) person: Option<&'a str>,
    pub(crate) grant_type: Option<&'a str>,
}

impl FaultMatch {
    pub(crate) fn matches(&self, request: &RequestView<'_>) -> bool {
        let same = |wanted: &Option<String>, given: Option<&str>| {
            wanted.as_deref().is_none_or(|wanted| given.is_some_and(|given| wanted.eq_ignore_ascii_case(given)))
        };
        self.path.split(',').any(|pattern| path_matches(pattern.trim(), request.path))
            && same(&self.method, Some(request.method.as_str()))
            && same(&self.person, request.person)
            && same(&self.grant_type, request.grant_type)
    }
}

fn path_matches(pattern: &str, path: &str) -> bool {
    if pattern.starts_with(['/', '*']) {
        return fits(pattern, path);
    }
    path.strip_prefix("/v2/usercollection/").is_some_and(|path| fits(pattern, path))
}

fn fits(pattern: &str, path: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(beginning) => path.starts_with(beginning),
        None => path == pattern,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_match_exactly_by_prefix_or_by_the_name_of_a_collection() {
        for (pattern, path, expected) in [
            ("/v2/usercollection/sleep", "/v2/usercollection/sleep", true),
            ("/v2/usercollection/sleep", "/v2/usercollection/sleep/id", false),
            ("sleep", "/v2/usercollection/sleep", true),
            ("sleep", "/v2/usercollection/sleep_time", false),
            ("sleep/*", "/v2/usercollection/sleep/id", true),
            ("sleep, daily_sleep", "/v2/usercollection/daily_sleep", true),
            ("sleep, daily_sleep", "/oauth/token", false),
            ("*", "/oauth/token", true),
            ("/oauth/token,/new-portal/*", "/new-portal/oauth/v2/ext/oauth-token", true),
        ] {
            let on = FaultMatch { path: pattern.to_owned(), ..FaultMatch::default() };
            let request = RequestView { method: &Method::GET, path, person: None, grant_type: None };
            assert_eq!(on.matches(&request), expected, "{pattern} {path}");
        }
    }
}
