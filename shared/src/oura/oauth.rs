//! Oura's OAuth 2: the consent page's address, code exchange, refresh, revocation. Every request is sent once.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::header::CONTENT_LENGTH;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use url::Url;

use super::error::TokenError;
use super::hosts::{OuraHosts, Portal, host_name};
use super::secret::{AccessToken, AuthorizationCode, ClientSecret, PkceVerifier, RefreshToken};
use super::transport::{self, Answer, HttpOptions, HttpSetupError, NoAnswer};
use crate::domain::{Entropy, ScopeSet};

/// Upper bound of a token answer in bytes.
const MAX_BODY: usize = 64 * 1024;

/// Upper bound of a token's lifetime, so that a nonsense number cannot overflow a date.
const MAX_TOKEN_TTL: Duration = Duration::from_secs(366 * 24 * 60 * 60);

/// Time after which a refusal leaves too little time for a request to the other host.
const FALLBACK_TIMEOUT: Duration = Duration::from_secs(10);

/// The app as registered at Oura.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "OAuth's own names")]
pub struct OAuthApp {
    pub client_id: String,
    pub client_secret: ClientSecret,
    /// The registered callback, letter for letter: Oura compares texts, so it is not normalized as a URL would be.
    pub redirect_uri: String,
}

/// Oura's OAuth endpoints, for one app. Cheap to clone.
#[derive(Debug, Clone)]
pub struct OAuthClient {
    http: reqwest::Client,
    hosts: Arc<OuraHosts>,
    app: Arc<OAuthApp>,
    other_host_works: Arc<AtomicBool>,
}

/// Answer of the token endpoint.
#[derive(Debug, Clone)]
pub struct TokenGrant {
    /// Token for the data API.
    pub access_token: AccessToken,
    /// Token for the next refresh. If absent, the one used for this request stays valid.
    pub refresh_token: Option<RefreshToken>,
    /// Lifetime of the access token from now. If absent, it may be short: rely on 401.
    pub expires_in: Option<Duration>,
    /// Scopes granted by the patient, without prefixes; absent if Oura sent none. An empty text grants nothing.
    pub scope: Option<ScopeSet>,
    /// Name of the token host that issued it, with the port if it is not the scheme's default.
    pub host: String,
}

/// Public half of a proof key: the SHA-256 of the verifier (RFC 7636, method `S256`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PkceChallenge(String);

impl PkceVerifier {
    /// Generates a verifier: 256 random bits as 43 characters.
    #[must_use]
    pub fn generate(entropy: &Entropy) -> Self {
        Self::new(URL_SAFE_NO_PAD.encode(entropy.bytes()))
    }

    /// Returns its challenge, which the browser may see.
    #[must_use]
    pub fn challenge(&self) -> PkceChallenge {
        PkceChallenge(URL_SAFE_NO_PAD.encode(Sha256::digest(self.expose().as_bytes())))
    }
}

impl fmt::Display for PkceChallenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// HTTP client for Oura's OAuth endpoints, for any app. Cheap to clone.
#[derive(Debug, Clone)]
pub struct OAuthHttp {
    http: reqwest::Client,
    hosts: Arc<OuraHosts>,
    /// True once the other portal's host has refreshed a token that the default portal's had refused: the app's other
    /// patients are served there too.
    other_host_works: Arc<AtomicBool>,
}

impl OAuthHttp {
    /// Creates a client.
    ///
    /// # Errors
    /// [`HttpSetupError`] if TLS cannot be set up.
    pub fn new(hosts: &OuraHosts, options: HttpOptions) -> Result<Self, HttpSetupError> {
        let urls: Vec<_> = hosts.used().flat_map(|host| [&host.token, &host.revoke]).collect();
        let http = transport::client(options.connect_timeout, options.token_timeout, &urls)
            // A new connection each time. A kept one may have died while the function was frozen, and a refresh
            // that is lost on it leaves unknown whether the token was used.
            .pool_max_idle_per_host(0)
            .build()?;
        Ok(Self { http, hosts: Arc::new(hosts.clone()), other_host_works: Arc::default() })
    }

    /// Returns a client for this app; its secret may have changed since the last call.
    #[must_use]
    pub fn client(&self, app: OAuthApp) -> OAuthClient {
        let (hosts, other_host_works) = (Arc::clone(&self.hosts), Arc::clone(&self.other_host_works));
        OAuthClient { http: self.http.clone(), hosts, app: Arc::new(app), other_host_works }
    }
}

