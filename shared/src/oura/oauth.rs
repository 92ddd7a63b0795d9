//! Oura's OAuth 2: the consent page's address, code exchange, refresh, revocation. Every request is sent once.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::StatusCode;
use reqwest::header::CONTENT_LENGTH;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use url::Url;

use super::error::TokenError;
use super::hosts::{OuraHosts, host_of};
use super::secret::{AccessToken, AuthorizationCode, ClientSecret, PkceVerifier, RefreshToken};
use super::transport::{self, Answer, HttpOptions, HttpSetupError, NoAnswer};
use crate::domain::{Entropy, ScopeSet};

/// More than any true token answer.
const MAX_BODY: usize = 64 * 1024;

/// The longest life that is believed of a token, so that a nonsense number cannot overflow a date.
const LONGEST_LIFE: Duration = Duration::from_secs(366 * 24 * 60 * 60);

/// A refusal that took longer than this leaves no time to ask at the other host as well.
const QUICK: Duration = Duration::from_secs(10);

/// The app as registered at Oura.
#[derive(Debug, Clone)]
pub struct OAuthApp {
    /// Public.
    pub client_id: String,
    /// Not.
    pub client_secret: ClientSecret,
    /// The registered callback, letter for letter: Oura compares texts, so this is not normalized as a URL would be.
    pub redirect_uri: String,
}

/// Oura's OAuth endpoints, for one app. Cheap to clone.
#[derive(Debug, Clone)]
pub struct OAuthClient {
    http: reqwest::Client,
    hosts: Arc<OuraHosts>,
    app: Arc<OAuthApp>,
    fallback_works: Arc<AtomicBool>,
}

/// What the token endpoint gave.
#[derive(Debug, Clone)]
pub struct TokenGrant {
    /// Opens the data.
    pub access_token: AccessToken,
    /// Buys the next pair. When none came, the one used for this request stays good.
    pub refresh_token: Option<RefreshToken>,
    /// The access token's life from now. When absent, assume little and rely on 401.
    pub expires_in: Option<Duration>,
    /// What the patient allowed, without prefixes; absent when Oura did not say. An empty text is "nothing".
    pub scope: Option<ScopeSet>,
    /// Which token host gave it: its name, with the port if that is none of the usual.
    pub host: String,
}

/// The public half of a proof key: the SHA-256 of the verifier (RFC 7636, method `S256`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PkceChallenge(String);

impl PkceVerifier {
    /// A fresh one: 256 random bits as 43 characters.
    #[must_use]
    pub fn generate(entropy: &Entropy) -> Self {
        Self::new(URL_SAFE_NO_PAD.encode(entropy.bytes()))
    }

    /// Its challenge, which the browser may see.
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

/// How Oura's OAuth endpoints are reached, for whichever app asks. Cheap to clone.
#[derive(Debug, Clone)]
pub struct OAuthHttp {
    http: reqwest::Client,
    hosts: Arc<OuraHosts>,
    /// The other token host answered where the first one refused: so it will for the app's other patients.
    fallback_works: Arc<AtomicBool>,
}

impl OAuthHttp {
    /// Sets the connections up.
    ///
    /// # Errors
    /// [`HttpSetupError`] when TLS cannot be set up.
    pub fn new(hosts: &OuraHosts, options: HttpOptions) -> Result<Self, HttpSetupError> {
        let urls: Vec<_> = [&hosts.token, &hosts.revoke].into_iter().chain(&hosts.token_fallback).collect();
        let http = transport::client(options.connect_timeout, options.token_timeout, &urls)
            // A fresh connection each time. A kept one may have died while the function was frozen, and a refresh
            // that is lost on it leaves unknown whether the token was spent.
            .pool_max_idle_per_host(0)
            .build()?;
        Ok(Self { http, hosts: Arc::new(hosts.clone()), fallback_works: Arc::default() })
    }

    /// A client for this app; its secret may be another one than last time.
    #[must_use]
    pub fn client(&self, app: OAuthApp) -> OAuthClient {
        let (hosts, fallback_works) = (Arc::clone(&self.hosts), Arc::clone(&self.fallback_works));
        OAuthClient { http: self.http.clone(), hosts, app: Arc::new(app), fallback_works }
    }
}

impl OAuthClient {
    /// A client for this app.
    ///
    /// # Errors
    /// [`HttpSetupError`] when TLS cannot be set up.
    pub fn new(hosts: &OuraHosts, app: OAuthApp, options: HttpOptions) -> Result<Self, HttpSetupError> {
        Ok(OAuthHttp::new(hosts, options)?.client(app))
    }

    /// Where to send the browser for consent. `scopes` are separated by spaces; their order and spelling are kept.
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
        // `+` is a space only to those who decode forms; `%20` is one to everybody. A real plus is `%2B` here already.
        let query = url.query().map(|query| query.replace('+', "%20"));
        url.set_query(query.as_deref());
        url
    }

