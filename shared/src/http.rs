//! What the HTTP functions share: the envelope, the errors and their one mapping to a response, and how the patient, the
//! query and the body are read from a request of API Gateway's HTTP API (payload 2.0).

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

use lambda_http::http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_TYPE, LOCATION, RETRY_AFTER, SET_COOKIE, WWW_AUTHENTICATE,
};
use lambda_http::http::{HeaderValue, StatusCode};
use lambda_http::request::RequestContext;
use lambda_http::{Body, Request, RequestExt, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::domain::PatientId;
use crate::token_policy::{TokenPolicy, TokenRejected};

/// The path prefix of every route.
pub const PREFIX: &str = "/api/patient-graph/wearables";

/// No route of this project takes a larger body.
const MAX_BODY_BYTES: usize = 16 * 1024;

/// A refusal: what the caller is told. What went wrong inside is logged where it happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpError {
    /// The HTTP status.
    pub status: StatusCode,
    /// Stable and documented (OpenAPI): frontends branch on it.
    pub code: &'static str,
    /// For people; holds no internals and nothing of the request.
    pub message: Cow<'static, str>,
    /// When it is worth trying again, where that is known; the answer's `Retry-After`.
    pub retry_after: Option<Duration>,
    /// The methods that the route takes; the answer's `Allow`.
    pub allow: Option<&'static str>,
}

impl HttpError {
    /// A refusal with this status, code and text.
    #[must_use]
    pub fn new(status: StatusCode, code: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self { status, code, message: message.into(), retry_after: None, allow: None }
    }

    /// 400 with this code and text.
    #[must_use]
    pub fn bad_request(code: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message)
    }

    /// 404: no such route.
    #[must_use]
    pub fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", "There is no such route.")
    }

    /// 405: the route exists and takes only these methods, such as `GET, POST` (RFC 9110, section 15.5.6).
    #[must_use]
    pub fn method_not_allowed(allow: &'static str) -> Self {
        let message = "This route does not take this method.";
        let refusal = Self::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", message);
        Self { allow: Some(allow), ..refusal }
    }

    /// 429 with this code: the patient asks too often, and may ask again after the wait.
    #[must_use]
    pub fn too_many(code: &'static str, wait: Duration) -> Self {
        // Rounded up: whoever comes at the second that was named is let in.
        let wait = Duration::from_secs(wait.as_secs() + u64::from(wait.subsec_nanos() > 0)).max(Duration::from_secs(1));
        let seconds = wait.as_secs();
        let when =
            if seconds < 120 { format!("{seconds} seconds") } else { format!("{} minutes", seconds.div_ceil(60)) };
        let message = format!("That was asked for too often. Please try again in {when}.");
        Self { retry_after: Some(wait), ..Self::new(StatusCode::TOO_MANY_REQUESTS, code, message) }
    }

    /// 500: a mistake of ours.
    #[must_use]
    pub fn internal() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "Something went wrong on our side.")
    }

    /// 503: something that we depend on does not answer; trying again later may help.
    #[must_use]
    pub fn unavailable() -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "service_unavailable", "Please try again in a moment.")
    }
}

/// The response of a success.
#[must_use]
pub fn success(status: StatusCode, data: &impl Serialize) -> Response<Body> {
    #[derive(Serialize)]
    struct Envelope<'d, D> {
        success: bool,
        data: &'d D,
    }
    match serde_json::to_string(&Envelope { success: true, data }) {
        Ok(body) => json_response(status, body),
        Err(error) => {
            tracing::error!(%error, "an answer could not be serialized");
            failure(&HttpError::internal())
        }
    }
}

/// The response of a refusal.
#[must_use]
pub fn failure(error: &HttpError) -> Response<Body> {
    let body = json!({ "success": false, "error": { "code": error.code, "message": error.message } });
    let mut response = json_response(error.status, body.to_string());
    if let Some(wait) = error.retry_after {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(wait.as_secs()));
    }
    if let Some(methods) = error.allow {
        response.headers_mut().insert(ALLOW, HeaderValue::from_static(methods));
    }
    if error.status == StatusCode::UNAUTHORIZED {
        // RFC 6750, section 3: no error code where there was no token.
        let challenge = if error.code == "unauthorized" { "Bearer" } else { "Bearer error=\"invalid_token\"" };
        response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
    }
    response
}

/// The response that says nothing.
#[must_use]
pub fn no_content() -> Response<Body> {
    let mut response = Response::new(Body::Empty);
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}

/// A redirect that turns every method into GET (RFC 9110, section 15.4.4). A location that no header can hold is ours
/// to prevent; it becomes an internal error.
#[must_use]
pub fn see_other(location: &str) -> Response<Body> {
    let mut response = Response::new(Body::Empty);
    match HeaderValue::from_str(location) {
        Ok(location) => {
            *response.status_mut() = StatusCode::SEE_OTHER;
            response.headers_mut().insert(LOCATION, location);
            // The callback's URL holds a code and a state: the next page must not see it, nothing may keep it.
            response.headers_mut().insert("referrer-policy", HeaderValue::from_static("no-referrer"));
            response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
            response
        }
        Err(error) => {
            tracing::error!(%error, "a redirect has an impossible location");
            failure(&HttpError::internal())
        }
    }
}

/// Adds a `Set-Cookie` header. The value is made by this project and is plain ASCII.
#[must_use]
pub fn with_cookie(mut response: Response<Body>, cookie: &str) -> Response<Body> {
    if let Ok(value) = HeaderValue::from_str(cookie) {
        response.headers_mut().append(SET_COOKIE, value);
    }
    response
}