impl OAuthClient {
    /// Creates a client for this app.
    ///
    /// # Errors
    /// [`HttpSetupError`] if TLS cannot be set up.
    pub fn new(hosts: &OuraHosts, app: OAuthApp, options: HttpOptions) -> Result<Self, HttpSetupError> {
        Ok(OAuthHttp::new(hosts, options)?.client(app))
    }

    /// Returns the address of the consent page. `scopes` are separated by spaces; their order and spelling are kept.
    #[must_use]
    pub fn authorize_url(&self, scopes: &str, state: &str, pkce: Option<&PkceChallenge>) -> Url {
        let scopes = scopes.split_ascii_whitespace().collect::<Vec<_>>().join(" ");
        let mut url = self.hosts.authorize.clone();
        {
            let mut query = url.query_pairs_mut();
            query
                .append_pair("response_type", "code")
                .append_pair("client_id", &self.app.client_id)
                .append_pair("redirect_uri", &self.app.redirect_uri)
                .append_pair("scope", &scopes)
                .append_pair("state", state);
            if let Some(PkceChallenge(challenge)) = pkce {
                query.append_pair("code_challenge", challenge).append_pair("code_challenge_method", "S256");
            }
        }
        // Only form decoders read `+` as a space; every decoder reads `%20` as one. A real plus is `%2B` here already.
        let query = url.query().map(|query| query.replace('+', "%20"));
        url.set_query(query.as_deref());
        url
    }

    /// Exchanges a code for tokens at one portal's token host. A code is valid once: the host burns it even with a refusal,
    /// so it is never tried at the other one.
    ///
    /// # Errors
    /// [`TokenError`].
    pub async fn exchange(
        &self,
        portal: Portal,
        code: &AuthorizationCode,
        verifier: Option<&PkceVerifier>,
    ) -> Result<TokenGrant, TokenError> {
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("code", code.expose()),
            ("redirect_uri", &self.app.redirect_uri),
        ];
        form.extend(verifier.map(|verifier| ("code_verifier", verifier.expose())));
        self.token(portal, form).await
    }

    /// Exchanges a refresh token for new tokens. `issued_by` is the name of the host that issued it. The token is used up
    /// by this, even if the answer is lost.
    ///
    /// A host that refuses the client (400 or 401) may be the other portal's, and has not used the token: then the other
    /// host is tried, once. If that host issues tokens, it is asked first from then on. If neither does, the first refusal
    /// is returned. `invalid_grant` counts only from the host that issued the token.
    ///
    /// # Errors
    /// [`TokenError`].
    pub async fn refresh(&self, refresh: &RefreshToken, issued_by: &str) -> Result<TokenGrant, TokenError> {
        let ask =
            |portal| self.token(portal, vec![("grant_type", "refresh_token"), ("refresh_token", refresh.expose())]);
        let (default, issuer) = (self.hosts.default_portal(), self.hosts.portal_of_host(issued_by));
        if !self.hosts.has_fallback() {
            return ask(issuer).await;
        }
        let other_first = issuer != default || self.other_host_works.load(Ordering::Relaxed);
        let first = if other_first { default.other() } else { default };
        let issuer_first = first == issuer;
        let started = Instant::now();
        let refusal = match ask(first).await {
            Err(TokenError::InvalidGrant) if !issuer_first => {
                TokenError::Refused { status: 400, error: Some("invalid_grant".to_owned()), retry_after: None }
            }
            Err(refusal @ TokenError::Refused { status: 400 | 401, .. }) => refusal,
            other => return other,
        };
        if started.elapsed() > FALLBACK_TIMEOUT {
            return Err(refusal);
        }
        match ask(first.other()).await {
            Ok(grant) => {
                let host = &grant.host;
                tracing::warn!(event = "oauth.fallback_used", %host, "refresh succeeded at the other portal's token host");
                self.other_host_works.store(!other_first, Ordering::Relaxed);
                Ok(grant)
            }
            Err(error @ TokenError::OutcomeUnknown { .. }) => Err(error),
            Err(TokenError::InvalidGrant) if !issuer_first => Err(TokenError::InvalidGrant),
            Err(_) => Err(refusal),
        }
    }

    /// Revokes a token at the portal of the host `issued_by`. A 401 proves nothing: with an expired token the consent lives on.
    ///
    /// # Errors
    /// [`TokenError`], never [`TokenError::InvalidGrant`].
    pub async fn revoke(&self, token: &AccessToken, issued_by: &str) -> Result<(), TokenError> {
        let mut url = self.hosts.of(self.hosts.portal_of_host(issued_by)).revoke.clone();
        url.query_pairs_mut().append_pair("access_token", token.expose());
        // Without the header, which hyper leaves out when there is no body, some servers answer 411.
        let request = self.http.post(url).header(CONTENT_LENGTH, 0);
        let answer = transport::send(request, MAX_BODY).await.map_err(lost)?;
        if answer.status.is_success() {
            return Ok(());
        }
        Err(failure(&answer, None))
    }

    async fn token(&self, portal: Portal, mut form: Vec<(&str, &str)>) -> Result<TokenGrant, TokenError> {
        let url = &self.hosts.of(portal).token;
        form.extend([("client_id", self.app.client_id.as_str()), ("client_secret", self.app.client_secret.expose())]);
        let request = self.http.post(url.clone()).form(&form);
        let answer = transport::send(request, MAX_BODY).await.map_err(lost)?;
        // A truncated answer holds no tokens, so its status alone decides.
        let body = answer.body.as_deref().ok().and_then(|body| serde_json::from_slice::<Map<String, Value>>(body).ok());
        if answer.status.is_success() {
            let unreadable = TokenError::OutcomeUnknown { status: Some(answer.status.as_u16()) };
            return body.and_then(|body| TokenGrant::parse(&body, &host_name(url))).ok_or(unreadable);
        }
        Err(failure(&answer, body.as_ref()))
    }
}

