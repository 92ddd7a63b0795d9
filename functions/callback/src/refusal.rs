//! Reasons for which a connect fails, as the app and the patient see them.

use lambda_http::http::StatusCode;
use shared::aws::StoreError;
use shared::http::HttpError;
use shared::oura::{OuraError, TokenError, UnknownIssuer};
use strum::IntoStaticStr;

/// Reason for which a flow did not end in a connection. The code is stable: frontends choose their texts by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum Refusal {
    /// The patient denied the consent.
    AccessDenied,
    /// Oura's consent page ended with another error.
    AuthorizationFailed,
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
    /// The Oura membership is not active.
    Membership,
    /// The patient's Oura app is below Oura's minimum version.
    AppOutdated,
    /// Oura refused a token that it has just issued.
    UnauthorizedByOura,
    /// The ring account is connected by another patient.
    AccountConflict,
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
            Self::AccessDenied | Self::StateForeign | Self::ScopeMissing | Self::Membership | Self::AppOutdated => {
                StatusCode::FORBIDDEN
            }
            Self::AuthorizationFailed
            | Self::StateInvalid
            | Self::IssuerInvalid
            | Self::CodeMissing
            | Self::CodeRefused => StatusCode::BAD_REQUEST,
            Self::AccountConflict | Self::PurgeRunning => StatusCode::CONFLICT,
            Self::OuraUnavailable | Self::AccountUnreadable | Self::UnauthorizedByOura => StatusCode::BAD_GATEWAY,
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
