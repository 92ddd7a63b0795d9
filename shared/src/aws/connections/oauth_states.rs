//! OAuth states: stored by connect, taken once by callback. Only hashes of the state and of the cookie are stored.
//!
//! 1. Connect stores the state, and beside it a marker in the patient's partition, so that a purge finds both.
//! 2. Callback takes the state for one attempt. The attempt's id is the id of the grant that it may create.
//! 3. The attempt's outcome is stored on the state. Until the state expires, the same browser or patient gets that outcome again.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::store::Connections;
use crate::aws::error::StoreError;
use crate::aws::table::{
    Check, Committed, Key, Outcome, Partition, Put, Returned, Transaction, begins_with, equals, expires_at, greater,
    missing, prefix,
};
use crate::domain::{ConsentVersion, GrantId, PatientId};

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
    /// Version of the platform's consent text.
    pub consent_version: Option<&'a ConsentVersion>,
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
    /// Time of the connect request.
    pub requested_at: Timestamp,
    /// Version of the platform's consent text.
    pub consent_version: Option<ConsentVersion>,
    hash: String,
    expires_at: i64,
}

/// A state that an earlier attempt has taken.
#[derive(Debug)]
#[expect(missing_docs, reason = "the names say it")]
pub struct TakenState {
    pub patient_id: PatientId,
    /// Page that the browser returns to.
    pub return_to: Option<String>,
    /// The attempt, and the grant that it may have created.
    pub attempt: GrantId,
    pub taken_at: Timestamp,
    /// The stored outcome; `None` while the attempt is running, or if it ended early.
    pub outcome: Option<String>,
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

/// The end of taking a state.
#[derive(Debug)]
pub enum TakeOutcome {
    /// Taken: this attempt completes the flow.
    Ours(StoredState),
    /// An earlier attempt of the same browser or patient has taken it.
    Repeated(TakenState),
    /// Unknown, expired, or taken by somebody whose proof this is not.
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
    requested_at: Timestamp,
    consent_version: Option<ConsentVersion>,
    expires_at: i64,
    attempt: Option<GrantId>,
    taken_at: Option<Timestamp>,
    outcome: Option<String>,
}

/// The marker of a state in the patient's partition.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PendingItem {
    since: Timestamp,
    /// Partition key of the state, for a purge.
    state_key: String,
    /// True once an attempt has taken the state to its end.
    ended: bool,
    expires_at: i64,
}

fn hash(text: &str) -> String {
    hex::encode(Sha256::digest(text.as_bytes()))
}

