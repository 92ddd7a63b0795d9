//! OAuth states: stored by connect, consumed once by callback. Only hashes of the state and of the cookie are stored.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::store::Connections;
use crate::aws::error::StoreError;
use crate::aws::table::{Committed, Key, Outcome, Returned, Transaction, equals, expires_at, greater, missing};
use crate::domain::PatientId;

/// Time that a patient may spend on Oura's consent page.
const STATE_TTL: Duration = Duration::from_secs(600);

/// A consent that begins.
#[derive(Debug)]
#[expect(missing_docs, reason = "the names say it")]
pub struct PendingConnect<'a> {
    /// The OAuth state (RFC 6749, section 10.12); stored as a hash.
    pub state: &'a SecretString,
    /// The value of the browser's cookie; stored as a hash.
    pub binding: &'a SecretString,
    /// The PKCE verifier (RFC 7636), if PKCE is on.
    pub verifier: Option<&'a SecretString>,
    pub patient_id: &'a PatientId,
    /// Page that the browser returns to, already checked against the allow-list.
    pub return_to: Option<&'a str>,
    pub now: Timestamp,
}

/// A stored consent.
#[derive(Debug)]
#[expect(missing_docs, reason = "the names say it")]
pub struct StoredState {
    pub patient_id: PatientId,
    /// Page that the browser returns to.
    pub return_to: Option<String>,
    /// The PKCE verifier, if PKCE was used.
    pub verifier: Option<SecretString>,
}

/// Proof that the same person began the consent and completes it.
pub enum Proof<'a> {
    /// The cookie that connect set in the same browser.
    Cookie(&'a str),
    /// The patient of a verified JWT.
    Patient(&'a PatientId),
    /// None: only where the platform has switched the binding off.
    Unbound,
}

impl fmt::Debug for Proof<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cookie(_) => "Proof::Cookie([redacted])",
            Self::Patient(_) => "Proof::Patient",
            Self::Unbound => "Proof::Unbound",
        })
    }
}

/// The end of consuming a state.
#[derive(Debug)]
pub enum Consumed {
    /// Consumed.
    State(StoredState),
    /// Unknown, expired, or consumed before.
    Unknown,
    /// The proof does not fit. The state stays unspent.
    Foreign,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct StateItem {
    patient_id: PatientId,
    binding_hash: String,
    return_to: Option<String>,
    verifier: Option<String>,
    expires_at: i64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PendingItem {
    since: Timestamp,
    /// Partition key of the state, for a purge.
    state_key: String,
    expires_at: i64,
}

fn hash(text: &str) -> String {
    hex::encode(Sha256::digest(text.as_bytes()))
}

impl Connections {
    /// Stores a state and the patient's pending consent. Returns the expiry of both.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn begin_connect(&self, pending: &PendingConnect<'_>) -> Result<Timestamp, StoreError> {
        const ACTION: &str = "store the OAuth state";
        let expires_at = expires_at(pending.now, STATE_TTL);
        let state_hash = hash(pending.state.expose_secret());
        let key = Key::OAuthState(&state_hash);
        let state = StateItem {
            patient_id: pending.patient_id.clone(),
            binding_hash: hash(pending.binding.expose_secret()),
            return_to: pending.return_to.map(str::to_owned),
            verifier: pending.verifier.map(|verifier| verifier.expose_secret().to_owned()),
            expires_at,
        };
        let marker = PendingItem { since: pending.now, state_key: key.partition(), expires_at };
        let mut transaction = Transaction::new(&self.table, ACTION);
        transaction.add((), self.table.put(&key, state).when(missing("pk")))?;
        transaction.add((), self.table.put(&Key::PendingConsent(pending.patient_id), marker))?;
        match transaction.commit().await? {
            Committed::Done => {
                Timestamp::from_second(expires_at).map_err(|_range| StoreError::corrupt(ACTION, "expiresAt"))
            }
            Committed::ConditionsFailed(_) => {
                Err(StoreError::Refused { action: ACTION, code: "the state exists already".to_owned() })
            }
        }
    }

    /// Reads a state without consuming it; `None` if unknown or expired.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn peek_state(&self, state: &str, now: Timestamp) -> Result<Option<StoredState>, StoreError> {
        let item: Option<StateItem> = self.table.get("read the OAuth state", &Key::OAuthState(&hash(state))).await?;
        Ok(item.filter(|item| item.expires_at > now.as_second()).map(StoredState::from))
    }

    /// Consumes a state: a conditional delete, so exactly one of two concurrent callbacks succeeds.
    ///
    /// # Errors
    /// [`StoreError`]. When the table is unavailable the state may be consumed: the patient has to begin again.
    pub async fn consume_state(&self, state: &str, proof: &Proof<'_>, now: Timestamp) -> Result<Consumed, StoreError> {
        let is_live = greater("expiresAt", now.as_second());
        let condition = match proof {
            Proof::Cookie(binding) => is_live.and(equals("bindingHash", hash(binding))),
            Proof::Patient(patient) => is_live.and(equals("patientId", patient)),
            Proof::Unbound => is_live,
        };
        let delete = self.table.delete(&Key::OAuthState(&hash(state))).when(condition);
        Ok(match delete.send_returning::<StateItem>("consume the OAuth state", Returned::Before).await? {
            Outcome::Written(item) => Consumed::State(item.into()),
            Outcome::ConditionFailed(Some(item)) if item.expires_at > now.as_second() => Consumed::Foreign,
            Outcome::ConditionFailed(_) => Consumed::Unknown,
        })
    }

    /// Deletes the pending consent of a patient who came back from Oura without a grant.
    ///
    /// # Errors
    /// [`StoreError`]; the item then expires.
    pub async fn end_pending(&self, patient: &PatientId) -> Result<(), StoreError> {
        self.table.delete(&Key::PendingConsent(patient)).send("end the pending consent").await?.ignore();
        Ok(())
    }
}

impl From<StateItem> for StoredState {
    fn from(item: StateItem) -> Self {
        Self { patient_id: item.patient_id, return_to: item.return_to, verifier: item.verifier.map(SecretString::from) }
    }
}
