//! Reasons for which a connect fails, as the app and the patient see them.

use lambda_http::http::StatusCode;
use shared::aws::StoreError;
use shared::http::HttpError;
use shared::oura::{OuraError, TokenError, UnknownIssuer};
use strum::{EnumString, IntoStaticStr};

/// Reason for which a flow did not end in a connection. The code is stable: frontends choose their texts by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumString, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum Refusal {
    /// The patient denied the consent.
    AccessDenied,
    /// Oura's consent page ended with an error of another word than those of RFC 6749, section 4.1.2.1.
    AuthorizationFailed,
    /// Oura does not offer a scope of `OURA_SCOPES` to this app.
    InvalidScope,
    /// Oura refused the authorization request as malformed.
    InvalidRequest,
    /// Oura does not let this app ask for consents.
    UnauthorizedClient,
    /// Oura does not offer the authorization code flow to this app.
    UnsupportedResponseType,
    /// Oura's consent page failed.
    ServerError,
    /// Oura's consent page is overloaded or in maintenance.
    TemporarilyUnavailable,
    /// The state is unknown, expired or used.
    StateInvalid,
    /// The state was issued to another browser or patient.
    StateForeign,
    /// The callback's `iss` parameter is not Oura's.
    IssuerInvalid,
    /// The callback has no code.
    CodeMissing,
    /// Oura refused the code, or the app.
    CodeRefused,
    /// No answer from Oura, or an unreadable one of the token endpoint. The code may be used.
    OuraUnavailable,
    /// Oura's answer does not name the ring account in a readable form.
    AccountUnreadable,
    /// No granted scope gives data.
    ScopeMissing,
    /// Oura granted no scope at all.
    NoScopeGranted,
    /// The Oura membership is not active.
    Membership,
    /// The patient's Oura app is below Oura's minimum version.
    AppOutdated,
    /// Oura refused a token that it has just issued.
    UnauthorizedByOura,
    /// The ring account is connected by another patient.
    AccountConflict,
    /// The patient's data is of another Oura account, and `ACCOUNT_CHANGE` is `refuse`.
    AccountChangeRefused,
    /// The deletion of the patient's earlier data is in progress.
    PurgeRunning,
    /// A store of this service did not answer.
    ServiceUnavailable,
}

impl Refusal {
    /// Logs a failed store.
    pub(crate) fn store(error: &StoreError) -> Self {
        tracing::error!(event = "callback.store_failed", %error, "callback could not be completed");
        Self::ServiceUnavailable
    }

    /// Reads the `error` parameter of a callback (RFC 6749, section 4.1.2.1), and logs all but the patient's own decision.
    pub(crate) fn of_authorization(error: &str) -> Self {
        let refusal = match error {
            "access_denied" => return Self::AccessDenied,
            "invalid_scope" => Self::InvalidScope,
            "invalid_request" => Self::InvalidRequest,
            "unauthorized_client" => Self::UnauthorizedClient,
            "unsupported_response_type" => Self::UnsupportedResponseType,
            "server_error" => Self::ServerError,
            "temporarily_unavailable" => Self::TemporarilyUnavailable,
            _ => Self::AuthorizationFailed,
        };
        let (reason, setting) = (refusal.code(), refusal.setting());
        tracing::warn!(event = "callback.authorization_failed", reason, setting, "Oura did not ask for the consent");
        refusal
    }

