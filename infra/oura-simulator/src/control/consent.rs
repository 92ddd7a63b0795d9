//! Consent without the page.

use serde::{Deserialize, Serialize};
use url::Url;

use crate::cloud::authorization::{AuthorizationParameters, UntrustedRequest};

use super::error::ControlError;
use super::handle::Control;

/// A person's decision about an application's request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Decision {
    #[default]
    Allow,
    Deny,
}

/// An authorization request, and the decision about it. Either the whole authorize URL is given, or its parameters.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ConsentRequest {
    /// The address that the application sends its user to. Parameters given beside it take precedence.
    pub authorize_url: Option<Url>,
    pub client_id: Option<String>,
    pub redirect_uri: Option<String>,
    pub state: Option<String>,
    /// The scopes that the person grants; those of the authorize URL if absent.
    pub scopes: Option<Vec<String>>,
    pub code_challenge: Option<String>,
    pub code_challenge_method: Option<String>,
    pub decision: Decision,
}

/// The answer at the application's callback.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Callback {
    /// The callback with all parameters.
    pub redirect_to: Url,
    pub state: Option<String>,
    /// The authorization code; `None` if the person denied.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The granted scopes as the callback spells them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub iss: Option<String>,
    /// `access_denied` if the person denied; `invalid_scope` if the portal refuses bare scope names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<&'static str>,
}

impl Control {
    /// Decides about an application's request in a person's name, as the consent page does, with the same checks.
    ///
    /// # Errors
    /// [`ControlError`] if the person, the application or its callback is unknown, or the request is not supported.
    pub fn consent(&self, key: &str, request: &ConsentRequest) -> Result<Callback, ControlError> {
        let (person, _) = self.known(key)?;
        let query: Vec<(String, String)> =
            request.authorize_url.iter().flat_map(|url| url.query_pairs().into_owned()).collect();
        let of_url = |name: &str| {
            let (_, value) = query.iter().find(|(key, value)| key == name && !value.is_empty())?;
            Some(value.as_str())
        };
        if request.authorize_url.is_some() && of_url("response_type") != Some("code") {
            return Err(ControlError::UnsupportedResponseType);
        }
        let given = |field: &'_ Option<String>| field.as_deref().filter(|text| !text.is_empty()).map(str::to_owned);
        let one = |field: &Option<String>, name: &str| given(field).or_else(|| of_url(name).map(str::to_owned));
        let (client_id, redirect_uri) =
            (one(&request.client_id, "client_id"), one(&request.redirect_uri, "redirect_uri"));
        let state = one(&request.state, "state");
        let (challenge, method) = (
            one(&request.code_challenge, "code_challenge"),
            one(&request.code_challenge_method, "code_challenge_method"),
        );
        let of_application: Vec<&str> =
            query.iter().filter(|(name, _)| name == "scope").flat_map(|(_, value)| value.split_whitespace()).collect();
        let spelling_in_url =
            |name: &str| of_application.iter().copied().find(|spelled| spelled.trim_start_matches("extapi:") == name);
        let requested: Vec<&str> = match &request.scopes {
            // Spelled as the application spelled them.
            Some(scopes) => scopes.iter().map(|name| spelling_in_url(name).unwrap_or(name)).collect(),
            None => of_application,
        };
        let authorization = self.0.authorization_request(&AuthorizationParameters {
            client_id: client_id.as_deref(),
            redirect_uri: redirect_uri.as_deref(),
            state: state.as_deref(),
            scopes: requested,
            code_challenge: challenge.as_deref(),
            code_challenge_method: method.as_deref(),
        })?;
        if authorization.error == Some("invalid_request") {
            return Err(ControlError::UnusableCodeChallenge);
        }
        let denied = (request.decision == Decision::Deny).then_some("access_denied");
        if let Some(error) = authorization.error.or(denied) {
            let redirect_to = authorization.callback(&[("error", error)]);
            return Ok(Callback { redirect_to, state, code: None, scope: None, iss: None, error: Some(error) });
        }
        let given = self.0.give_consent(person, &authorization);
        Ok(Callback {
            redirect_to: given.redirect_to,
            state,
            code: Some(given.code),
            scope: Some(given.scope),
            iss: given.iss,
            error: None,
        })
    }
}

impl From<UntrustedRequest> for ControlError {
    fn from(error: UntrustedRequest) -> Self {
        match error {
            UntrustedRequest::UnknownClient => Self::UnknownClient,
            UntrustedRequest::UnregisteredRedirectUri => Self::UnregisteredRedirectUri,
        }
    }
}