impl TokenGrant {
    /// Reads an answer. Only the access token is required: no other member is certain. A member of an unexpected form
    /// counts as absent.
    fn parse(body: &Map<String, Value>, host: &str) -> Option<Self> {
        let text = |name: &str| body.get(name).and_then(Value::as_str);
        // A token that does not fit into a header could never be sent.
        let token =
            |name: &str| text(name).filter(|text| !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic()));
        let seconds = match body.get("expires_in") {
            Some(Value::String(text)) => text.trim().parse().ok(),
            Some(number) => number.as_f64(),
            None => None,
        };
        Some(Self {
            access_token: AccessToken::new(token("access_token")?),
            refresh_token: token("refresh_token").map(RefreshToken::new),
            expires_in: seconds.filter(|seconds| *seconds > 0.0).map(|seconds: f64| {
                Duration::try_from_secs_f64(seconds).map_or(MAX_TOKEN_TTL, |ttl| ttl.min(MAX_TOKEN_TTL))
            }),
            scope: text("scope").map(ScopeSet::parse),
            host: host.to_owned(),
        })
    }
}

fn lost(no_answer: NoAnswer) -> TokenError {
    match no_answer {
        NoAnswer::Unsendable | NoAnswer::NotConnected => TokenError::NotSent,
        NoAnswer::Unknown => TokenError::OutcomeUnknown { status: None },
    }
}

/// Maps an answer other than success. A status alone proves nothing about the grant: the documented host answers 400 also
/// to a client of the other portal, and a proxy may answer anything.
fn failure(answer: &Answer, body: Option<&Map<String, Value>>) -> TokenError {
    let status = answer.status.as_u16();
    let error = body.and_then(|body| body.get("error")).and_then(Value::as_str).filter(|word| is_error_word(word));
    match (status, error) {
        (400 | 401 | 403, Some("invalid_grant")) => TokenError::InvalidGrant,
        // 408: the server stopped waiting; the part of the request it had received is not known.
        (408 | 500.., _) => TokenError::OutcomeUnknown { status: Some(status) },
        _ => TokenError::Refused {
            status,
            error: error.map(str::to_owned),
            retry_after: transport::retry_after(&answer.headers),
        },
    }
}

/// True for an error word as in RFC 6749. Longer texts are dropped: they could hold anything.
fn is_error_word(text: &str) -> bool {
    (1..=32).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
}

#[cfg(test)]
#[path = "oauth_tests.rs"]
mod tests;