    /// The setting that an operator should check first.
    pub(crate) fn setting(self) -> Option<&'static str> {
        match self {
            // Apps of Oura's new portal may need names such as `extapi:daily`.
            Self::InvalidScope | Self::NoScopeGranted => Some("OURA_SCOPES"),
            Self::InvalidRequest => Some("OURA_REDIRECT_URI"),
            Self::UnauthorizedClient | Self::UnsupportedResponseType => Some("OURA_APP_SECRET_ID"),
            _ => None,
        }
    }

    /// `denied` if the patient denied the consent, otherwise `error`.
    pub(crate) fn status(self) -> &'static str {
        if self == Self::AccessDenied { "denied" } else { "error" }
    }

    pub(crate) fn code(self) -> &'static str {
        self.into()
    }

    pub(crate) fn message(self) -> &'static str {
        match self {
            Self::AccessDenied => "You did not allow the connection. Nothing was changed; you can connect at any time.",
            Self::AuthorizationFailed => "Oura could not ask for your consent. Please try to connect again.",
            Self::InvalidScope => {
                "Oura does not offer this app all that it asks for. Please contact us (setting OURA_SCOPES; apps of Oura's \
                 new portal may need names that begin with extapi:)."
            }
            Self::InvalidRequest => {
                "Oura did not accept this app's request. Please contact us (setting OURA_REDIRECT_URI)."
            }
            Self::UnauthorizedClient | Self::UnsupportedResponseType => {
                "Oura does not let this app ask for your consent. Please contact us (setting OURA_APP_SECRET_ID)."
            }
            Self::ServerError => "Oura's consent page failed. Please connect again in a few minutes.",
            Self::TemporarilyUnavailable => "Oura's consent page is busy. Please connect again in a few minutes.",
            Self::NoScopeGranted => {
                "Oura granted nothing. Please connect again and leave the boxes ticked; if that does not help, contact us \
                 (setting OURA_SCOPES; apps of Oura's new portal may need names that begin with extapi:)."
            }
            Self::AccountChangeRefused => {
                "Your data here is of another Oura account. Please connect that one, or delete its data first."
            }
            Self::StateInvalid => "This connection attempt has expired or was used before. Please connect again.",
            Self::StateForeign => "This connection attempt was begun elsewhere. Please connect again from here.",
            Self::IssuerInvalid => "This answer did not come from Oura. Please connect again.",
            Self::CodeMissing => "Oura sent no authorization code. Please connect again.",
            Self::CodeRefused => "Oura did not accept the connection. Please connect again.",
            Self::OuraUnavailable => "Oura does not answer at the moment. Please connect again in a few minutes.",
            Self::AccountUnreadable => {
                "Oura did not say which ring account this is. Please connect again; if that does not help, contact us."
            }
            Self::ScopeMissing => "No data was allowed. Please connect again and leave the boxes ticked.",
            Self::Membership => "The Oura membership is not active, so Oura gives no data. Please renew it first.",
            Self::AppOutdated => "The Oura app on your phone is too old. Please update it and connect again.",
            Self::UnauthorizedByOura => "Oura does not accept the connection it has just made. Please connect again.",
            Self::AccountConflict => "This ring account is already connected by someone else.",
            Self::PurgeRunning => "Your earlier data is just being deleted. Please connect again in a few minutes.",
            Self::ServiceUnavailable => "Something does not answer on our side. Please connect again in a moment.",
        }
    }

    pub(crate) fn http_status(self) -> StatusCode {
        match self {
            Self::AccessDenied
            | Self::StateForeign
            | Self::ScopeMissing
            | Self::NoScopeGranted
            | Self::Membership
            | Self::AppOutdated => StatusCode::FORBIDDEN,
            Self::AuthorizationFailed
            | Self::InvalidScope
            | Self::InvalidRequest
            | Self::UnauthorizedClient
            | Self::UnsupportedResponseType
            | Self::StateInvalid
            | Self::IssuerInvalid
            | Self::CodeMissing
            | Self::CodeRefused => StatusCode::BAD_REQUEST,
            Self::AccountConflict | Self::AccountChangeRefused | Self::PurgeRunning => StatusCode::CONFLICT,
            Self::OuraUnavailable
            | Self::ServerError
            | Self::TemporarilyUnavailable
            | Self::AccountUnreadable
            | Self::UnauthorizedByOura => StatusCode::BAD_GATEWAY,
            Self::ServiceUnavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    pub(crate) fn into_http(self) -> HttpError {
        HttpError::new(self.http_status(), self.code(), self.message())
    }
}

impl From<UnknownIssuer> for Refusal {
    fn from(UnknownIssuer: UnknownIssuer) -> Self {
        Self::IssuerInvalid
    }
}

impl From<&TokenError> for Refusal {
    fn from(error: &TokenError) -> Self {
        match error {
            TokenError::Refused { status: 429, .. } | TokenError::NotSent | TokenError::OutcomeUnknown { .. } => {
                Self::OuraUnavailable
            }
            // Also 400 `invalid_request` and 401 `invalid_client`: wrong portal, client id or secret. The code is burnt.
            TokenError::InvalidGrant | TokenError::Refused { .. } => Self::CodeRefused,
        }
    }
}

impl From<&OuraError> for Refusal {
    fn from(error: &OuraError) -> Self {
        match error {
            OuraError::Unauthorized { .. } => Self::UnauthorizedByOura,
            OuraError::Forbidden => Self::Membership,
            OuraError::AppOutdated => Self::AppOutdated,
            OuraError::Malformed { .. } => Self::AccountUnreadable,
            _ => Self::OuraUnavailable,
        }
    }
}
