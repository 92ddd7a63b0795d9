//! A patient's consents, as a history: what was requested, what came of it, and how it ended.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use strum::IntoStaticStr;

use super::{ConsentVersion, GrantId, ReasonCode, ScopeSet};

/// Outcome of a consent that ended in a connection; any other is the reason of a refusal.
pub const CONSENT_CONNECTED: &str = "connected";

/// One consent. It is written when the patient returns from Oura, and changed once more when it ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Consent {
    /// Id of the consent; events name it `grantId`.
    pub consent_id: GrantId,
    /// Time at which the patient was sent to Oura's consent page.
    pub requested_at: Timestamp,
    /// Time at which the patient came back.
    pub completed_at: Timestamp,
    /// Scopes that were requested.
    pub scopes_requested: ScopeSet,
    /// Scopes that the patient granted; none without a connection.
    pub scopes_granted: ScopeSet,
    /// Version of the platform's consent text, as given at connect.
    pub consent_version: Option<ConsentVersion>,
    /// Version of this service.
    pub app_version: String,
    /// `connected`, or the reason of a refusal (the callback's `reason`).
    pub outcome: String,
    /// Time at which the connection ended; null while it lives.
    pub ended_at: Option<Timestamp>,
    /// Reason of the end.
    pub end_reason: Option<ConsentEnd>,
    /// Progress of the consent's revocation at Oura; null if none is needed.
    pub revocation: Option<Revocation>,
}

/// Reason for which a consent that connected has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ConsentEnd {
    /// The connection ended, for this reason.
    Ended(ReasonCode),
    /// The patient gave a newer consent.
    Replaced(Replaced),
}

/// The word for a consent that a newer one replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Replaced {
    /// The patient gave a newer consent.
    Replaced,
}

/// Progress of a consent's revocation at Oura.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, IntoStaticStr)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Revocation {
    /// Oura has not confirmed it yet.
    Pending,
    /// Oura has confirmed it, or had ended the consent before.
    Revoked,
    /// Not requested, because the ring account has a newer consent here, which the revocation could end too.
    Superseded,
    /// Oura did not confirm it. The tokens are deleted; the patient can remove the app in the Oura app.
    Unconfirmed,
}
