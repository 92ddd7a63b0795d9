//! `/oauth/token` and `/oauth/revoke`, on both token hosts.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, StatusCode, header};
use secrecy::ExposeSecret as _;
use serde_json::json;

use crate::answers::{bare, detail, json_text, oauth_error, of_person, unstored};
use crate::cloud::state::Cloud;
use crate::lock::lock;
use crate::options::token_host::RequestedHost;
use crate::tokens::TokenPair;

use super::fields::Fields;

/// `POST /oauth/token`.
pub(crate) async fn token(State(cloud): State<Arc<Cloud>>, headers: HeaderMap, body: Bytes) -> Response {
    exchange(&cloud, RequestedHost::Legacy, &headers, &body)
}

/// The token endpoint of the new portal's host.
pub(crate) async fn new_portal_token(State(cloud): State<Arc<Cloud>>, headers: HeaderMap, body: Bytes) -> Response {
    exchange(&cloud, RequestedHost::New, &headers, &body)
}

/// The answer of a host that does not serve the application. It does not name the cause, and it burns a code.
fn unserved(cloud: &Cloud, fields: &Fields) -> Response {
    if fields.one("grant_type") == Some("authorization_code") {
        fields.one("code").into_iter().for_each(|code| lock(&cloud.tokens).burn(code));
        return bare(StatusCode::UNAUTHORIZED);
    }
    oauth_error(StatusCode::BAD_REQUEST, "invalid_request", None)
}

fn exchange(cloud: &Cloud, host: RequestedHost, headers: &HeaderMap, body: &[u8]) -> Response {
    let invalid = |text: &str| oauth_error(StatusCode::BAD_REQUEST, "invalid_request", Some(text));
    let form = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    if !form.is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded")) {
        return invalid("The request must be form-encoded.");
    }
    let fields = Fields::parse(body);
    if fields.has_duplicates() {
        return invalid("A parameter is given twice.");
    }
    let (now, options) = (cloud.now(), cloud.options());
    if !options.token_host.serves(host) {
        return unserved(cloud, &fields);
    }
    if let Err(refusal) = authenticate(cloud, headers, &fields) {
        return *refusal;
    }
    let ttl = options.access_token_ttl_seconds;
    let expires = now.saturating_add_unsigned(ttl);
    let mut tokens = lock(&cloud.tokens);
    let exchanged = match fields.one("grant_type") {
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
    match exchanged {
        Ok(TokenPair { access, refresh, scopes }) => {
            let owner = tokens.owner(&access);
            let body = json!({
                "access_token": access,
                "refresh_token": refresh,
                "expires_in": ttl,
                "token_type": "Bearer",
                "scope": options.spelled(&scopes),
            });
            of_person(owner, unstored(json_text(StatusCode::OK, body.to_string())))
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
pub(crate) async fn revoke(State(cloud): State<Arc<Cloud>>, RawQuery(query): RawQuery) -> Response {
    revocation(&cloud, RequestedHost::Legacy, &query.unwrap_or_default())
}

/// The revocation endpoint of the new portal's host.
pub(crate) async fn new_portal_revoke(State(cloud): State<Arc<Cloud>>, RawQuery(query): RawQuery) -> Response {
    revocation(&cloud, RequestedHost::New, &query.unwrap_or_default())
}

fn revocation(cloud: &Cloud, host: RequestedHost, query: &str) -> Response {
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
    of_person(owner, bare(if ended { StatusCode::OK } else { StatusCode::UNAUTHORIZED }))
}
