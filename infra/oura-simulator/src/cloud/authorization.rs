//! Authorization requests and consents (RFC 6749 section 4.1), for the consent page and the control API alike.

use url::Url;

use crate::lock::lock;
use crate::options::bare_scopes::BareScopes;
use crate::options::settings::Options;
use crate::options::token_host::{NEW_PORTAL_ISSUER, TokenHost, at_new_portal};
use crate::scopes::KNOWN_SCOPES;
use crate::tokens::Consent;

use super::state::Cloud;

/// Beginning of a scope's name at the new portal.
const PREFIX: &str = "extapi:";

/// Parameters of an authorization request, not yet checked.
#[derive(Debug, Clone, Default)]
pub(crate) struct AuthorizationParameters<'a> {
    pub(crate) client_id: Option<&'a str>,
    pub(crate) redirect_uri: Option<&'a str>,
    pub(crate) state: Option<&'a str>,
    pub(crate) scopes: Vec<&'a str>,
    pub(crate) code_challenge: Option<&'a str>,
    pub(crate) code_challenge_method: Option<&'a str>,
}

/// A request whose application and callback are known, so that an answer may be sent to the callback.
#[derive(Debug)]
pub(crate) struct AuthorizationRequest {
    redirect: Url,
    redirect_uri: String,
    pub(crate) state: Option<String>,
    /// The requested scopes that exist and that the application enabled.
    pub(crate) scopes: Vec<String>,
    code_challenge: Option<String>,
    /// The error that the callback gets at once.
    pub(crate) error: Option<&'static str>,
}

/// A request whose answer must not be sent to its callback, because the callback itself is in doubt (RFC 6749 section
/// 4.1.2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum UntrustedRequest {
    #[error("The client_id is missing or wrong.")]
    UnknownClient,
    #[error("The redirect_uri is not one that the application registered. It must match exactly.")]
    UnregisteredRedirectUri,
}

/// A given consent.
#[derive(Debug)]
pub(crate) struct GivenConsent {
    pub(crate) code: String,
    /// The granted scopes as the callback spells them.
    pub(crate) scope: String,
    pub(crate) iss: Option<String>,
    /// The callback with all parameters.
    pub(crate) redirect_to: Url,
}

impl AuthorizationRequest {
    /// The callback with these parameters and the state.
    pub(crate) fn callback(&self, parameters: &[(&str, &str)]) -> Url {
        let mut url = self.redirect.clone();
        let state = self.state.as_deref().map(|state| ("state", state));
        url.query_pairs_mut().extend_pairs(parameters).extend_pairs(state);
        url
    }
}

impl Cloud {
    /// Checks the application and its callback.
    pub(crate) fn authorization_request(
        &self,
        parameters: &AuthorizationParameters<'_>,
    ) -> Result<AuthorizationRequest, UntrustedRequest> {
        if parameters.client_id != Some(self.client_id.as_str()) {
            return Err(UntrustedRequest::UnknownClient);
        }
        let registered = |uri: &&str| self.redirect_uris.iter().any(|known| known == uri);
        let parsed = parameters.redirect_uri.filter(registered).and_then(|uri| Some((uri, Url::parse(uri).ok()?)));
        let (redirect_uri, redirect) = parsed.ok_or(UntrustedRequest::UnregisteredRedirectUri)?;
        Ok(AuthorizationRequest {
            redirect,
            redirect_uri: redirect_uri.to_owned(),
            state: parameters.state.map(str::to_owned),
            scopes: self.usable_scopes(&parameters.scopes),
            code_challenge: parameters.code_challenge.map(str::to_owned),
            error: self.authorization_error(parameters),
        })
    }

    /// Only S256 is accepted as a challenge: a plain one would prove nothing.
    fn authorization_error(&self, parameters: &AuthorizationParameters<'_>) -> Option<&'static str> {
        if parameters.code_challenge.is_some() && parameters.code_challenge_method != Some("S256") {
            return Some("invalid_request");
        }
        let mut names = parameters.scopes.iter().flat_map(|text| text.split_whitespace());
        let refused = self.options().bare_scopes == BareScopes::Refused;
        (refused && names.any(|name| !name.starts_with(PREFIX))).then_some("invalid_scope")
    }

    /// The scopes that exist and that the application enabled, each once. Others are dropped silently, as Oura does.
    fn usable_scopes(&self, requested: &[&str]) -> Vec<String> {
        let options = self.options();
        let mut scopes: Vec<String> = Vec::new();
        for name in requested.iter().flat_map(|text| text.split_whitespace()) {
            let bare = name.strip_prefix(PREFIX);
            if bare.is_none() && options.bare_scopes != BareScopes::Accepted {
                continue;
            }
            let name = bare.unwrap_or(name);
            let usable = KNOWN_SCOPES.contains(&name) && options.enabled_scopes.iter().any(|scope| scope == name);
            if usable && !scopes.iter().any(|known| known == name) {
                scopes.push(name.to_owned());
            }
        }
        scopes
    }

    /// Records a person's consent and issues its code.
    pub(crate) fn give_consent(&self, person: usize, request: &AuthorizationRequest) -> GivenConsent {
        let options = self.options();
        let scope = options.spelled(&request.scopes);
        let expires = self.now().saturating_add_unsigned(options.code_ttl_seconds);
        let consent = Consent {
            person,
            scopes: request.scopes.clone(),
            redirect_uri: request.redirect_uri.clone(),
            challenge: request.code_challenge.clone(),
        };
        let code = lock(&self.tokens).issue_code(consent, expires);
        let mut parameters = vec![("code", code.as_str()), ("scope", scope.as_str())];
        let iss = self.issuer(&options);
        parameters.extend(iss.as_deref().map(|iss| ("iss", iss)));
        let redirect_to = request.callback(&parameters);
        GivenConsent { redirect_to, scope, iss, code }
    }

    fn issuer(&self, options: &Options) -> Option<String> {
        let new_portal = || at_new_portal(&self.url, NEW_PORTAL_ISSUER).to_string();
        let default = || (options.token_host == TokenHost::New).then(new_portal);
        options.iss.clone().or_else(default).filter(|issuer| !issuer.is_empty())
    }
}