fn json_response(status: StatusCode, body: String) -> Response<Body> {
    let mut response = Response::new(Body::Text(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// The patient, from the claims that API Gateway's authorizer verified. Never from a header, body or query.
///
/// # Errors
/// 401 `unauthorized` when no verified claims came with the request, `audience_not_allowed` when the token is for others,
/// `patient_claim_missing` when the claim is absent or is no patient id; 403 `party_not_allowed` when the token is good, but of
/// an app that may not use this service: signing in once more there would not help.
pub fn patient(request: &Request, token_policy: &TokenPolicy) -> Result<PatientId, HttpError> {
    let unauthorized = || HttpError::new(StatusCode::UNAUTHORIZED, "unauthorized", "A valid sign-in is needed.");
    let RequestContext::ApiGatewayV2(context) = request.request_context_ref().ok_or_else(unauthorized)? else {
        return Err(unauthorized());
    };
    let verified =
        context.authorizer.as_ref().and_then(|authorizer| authorizer.jwt.as_ref()).ok_or_else(unauthorized)?;
    token_policy.patient(&verified.claims).map_err(|refused| match refused {
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

/// The route below [`PREFIX`], without a trailing slash; `None` when the path lies elsewhere.
#[must_use]
pub fn route(request: &Request) -> Option<&str> {
    let path = request.raw_http_path();
    let rest = path.strip_prefix(PREFIX)?;
    if rest.is_empty() || rest.starts_with('/') { Some(rest.strip_suffix('/').unwrap_or(rest)) } else { None }
}

/// The query's parameters by name.
///
/// # Errors
/// 400 `invalid_query` when one is given twice or is not UTF-8: an ambiguous question has no right answer.
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

/// The body as JSON; an empty body counts as `{}`.
///
/// # Errors
/// 413 `body_too_large`, 400 `invalid_json` when it is not JSON, 400 `invalid_body` when it is JSON of another shape.
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
    serde_path_to_error::deserialize(value).map_err(|error| {
        HttpError::bad_request(
            "invalid_body",
            format!("The body does not fit: see `{}`.", printable(&error.path().to_string())),
        )
    })
}

/// Field names come from the caller: shown only as far as they are plain.
fn printable(path: &str) -> String {
    path.chars().filter(|c| c.is_ascii_alphanumeric() || ".[]_-?".contains(*c)).take(80).collect()
}

/// The value of the cookie of this name. Lambda joins the cookies of payload 2.0 with `; `.
#[must_use]
pub fn cookie<'r>(request: &'r Request, name: &str) -> Option<&'r str> {
    request
        .headers()
        .get_all(lambda_http::http::header::COOKIE)
        .iter()
        .filter_map(|header| header.to_str().ok())
        .flat_map(|header| header.split(';'))
        .find_map(|pair| pair.trim().split_once('=').filter(|(key, _)| *key == name).map(|(_, value)| value))
}

#[cfg(test)]
mod tests {
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
    fn the_patient_comes_from_the_verified_claim_and_nowhere_else() {
        let token_policy = TokenPolicy::from_env(&Env::default()).unwrap();
        let code = |claims| patient(&request("/", "", "", claims), &token_policy).map_err(|e| e.code);
        assert_eq!(code(Some(json!({"sub": "patient-1"}))).unwrap().as_str(), "patient-1");
        assert_eq!(code(None), Err("unauthorized"));
        assert_eq!(code(Some(json!({"email": "x"}))), Err("patient_claim_missing"));
        assert_eq!(code(Some(json!({"sub": "a b"}))), Err("patient_claim_missing"));
        assert_eq!(code(Some(json!({"sub": ""}))), Err("patient_claim_missing"));
    }

    #[test]
    fn who_is_not_admitted_is_told_why_and_challenged_where_another_token_would_help() {
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
        let nobody = Some(json!({"aud": "wearables", "azp": "app"}));
        assert_eq!(answer(nobody), (401, "patient_claim_missing", invalid()));
    }

    #[test]
    fn an_ambiguous_query_is_refused() {
        let read = |text: &str| query(&request("/", text, "", None)).map_err(|e| e.code);
        assert_eq!(read("from=2024-01-01&to=x").unwrap()["to"], "x");
        assert_eq!(read("from=1&from=2"), Err("invalid_query"));
        assert_eq!(read("from=%ff"), Err("invalid_query"));
        assert!(read("").unwrap().is_empty());
    }

    #[test]
    fn a_bad_body_is_told_apart_without_being_repeated() {
        #[derive(serde::Deserialize, Debug, PartialEq)]
        struct Wanted {
            n: Option<u8>,
        }
        let read = |text: &str| json_body::<Wanted>(&request("/", "", text, None));
        assert_eq!(read("").unwrap(), Wanted { n: None });
        assert_eq!(read(r#"{"n":1}"#).unwrap(), Wanted { n: Some(1) });
        assert_eq!(read("{").unwrap_err().code, "invalid_json");
        let error = read(r#"{"n":"s3cret"}"#).unwrap_err();
        assert_eq!(error.code, "invalid_body");
        assert!(!error.message.contains("s3cret") && error.message.contains('n'), "{}", error.message);
        assert_eq!(read(&" ".repeat(16 * 1024 + 1)).unwrap_err().code, "body_too_large");
    }

    #[test]
    fn routes_and_cookies_are_found() {
        let request = request("/api/patient-graph/wearables/daily/", "", "", None);
        assert_eq!(route(&request), Some("/daily"));
        assert_eq!(cookie(&request, "wearable_connect"), Some("xyz"));
        assert_eq!(cookie(&request, "wearable"), None);
    }
}
