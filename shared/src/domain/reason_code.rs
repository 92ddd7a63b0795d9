//! Reasons of a connection's status.

use serde::{Deserialize, Serialize};

/// Reason for a status other than `connected`. Stable: frontends choose their texts by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReasonCode {
    /// The patient withdrew the consent at Oura, or Oura ended it.
    Revoked,
    /// A refresh token was spent and its answer never arrived.
    RefreshLost,
    /// The patient allowed nothing that holds data.
    ScopeMissing,
    /// The Oura membership is not active: Oura gives no data.
    Membership,
    /// The patient's Oura app is older than Oura's minimum.
    AppOutdated,
    /// The ring account is connected by another patient.
    AccountConflict,
    /// The patient's data is of another Oura account, and `ACCOUNT_CHANGE` is `refuse`.
    AccountChangeRefused,
    /// Oura does not answer.
    OuraUnavailable,
    /// Oura refuses a fresh token.
    Unauthorized,
    /// The patient (or the platform) asked to disconnect.
    UserRequest,
}
