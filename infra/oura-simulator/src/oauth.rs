//! `/oauth/*`: consent, codes, tokens, revocation.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use secrecy::ExposeSecret;
use serde_json::json;
use url::Url;

use super::answers::{Subject, bare, detail, json_text, oauth_error, unstored};
use super::consent;
use super::hosts::RequestedHost;
use super::options::KNOWN_SCOPES;
use super::state::{Cloud, lock};
use super::tokens::{Consent, Pair};

/// Form or query parameters, each with all its values in order.
struct Fields(BTreeMap<String, Vec<String>>);

impl Fields {
    fn parse(text: &[u8]) -> Self {
        let mut fields: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (name, value) in url::form_urlencoded::parse(text) {
            fields.entry(name.into_owned()).or_default().push(value.into_owned());
        }
        Self(fields)
    }

    /// The first value, if it is not empty.
    fn one(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(|values| values.first()).map(String::as_str).filter(|value| !value.is_empty())
    }

    fn all(&self, name: &str) -> &[String] {
        self.0.get(name).map_or(&[], Vec::as_slice)
    }
}

/// The part of an authorization request that must be right before anybody is sent anywhere.
struct Request<'a> {
    redirect: Url,
    redirect_uri: &'a str,
    state: Option<&'a str>,
    scopes: Vec<String>,
    challenge: Option<&'a str>,
    challenge_method: Option<&'a str>,
}

impl<'a> Request<'a> {
    /// Checks the application and its callback. On failure there is an error page and never a redirect
    /// (RFC 6749 section 4.1.2.1).
    fn parse(cloud: &Cloud, fields: &'a Fields) -> Result<Self, Box<Response>> {
        if fields.one("client_id") != Some(cloud.client_id.as_str()) {
            return Err(Box::new(consent::error(
                "This application is not known",
                "The client_id is missing or wrong.",
            )));
        }
        let registered = |uri: &&str| cloud.redirect_uris.iter().any(|known| known == uri);
        let parsed = fields.one("redirect_uri").filter(registered).and_then(|uri| Some((uri, Url::parse(uri).ok()?)));
        let Some((redirect_uri, redirect)) = parsed else {
            let why = "The redirect_uri is not one that the application registered. It must match exactly.";
            return Err(Box::new(consent::error("This callback is not registered", why)));
        };
        let options = cloud.options();
        let mut scopes: Vec<String> = Vec::new();
        for name in fields.all("scope").iter().flat_map(|text| text.split_whitespace()) {
            let name = name.strip_prefix("extapi:").unwrap_or(name);
            let usable = KNOWN_SCOPES.contains(&name) && options.enabled_scopes.iter().any(|scope| scope == name);
            if usable && !scopes.iter().any(|known| known == name) {
                scopes.push(name.to_owned());
            }
        }
        Ok(Self {
            redirect,
            redirect_uri,
            state: fields.one("state"),
            scopes,
            challenge: fields.one("code_challenge"),
            challenge_method: fields.one("code_challenge_method"),
        })
    }

    /// Back to the application with these parameters and the state.
    fn redirect(&self, parameters: &[(&str, &str)]) -> Response {
        let mut url = self.redirect.clone();
        url.query_pairs_mut().extend_pairs(parameters).extend_pairs(self.state.map(|state| ("state", state)));
        let mut response = bare(StatusCode::FOUND);
        if let Ok(location) = HeaderValue::from_str(url.as_str()) {
            response.headers_mut().insert(header::LOCATION, location);
        }
        unstored(response)
    }

    fn refuse(&self, code: &str) -> Response {
        self.redirect(&[("error", code)])
    }

    /// Only S256 is accepted; a plain challenge would prove nothing.
    fn challenge_is_usable(&self) -> bool {
        self.challenge.is_none() || self.challenge_method == Some("S256")
    }
}