impl Connections {
    /// Stores a state and its marker. Returns the expiry of both.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn begin_connect(&self, pending: &PendingConnect<'_>) -> Result<Timestamp, StoreError> {
        const ACTION: &str = "store the OAuth state";
        let expires_at = expires_at(pending.now, STATE_TTL);
        let hash_of_state = hash(pending.state.expose_secret());
        let state = StateItem {
            patient_id: pending.patient_id.clone(),
            binding_hash: hash(pending.binding.expose_secret()),
            return_to: pending.return_to.map(str::to_owned),
            verifier: pending.verifier.map(|verifier| verifier.expose_secret().to_owned()),
            requested_at: pending.now,
            consent_version: pending.consent_version.cloned(),
            expires_at,
            attempt: None,
            taken_at: None,
            outcome: None,
        };
        let put = self.table.put(&Key::OAuthState(&hash_of_state), &state).when(missing("pk"));
        let state = state.stored(hash_of_state);
        let mut transaction = Transaction::new(&self.table, ACTION);
        transaction.add((), put)?;
        transaction.add((), self.marker(&state, false))?;
        match transaction.commit().await? {
            Committed::Done => {
                Timestamp::from_second(expires_at).map_err(|_range| StoreError::corrupt(ACTION, "expiresAt"))
            }
            Committed::ConditionsFailed(_) => {
                Err(StoreError::Refused { action: ACTION, code: "the state exists already".to_owned() })
            }
        }
    }

    /// Reads a state that no attempt has taken; `None` if there is none or it has expired.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn peek_state(&self, state: &str, now: Timestamp) -> Result<Option<StoredState>, StoreError> {
        let hash = hash(state);
        let item: Option<StateItem> = self.table.get("read the OAuth state", &Key::OAuthState(&hash)).await?;
        Ok(item.filter(|item| item.is_live(now) && item.attempt.is_none()).map(|item| item.stored(hash)))
    }

    /// Takes a state for one attempt, if the proof fits: of two concurrent attempts exactly one succeeds. The attempt's id tells
    /// a request that the SDK repeats from another attempt.
    ///
    /// # Errors
    /// [`StoreError`]. When the table is unavailable the state may be taken: the patient has to begin again.
    pub async fn take_state(
        &self,
        state: &str,
        proof: &Proof<'_>,
        attempt: &GrantId,
        now: Timestamp,
    ) -> Result<TakeOutcome, StoreError> {
        let hash_of_state = hash(state);
        let is_live = greater("expiresAt", now.as_second()).and(missing("attempt"));
        let condition = match proof {
            Proof::Cookie(binding) => is_live.and(equals("bindingHash", hash(binding))),
            Proof::Patient(patient) => is_live.and(equals("patientId", patient)),
            Proof::Unbound => is_live,
        };
        let update = self.table.update(&Key::OAuthState(&hash_of_state)).set("attempt", attempt).set("takenAt", now);
        let written = update.when(condition).send_returning::<StateItem>("take the OAuth state", Returned::After);
        Ok(match written.await? {
            Outcome::Written(item) => TakeOutcome::Ours(item.stored(hash_of_state)),
            Outcome::ConditionFailed(Some(item)) if item.is_live(now) => match (item.fits(proof), &item.attempt) {
                (true, Some(of)) if of == attempt => TakeOutcome::Ours(item.stored(hash_of_state)),
                (true, Some(_)) => item.taken().map_or(TakeOutcome::Unknown, TakeOutcome::Repeated),
                (false, None) => TakeOutcome::Foreign,
                _ => TakeOutcome::Unknown,
            },
            Outcome::ConditionFailed(_) => TakeOutcome::Unknown,
        })
    }

    /// Reads the state of an attempt again; `None` if it has expired or is deleted.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn taken_state(&self, state: &str, now: Timestamp) -> Result<Option<TakenState>, StoreError> {
        let item: Option<StateItem> =
            self.table.get("read the attempt of an OAuth state", &Key::OAuthState(&hash(state))).await?;
        Ok(item.filter(|item| item.is_live(now)).and_then(StateItem::taken))
    }

    /// Stores the outcome of an attempt, and ends the pending consent.
    ///
    /// # Errors
    /// [`StoreError`]; the state then expires without an outcome.
    pub async fn end_state(&self, state: &StoredState, attempt: &GrantId, outcome: &str) -> Result<(), StoreError> {
        const ACTION: &str = "store the outcome of a consent";
        // A purge may have deleted both. Neither is written anew.
        let update = self
            .table
            .update(&Key::OAuthState(&state.hash))
            .set("outcome", outcome)
            .remove(["verifier"])
            .when(equals("attempt", attempt));
        if matches!(update.send(ACTION).await?, Outcome::Written(())) {
            let update = self.table.update(&Key::PendingConsent(&state.patient_id, &state.hash)).set("ended", true);
            update.when(equals("expiresAt", state.expires_at)).send(ACTION).await?.ignore();
        }
        Ok(())
    }

    /// Deletes all states of a patient, so that no consent that has begun completes.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn discard_states(&self, patient: &PatientId) -> Result<(), StoreError> {
        const ACTION: &str = "delete the patient's OAuth states";
        let keys = Partition::Patient(patient).whole().and(begins_with("sk", prefix::PENDING_CONSENT));
        let page = self.table.query(keys).consistent().page(ACTION).await?;
        for item in page.items {
            let Some(Ok(state_key)) = item.get("stateKey").map(|key| key.as_s()) else { continue };
            if let Some(state) = Key::of_state(state_key) {
                self.table.delete(&state).send(ACTION).await?.ignore();
            }
        }
        Ok(())
    }

    /// The condition that a state still exists and is this attempt's.
    pub(super) fn check_state(&self, state: &StoredState, attempt: &GrantId) -> Check {
        self.table.check(&Key::OAuthState(&state.hash)).when(equals("attempt", attempt))
    }

    /// The write of a state's marker.
    pub(super) fn marker(&self, state: &StoredState, ended: bool) -> Put {
        let key = Key::OAuthState(&state.hash);
        let (since, state_key, expires_at) = (state.requested_at, key.partition(), state.expires_at);
        let marker = PendingItem { since, state_key, ended, expires_at };
        self.table.put(&Key::PendingConsent(&state.patient_id, &state.hash), marker)
    }
}

impl StateItem {
    fn is_live(&self, now: Timestamp) -> bool {
        self.expires_at > now.as_second()
    }

    fn fits(&self, proof: &Proof<'_>) -> bool {
        match proof {
            Proof::Cookie(binding) => self.binding_hash == hash(binding),
            Proof::Patient(patient) => self.patient_id == **patient,
            Proof::Unbound => true,
        }
    }

    fn stored(self, hash: String) -> StoredState {
        StoredState {
            patient_id: self.patient_id,
            return_to: self.return_to,
            verifier: self.verifier.map(SecretString::from),
            requested_at: self.requested_at,
            consent_version: self.consent_version,
            hash,
            expires_at: self.expires_at,
        }
    }

    fn taken(self) -> Option<TakenState> {
        let (attempt, taken_at) = self.attempt.zip(self.taken_at)?;
        let Self { patient_id, return_to, outcome, .. } = self;
        Some(TakenState { patient_id, return_to, attempt, taken_at, outcome })
    }
}
