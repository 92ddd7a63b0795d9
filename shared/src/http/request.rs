//! Requests of API Gateway's HTTP API (payload 2.0): patient, route, query, body, cookies.

use std::collections::BTreeMap;

use lambda_http::http::StatusCode;
use lambda_http::request::RequestContext;
use lambda_http::{Request, RequestExt};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{HttpError, PREFIX};
use crate::domain::PatientId;
use crate::token_policy::{TokenPolicy, TokenRejected};

/// Upper bound of a body in bytes.
const MAX_BODY_BYTES: usize = 16 * 1024;

/// Returns the patient of the claims verified by API Gateway's authorizer. Headers, body and query have no effect.
///
/// # Errors
/// 401 `unauthorized` without verified claims, `audience_not_allowed` for a token of another audience, `patient_claim_missing`
/// without a valid patient id; 403 `party_not_allowed` for a token of an app that may not use this service, where another
/// sign-in would not help.
pub fn patient(request: &Request, token_policy: &TokenPolicy) -> Result<PatientId, HttpError> {
    let unauthorized = || HttpError::new(StatusCode::UNAUTHORIZED, "unauthorized", "A valid sign-in is needed.");
    let RequestContext::ApiGatewayV2(context) = request.request_context_ref().ok_or_else(unauthorized)? else {
        return Err(unauthorized());
    };
    let verified =
        context.authorizer.as_ref().and_then(|authorizer| authorizer.jwt.as_ref()).ok_or_else(unauthorized)?;
    token_policy.patient(&verified.claims).map_err(|rejected| match rejected {
        TokenRejected::Audience => HttpError::new(
            StatusCode::UNAUTHORIZED,
            "audience_not_allowed",
            "The sign-in is meant for another service.",
        ),
        TokenRejected::Party => HttpError::new(
            StatusCode::FORBIDDEN,
            "party_not_allowed",
            "The app of this sign-in may not use this service.",
        ),
        TokenRejected::Patient => {
            HttpError::new(StatusCode::UNAUTHORIZED, "patient_claim_missing", "The sign-in does not name a patient.")
        }
    })
}

/// Returns the path of the route below [`PREFIX`], as the template declares it (path parameters in braces); `None` for another
/// path. API Gateway names the matched route in `routeKey`, because the path of the request may begin with a stage or with the
/// mapping key of a custom domain. A request that matched no route has the key `$default`: its own path is read from [`PREFIX`]
/// on, and one that ends with a slash is none, as API Gateway sees it.
#[must_use]
pub fn route(request: &Request) -> Option<&str> {
    match matched_path(request) {
        Some(path) => below_prefix(path),
        None => below_prefix(request.raw_http_path()).filter(|rest| !rest.ends_with('/')),
    }
}

/// Path of a route key such as `GET /x`.
fn matched_path(request: &Request) -> Option<&str> {
    let RequestContext::ApiGatewayV2(context) = request.request_context_ref()? else { return None };
    context.route_key.as_deref()?.split_once(' ').map(|(_method, path)| path)
}