/// `GET /oauth/authorize`: the consent page.
pub(super) async fn authorize_page(State(cloud): State<Arc<Cloud>>, RawQuery(query): RawQuery) -> Response {
    let fields = Fields::parse(query.unwrap_or_default().as_bytes());
    let request = match Request::parse(&cloud, &fields) {
        Ok(request) => request,
        Err(page) => return *page,
    };
    if fields.one("response_type") != Some("code") {
        return request.refuse("unsupported_response_type");
    }
    if !request.challenge_is_usable() {
        return request.refuse("invalid_request");
    }
    let hidden = ["client_id", "redirect_uri", "state", "code_challenge", "code_challenge_method"];
    let hidden: Vec<(&str, &str)> = hidden.into_iter().filter_map(|name| Some((name, fields.one(name)?))).collect();
    consent::page(&hidden, &request.scopes)
}

/// `POST /oauth/authorize`: what was decided on the consent page. `scope` holds what stayed ticked.
pub(super) async fn authorize_decision(State(cloud): State<Arc<Cloud>>, body: Bytes) -> Response {
    let fields = Fields::parse(&body);
    let request = match Request::parse(&cloud, &fields) {
        Ok(request) => request,
        Err(page) => return *page,
    };
    if !request.challenge_is_usable() {
        return request.refuse("invalid_request");
    }
    match fields.one("decision") {
        Some("allow") => {}
        Some("deny") => return request.refuse("access_denied"),
        _ => return consent::error("No decision", "The form must say decision=allow or decision=deny."),
    }
    let Some((person, _)) = fields.one("account").and_then(|key| cloud.person_of(key)) else {
        return consent::error("Nobody signed in", "The form must name one of the accounts.");
    };
    let options = cloud.options();
    let granted = options.spelled(&request.scopes);
    let expires = cloud.now().saturating_add_unsigned(options.code_ttl_seconds);
    let agreed = Consent {
        person,
        scopes: request.scopes.clone(),
        redirect_uri: request.redirect_uri.to_owned(),
        challenge: request.challenge.map(str::to_owned),
    };
    let code = lock(&cloud.tokens).issue_code(agreed, expires);
    let mut parameters = vec![("code", code.as_str()), ("scope", granted.as_str())];
    parameters.extend(options.iss.as_deref().map(|iss| ("iss", iss)));
    of(Some(person), request.redirect(&parameters))
}

/// `POST /oauth/token`.
pub(super) async fn token(State(cloud): State<Arc<Cloud>>, headers: HeaderMap, body: Bytes) -> Response {
    traded(&cloud, RequestedHost::Legacy, &headers, &body)
}

/// The same at the other host.
pub(super) async fn new_portal_token(State(cloud): State<Arc<Cloud>>, headers: HeaderMap, body: Bytes) -> Response {
    traded(&cloud, RequestedHost::New, &headers, &body)
}

/// What the host says to an application that it does not serve: nothing that would tell why. The code is gone all the
/// same.
fn unserved(cloud: &Cloud, fields: &Fields) -> Response {
    if fields.one("grant_type") == Some("authorization_code") {
        fields.one("code").into_iter().for_each(|code| lock(&cloud.tokens).burn(code));
        return bare(StatusCode::UNAUTHORIZED);
    }
    oauth_error(StatusCode::BAD_REQUEST, "invalid_request", None)
}

fn traded(cloud: &Cloud, host: RequestedHost, headers: &HeaderMap, body: &[u8]) -> Response {
    let invalid = |text: &str| oauth_error(StatusCode::BAD_REQUEST, "invalid_request", Some(text));
    let form = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    if !form.is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded")) {
        return invalid("The request must be form-encoded.");
    }
    let fields = Fields::parse(body);
    if fields.0.values().any(|values| values.len() > 1) {
        return invalid("A parameter is given twice.");
    }
    let (now, options) = (cloud.now(), cloud.options());
    if !options.token_host.serves(host) {
        return unserved(cloud, &fields);
    }
    if let Err(refusal) = authenticate(cloud, headers, &fields) {
        return *refusal;
    }
    let life = options.access_token_ttl_seconds;
    let expires = now.saturating_add_unsigned(life);
    let mut tokens = lock(&cloud.tokens);
    let traded = match fields.one("grant_type") {
        Some("authorization_code") => {
            let Some(code) = fields.one("code") else { return invalid("The code is missing.") };
            tokens.exchange(code, fields.one("redirect_uri"), fields.one("code_verifier"), now, expires)
        }
        Some("refresh_token") => {
            let Some(token) = fields.one("refresh_token") else { return invalid("The refresh_token is missing.") };
            tokens.rotate(token, now, expires, options.family_revocation)
        }
        Some(_) => return oauth_error(StatusCode::BAD_REQUEST, "unsupported_grant_type", None),
        None => return invalid("The grant_type is missing."),
    };
    match traded {
        Ok(Pair { access, refresh, scopes }) => {
            let owner = tokens.owner(&access);
            let body = json!({
                "access_token": access,
                "refresh_token": refresh,
                "expires_in": life,
                "token_type": "Bearer",
                "scope": options.spelled(&scopes),
            });
            of(owner, unstored(json_text(StatusCode::OK, body.to_string())))
        }
        Err(refused) => oauth_error(StatusCode::BAD_REQUEST, "invalid_grant", Some(refused.0)),
    }
}