    /// Exchanges a code for tokens. A code is good once, and at one host only.
    ///
    /// # Errors
    /// [`TokenError`].
    pub async fn exchange(
        &self,
        code: &AuthorizationCode,
        verifier: Option<&PkceVerifier>,
    ) -> Result<TokenGrant, TokenError> {
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("code", code.expose()),
            ("redirect_uri", &self.app.redirect_uri),
        ];
        form.extend(verifier.map(|verifier| ("code_verifier", verifier.expose())));
        self.token(&self.hosts.token, form).await
    }

    /// Exchanges a refresh token, which came from the host `issued_by`, for new tokens. It is spent by this, even when the
    /// answer is lost.
    ///
    /// A host that refuses the client (400 or 401) may be the other portal's, and has spent nothing: then the other token
    /// host is asked, once, and if it gives tokens it is asked first from then on. If neither does, the first one's refusal
    /// is told. That the token is no good is believed only of the host that issued it.
    ///
    /// # Errors
    /// [`TokenError`].
    pub async fn refresh(&self, refresh: &RefreshToken, issued_by: &str) -> Result<TokenGrant, TokenError> {
        let ask = |at| self.token(at, vec![("grant_type", "refresh_token"), ("refresh_token", refresh.expose())]);
        let Some(fallback) = &self.hosts.token_fallback else { return ask(&self.hosts.token).await };
        let of_fallback = self.hosts.is_of_fallback(issued_by);
        let fallback_first = of_fallback || self.fallback_works.load(Ordering::Relaxed);
        let issuer_first = of_fallback == fallback_first;
        let (first, second) =
            if fallback_first { (fallback, &self.hosts.token) } else { (&self.hosts.token, fallback) };
        let begun = Instant::now();
        let refusal = match ask(first).await {
            Err(TokenError::InvalidGrant) if !issuer_first => {
                TokenError::Refused { status: 400, error: Some("invalid_grant".to_owned()), retry_after: None }
            }
            Err(refusal @ TokenError::Refused { status: 400 | 401, .. }) => refusal,
            other => return other,
        };
        if begun.elapsed() > QUICK {
            return Err(refusal);
        }
        match ask(second).await {
            Ok(grant) => {
                tracing::warn!(host = %grant.host, "the other token host refreshes; it is asked first from now on");
                self.fallback_works.store(!fallback_first, Ordering::Relaxed);
                Ok(grant)
            }
            Err(error @ TokenError::OutcomeUnknown { .. }) => Err(error),
            Err(TokenError::InvalidGrant) if !issuer_first => Err(TokenError::InvalidGrant),
            Err(_) => Err(refusal),
        }
    }

    /// Ends a grant at Oura. One that is dead already (401) is ended. Best effort: nothing should wait for it.
    ///
    /// # Errors
    /// [`TokenError`], never [`TokenError::InvalidGrant`].
    pub async fn revoke(&self, token: &AccessToken) -> Result<(), TokenError> {
        self.revoke_at(&self.hosts.revoke, token).await
    }

    /// The same for a token that came from the host `issued_by`.
    ///
    /// # Errors
    /// [`TokenError`], never [`TokenError::InvalidGrant`].
    pub async fn revoke_issued(&self, token: &AccessToken, issued_by: &str) -> Result<(), TokenError> {
        self.revoke_at(self.hosts.revoke_of(issued_by), token).await
    }

    async fn revoke_at(&self, url: &Url, token: &AccessToken) -> Result<(), TokenError> {
        let mut url = url.clone();
        url.query_pairs_mut().append_pair("access_token", token.expose());
        // Without the header, which hyper leaves out when there is no body, some servers answer 411.
        let request = self.http.post(url).header(CONTENT_LENGTH, 0);
        let answer = transport::send(request, MAX_BODY).await.map_err(lost)?;
        if answer.status.is_success() || answer.status == StatusCode::UNAUTHORIZED {
            return Ok(());
        }
        Err(failure(&answer, None))
    }

    async fn token(&self, at: &Url, mut form: Vec<(&str, &str)>) -> Result<TokenGrant, TokenError> {
        form.extend([("client_id", self.app.client_id.as_str()), ("client_secret", self.app.client_secret.expose())]);
        let request = self.http.post(at.clone()).form(&form);
        let answer = transport::send(request, MAX_BODY).await.map_err(lost)?;
        // An answer cut short holds no tokens, so its status alone decides.
        let body = answer.body.as_deref().ok().and_then(|body| serde_json::from_slice::<Map<String, Value>>(body).ok());
        if answer.status.is_success() {
            let unreadable = TokenError::OutcomeUnknown { status: Some(answer.status.as_u16()) };
            return body.and_then(|body| TokenGrant::parse(&body, &host_of(at))).ok_or(unreadable);
        }
        Err(failure(&answer, body.as_ref()))
    }
}

impl TokenGrant {
    /// Only the access token is required: it is the only member that Oura's answers are sure to have. A member of an
    /// unexpected form counts as absent.
    fn parse(body: &Map<String, Value>, host: &str) -> Option<Self> {
        let text = |name: &str| body.get(name).and_then(Value::as_str);
        // A token that no header can hold could never be sent.
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
                Duration::try_from_secs_f64(seconds).map_or(LONGEST_LIFE, |life| life.min(LONGEST_LIFE))
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

/// What an answer other than success means. Statuses alone prove nothing about the grant: the documented host answers
/// 400 also to a client of the other portal, and a proxy may answer anything.
fn failure(answer: &Answer, body: Option<&Map<String, Value>>) -> TokenError {
    let status = answer.status.as_u16();
    let error = body.and_then(|body| body.get("error")).and_then(Value::as_str).filter(|word| is_error_word(word));
    match (status, error) {
        (400 | 401 | 403, Some("invalid_grant")) => TokenError::InvalidGrant,
        // 408: whoever answered gave up waiting, and what had arrived by then is not known.
        (408 | 500.., _) => TokenError::OutcomeUnknown { status: Some(status) },
        _ => TokenError::Refused {
            status,
            error: error.map(str::to_owned),
            retry_after: transport::retry_after(&answer.headers),
        },
    }
}

/// A word such as RFC 6749 has; nothing longer is kept, for it could be anything.
fn is_error_word(text: &str) -> bool {
    (1..=32).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
}

#[cfg(test)]
#[path = "oauth_tests.rs"]
mod tests;