/// Rest of a path after whole segments that are [`PREFIX`].
fn below_prefix(path: &str) -> Option<&str> {
    path.match_indices(PREFIX)
        .map(|(at, prefix)| &path[at + prefix.len()..])
        .find(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Returns the query's parameters by name.
///
/// # Errors
/// 400 `invalid_query` if a parameter is repeated or not UTF-8.
pub fn query(request: &Request) -> Result<BTreeMap<String, String>, HttpError> {
    let invalid = || HttpError::bad_request("invalid_query", "A query parameter is repeated or not readable.");
    let mut parameters = BTreeMap::new();
    for (name, value) in url::form_urlencoded::parse(request.uri().query().unwrap_or_default().as_bytes()) {
        if value.contains(char::REPLACEMENT_CHARACTER) || name.contains(char::REPLACEMENT_CHARACTER) {
            return Err(invalid());
        }
        if parameters.insert(name.into_owned(), value.into_owned()).is_some() {
            return Err(invalid());
        }
    }
    Ok(parameters)
}

/// Reads the body as JSON; an empty body counts as `{}`.
///
/// # Errors
/// 413 `body_too_large`, 400 `invalid_json` if it is not JSON, 400 `invalid_body` if it is JSON of another shape.
pub fn json_body<T: DeserializeOwned>(request: &Request) -> Result<T, HttpError> {
    let bytes: &[u8] = request.body();
    if bytes.len() > MAX_BODY_BYTES {
        return Err(HttpError::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", "The body is too large."));
    }
    let bytes = if bytes.trim_ascii().is_empty() { b"{}" } else { bytes };
    let value: Value = serde_json::from_slice(bytes).map_err(|error| {
        HttpError::bad_request(
            "invalid_json",
            format!("The body is not JSON (line {}, column {}).", error.line(), error.column()),
        )
    })?;
    // Serde would read a list as the fields in their order.
    if !value.is_object() {
        return Err(HttpError::bad_request("invalid_body", "The body does not fit: it must be an object."));
    }
    serde_path_to_error::deserialize(value).map_err(|error| {
        HttpError::bad_request(
            "invalid_body",
            format!("The body does not fit: see `{}`.", printable(&error.path().to_string())),
        )
    })
}

/// Plain characters of a field name sent by the caller.
fn printable(path: &str) -> String {
    path.chars().filter(|c| c.is_ascii_alphanumeric() || ".[]_-?".contains(*c)).take(80).collect()
}

/// Returns the value of a cookie; `None` also if the browser sent several of the name, since one of them may be planted. Lambda
/// joins the cookies of payload 2.0 with `; `.
#[must_use]
pub fn cookie<'r>(request: &'r Request, name: &str) -> Option<&'r str> {
    let mut values = request
        .headers()
        .get_all(lambda_http::http::header::COOKIE)
        .iter()
        .filter_map(|header| header.to_str().ok())
        .flat_map(|header| header.split(';'))
        .filter_map(|pair| pair.trim().split_once('=').filter(|(key, _)| *key == name).map(|(_, value)| value));
    values.next().filter(|_| values.next().is_none())
}

/// True if the browser fetches the page before anybody asked for it: `Sec-Purpose` (Fetch standard), and the older `Purpose`
/// and `X-Moz`.
#[must_use]
pub fn is_prefetch(request: &Request) -> bool {
    ["sec-purpose", "purpose", "x-purpose", "x-moz"].into_iter().any(|name| {
        request.headers().get_all(name).iter().any(|value| {
            let value = value.as_bytes().to_ascii_lowercase();
            ["prefetch", "prerender", "preview"]
                .iter()
                .any(|word| value.windows(word.len()).any(|part| part == word.as_bytes()))
        })
    })
}

#[cfg(test)]
mod tests {
    use lambda_http::http::header::WWW_AUTHENTICATE;
    use serde_json::json;

    use super::super::failure;
    use super::*;
    use crate::env::Env;

    fn request(path: &str, query: &str, body: &str, claims: Option<Value>) -> Request {
        let mut context =
            json!({ "http": { "method": "GET", "path": path, "sourceIp": "127.0.0.1" }, "stage": "$default" });
        if let Some(claims) = claims {
            context["authorizer"] = json!({ "jwt": { "claims": claims } });
        }
        let event = json!({
            "version": "2.0", "routeKey": "$default", "rawPath": path, "rawQueryString": query,
            "headers": { "host": "api.example" }, "cookies": ["a=1", "wearable_connect=xyz"], "requestContext": context,
            "body": body, "isBase64Encoded": false,
        });
        lambda_http::request::from_str(&event.to_string()).unwrap()
    }

    #[test]
    fn patient_is_read_from_the_verified_claim_only() {
        let token_policy = TokenPolicy::from_env(&Env::default()).unwrap();
        let code = |claims| patient(&request("/", "", "", claims), &token_policy).map_err(|e| e.code);
        assert_eq!(code(Some(json!({"sub": "patient-1"}))).unwrap().as_str(), "patient-1");
        assert_eq!(code(None), Err("unauthorized"));
        assert_eq!(code(Some(json!({"email": "x"}))), Err("patient_claim_missing"));
        assert_eq!(code(Some(json!({"sub": "a b"}))), Err("patient_claim_missing"));
        assert_eq!(code(Some(json!({"sub": ""}))), Err("patient_claim_missing"));
    }

    #[test]
    fn rejected_token_gets_a_code_and_a_challenge_if_another_token_would_help() {
        let lists = Env::default().with("JWT_ALLOWED_AUDIENCES", "wearables").with("JWT_ALLOWED_AZP", "app");
        let token_policy = TokenPolicy::from_env(&lists).unwrap();
        let answer = |claims| {
            let refusal = patient(&request("/", "", "", claims), &token_policy).unwrap_err();
            let response = failure(&refusal);
            let challenge = response.headers().get(WWW_AUTHENTICATE).map(|value| value.to_str().unwrap().to_owned());
            (response.status().as_u16(), refusal.code, challenge)
        };
        let invalid = || Some("Bearer error=\"invalid_token\"".to_owned());
        assert_eq!(answer(None), (401, "unauthorized", Some("Bearer".to_owned())));
        let claims = |aud: &str, azp: &str| Some(json!({"sub": "p", "aud": aud, "azp": azp}));
        assert_eq!(answer(claims("else", "app")), (401, "audience_not_allowed", invalid()));
        assert_eq!(answer(claims("wearables", "else")), (403, "party_not_allowed", None));
        let no_patient = Some(json!({"aud": "wearables", "azp": "app"}));
        assert_eq!(answer(no_patient), (401, "patient_claim_missing", invalid()));
    }

    #[test]
    fn ambiguous_query_is_refused() {
        let read = |text: &str| query(&request("/", text, "", None)).map_err(|e| e.code);
        assert_eq!(read("from=2024-01-01&to=x").unwrap()["to"], "x");
        assert_eq!(read("from=1&from=2"), Err("invalid_query"));
        assert_eq!(read("from=%ff"), Err("invalid_query"));
        assert!(read("").unwrap().is_empty());
    }

    #[test]
    fn malformed_body_is_refused_and_not_quoted() {
        #[derive(serde::Deserialize, Debug, PartialEq)]
        struct Wanted {
            n: Option<u8>,
        }
        let read = |text: &str| json_body::<Wanted>(&request("/", "", text, None));
        assert_eq!(read("").unwrap(), Wanted { n: None });
        assert_eq!(read(r#"{"n":1}"#).unwrap(), Wanted { n: Some(1) });
        assert_eq!(read("{").unwrap_err().code, "invalid_json");
        assert_eq!(read("[1]").unwrap_err().code, "invalid_body", "a list is no object");
        let error = read(r#"{"n":"s3cret"}"#).unwrap_err();
        assert_eq!(error.code, "invalid_body");
        assert!(!error.message.contains("s3cret") && error.message.contains('n'), "{}", error.message);
        assert_eq!(read(&" ".repeat(16 * 1024 + 1)).unwrap_err().code, "body_too_large");
    }

    fn routed(key: Option<&str>, stage: &str, path: &str) -> Option<String> {
        let http = json!({ "method": "GET", "path": path, "sourceIp": "127.0.0.1" });
        let event = json!({
            "version": "2.0", "routeKey": key, "rawPath": path, "rawQueryString": "",
            "headers": { "host": "api.example" }, "isBase64Encoded": false,
            "requestContext": { "http": http, "stage": stage, "routeKey": key },
        });
        route(&lambda_http::request::from_str(&event.to_string()).unwrap()).map(str::to_owned)
    }

    #[test]
    fn route_is_the_matched_one_whatever_the_path_begins_with() {
        let key = format!("GET {PREFIX}/daily");
        for (stage, path) in [
            ("$default", format!("{PREFIX}/daily")),
            ("prod", format!("/prod{PREFIX}/daily")),
            ("$default", format!("/oura{PREFIX}/daily")),
            ("$default", "/a/b".to_owned()),
        ] {
            assert_eq!(routed(Some(&key), stage, &path).as_deref(), Some("/daily"), "{path}");
        }
        let parameter = format!("GET {PREFIX}/syncs/{{syncId}}");
        let path = format!("{PREFIX}/syncs/s-1");
        assert_eq!(routed(Some(&parameter), "$default", &path).as_deref(), Some("/syncs/{syncId}"));
        assert_eq!(routed(Some("GET /elsewhere"), "$default", &format!("{PREFIX}/daily")), None);
    }

    #[test]
    fn request_that_matched_no_route_is_read_by_its_path() {
        for key in [Some("$default"), None] {
            for begin in ["", "/prod", "/oura/v1"] {
                for (below, expected) in [("/daily", "/daily"), ("", ""), ("/a/b", "/a/b")] {
                    let path = format!("{begin}{PREFIX}{below}");
                    assert_eq!(routed(key, "$default", &path).as_deref(), Some(expected), "{path}");
                }
            }
            // API Gateway's authorizer does not see these, so they are no routes.
            for path in ["/", "/daily", "/api/patient-graph/wearablesx/daily", "/api/patient-graph/wearables/daily/"] {
                assert_eq!(routed(key, "$default", path), None, "{path}");
            }
        }
    }

    #[test]
    fn cookie_is_read_by_its_whole_name() {
        let request = request("/", "", "", None);
        assert_eq!(cookie(&request, "wearable_connect"), Some("xyz"));
        assert_eq!(cookie(&request, "wearable"), None);
        let twice = super::tests::request("/", "", "", None);
        let (mut parts, body) = twice.into_parts();
        parts.headers.insert("cookie", "wearable_connect=planted; a=1; wearable_connect=xyz".parse().unwrap());
        assert_eq!(cookie(&Request::from_parts(parts, body), "wearable_connect"), None, "one of two may be planted");
    }
}