/// Client authentication by body or by Basic, not both (RFC 6749 section 2.3).
fn authenticate(cloud: &Cloud, headers: &HeaderMap, fields: &Fields) -> Result<(), Box<Response>> {
    let basic = headers.get(header::AUTHORIZATION).map(|value| value.to_str().ok().and_then(basic_credentials));
    let in_body = fields.one("client_secret").is_some();
    let (id, secret) = match basic {
        Some(_) if in_body => {
            let text = "The client must authenticate in one way only.";
            return Err(Box::new(oauth_error(StatusCode::BAD_REQUEST, "invalid_request", Some(text))));
        }
        Some(Some((id, secret))) => (Some(id), Some(secret)),
        Some(None) => (None, None),
        None => (fields.one("client_id").map(str::to_owned), fields.one("client_secret").map(str::to_owned)),
    };
    if id.as_deref() != Some(cloud.client_id.as_str()) {
        return Err(Box::new(oauth_error(StatusCode::BAD_REQUEST, "invalid_client", Some("Invalid client_id."))));
    }
    if secret.as_deref() != Some(cloud.client_secret.expose_secret()) {
        return Err(Box::new(oauth_error(StatusCode::UNAUTHORIZED, "invalid_client", None)));
    }
    Ok(())
}

/// The id and the secret of a Basic header; both are form-encoded inside it.
fn basic_credentials(value: &str) -> Option<(String, String)> {
    let (scheme, encoded) = value.split_once(' ')?;
    let plain = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (id, secret) = plain.split_once(':')?;
    let decoded = |text: &str| {
        let pair = format!("v={text}");
        url::form_urlencoded::parse(pair.as_bytes()).next().map(|(_, value)| value.into_owned())
    };
    scheme.eq_ignore_ascii_case("basic").then_some((decoded(id)?, decoded(secret)?))
}

/// `POST /oauth/revoke?access_token=...`: 200 when the grant ended by it, 401 for a token that is not good any more.
pub(super) async fn revoke(State(cloud): State<Arc<Cloud>>, RawQuery(query): RawQuery) -> Response {
    revoked(&cloud, RequestedHost::Legacy, &query.unwrap_or_default())
}

/// The same at the other host.
pub(super) async fn new_portal_revoke(State(cloud): State<Arc<Cloud>>, RawQuery(query): RawQuery) -> Response {
    revoked(&cloud, RequestedHost::New, &query.unwrap_or_default())
}

fn revoked(cloud: &Cloud, host: RequestedHost, query: &str) -> Response {
    if !cloud.options().token_host.serves(host) {
        return oauth_error(StatusCode::BAD_REQUEST, "invalid_request", None);
    }
    let fields = Fields::parse(query.as_bytes());
    let Some(token) = fields.one("access_token") else {
        return detail(StatusCode::BAD_REQUEST, "The access_token is missing.");
    };
    let mut tokens = lock(&cloud.tokens);
    let owner = tokens.owner(token);
    let ended = tokens.revoke(token, cloud.now());
    of(owner, bare(if ended { StatusCode::OK } else { StatusCode::UNAUTHORIZED }))
}

/// The answer, marked with whom it was about.
fn of(person: Option<usize>, mut response: Response) -> Response {
    if let Some(person) = person {
        response.extensions_mut().insert(Subject(person));
    }
    response
}
