//! OAuth states: made by connect, spent once by callback. Only hashes of the state and of the cookie are stored.

use std::fmt;
use std::time::Duration;

use aws_sdk_dynamodb::types::{Put, ReturnValue, TransactWriteItem};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

use super::super::StoreError;
use super::super::item::{Fields, n, s};
use super::super::transact::{Cancelled, run};
use super::{Connections, PENDING, all_old, built, expires, patient_key};
use crate::domain::PatientId;

pub(in crate::aws) const STATE: &str = "STATE";

/// How long a patient may take on Oura's consent page.
const LIFE: Duration = Duration::from_secs(600);

/// What connect stores when it sends a patient to Oura.
#[derive(Debug)]
pub struct PendingConnect<'a> {
    /// The OAuth state (RFC 6749, section 10.12); stored as a hash.
    pub state: &'a SecretString,
    /// What the browser's cookie holds; stored as a hash.
    pub binding: &'a SecretString,
    /// The PKCE verifier (RFC 7636), if PKCE is on.
    pub verifier: Option<&'a SecretString>,
    /// Who began.
    pub patient_id: &'a PatientId,
    /// Where the browser goes in the end: already checked against the allow-list.
    pub return_to: Option<&'a str>,
    /// Now.
    pub now: Timestamp,
}

/// A state that was found.
#[derive(Debug)]
pub struct StoredState {
    /// Who began.
    pub patient_id: PatientId,
    /// Where the browser goes in the end.
    pub return_to: Option<String>,
    /// The PKCE verifier, if PKCE was used.
    pub verifier: Option<SecretString>,
}

/// What shows that whoever completes the flow is who began it.
pub enum Proof<'a> {
    /// The cookie that connect set in the same browser.
    Cookie(&'a str),
    /// The patient of a verified JWT.
    Patient(&'a PatientId),
    /// Nothing: only where the platform has switched the binding off.
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

/// How spending a state ended.
#[derive(Debug)]
pub enum Consumed {
    /// It was there and is spent now.
    State(StoredState),
    /// Unknown, expired, or spent before.
    Unknown,
    /// It is there, but somebody else's. It stays unspent.
    Foreign,
}

fn hash(text: &str) -> String {
    hex::encode(Sha256::digest(text.as_bytes()))
}

fn state_key(state: &str) -> String {
    format!("STATE#{}", hash(state))
}

impl Connections {
    /// Stores a state and marks the patient as being at Oura's consent page. Gives when both expire.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn begin_connect(&self, pending: &PendingConnect<'_>) -> Result<Timestamp, StoreError> {
        const ACTION: &str = "store the OAuth state";
        let expires_at = expires(pending.now, LIFE);
        let state = Put::builder()
            .table_name(&self.table)
            .item("pk", s(state_key(pending.state.expose_secret())))
            .item("sk", s(STATE))
            .item("patientId", s(pending.patient_id.as_str()))
            .item("bindingHash", s(hash(pending.binding.expose_secret())))
            .item("expiresAt", n(expires_at))
            .condition_expression("attribute_not_exists(pk)");
        let state = match pending.return_to {
            Some(return_to) => state.item("returnTo", s(return_to)),
            None => state,
        };
        let state = match pending.verifier {
            Some(verifier) => state.item("verifier", s(verifier.expose_secret())),
            None => state,
        };
        let marker = Put::builder()
            .table_name(&self.table)
            .item("pk", s(patient_key(pending.patient_id)))
            .item("sk", s(PENDING))
            .item("since", s(pending.now.to_string()))
            // Where the state lies, for whoever has to take everything of the patient away.
            .item("stateKey", s(state_key(pending.state.expose_secret())))
            .item("expiresAt", n(expires_at));
        let items = vec![
            TransactWriteItem::builder().put(built(ACTION, state.build())?).build(),
            TransactWriteItem::builder().put(built(ACTION, marker.build())?).build(),
        ];
        match run(&self.client, ACTION, items).await {
            Ok(()) => Timestamp::from_second(expires_at).map_err(|_range| StoreError::corrupt(ACTION, "expiresAt")),
            Err(Cancelled::Store(error)) => Err(error),
            Err(Cancelled::Conditions(_)) => {
                Err(StoreError::Refused { action: ACTION, code: "the state exists already".to_owned() })
            }
        }
    }

    /// Where the browser of this state goes in the end, without spending it; `None` when unknown or expired.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn peek_state(&self, state: &str, now: Timestamp) -> Result<Option<StoredState>, StoreError> {
        const ACTION: &str = "read the OAuth state";
        let answer = self
            .client
            .get_item()
            .table_name(&self.table)
            .key("pk", s(state_key(state)))
            .key("sk", s(STATE))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| StoreError::of(ACTION, &error))?;
        let Some(item) = &answer.item else { return Ok(None) };
        let fields = Fields::new(ACTION, item);
        if fields.get::<i64>("expiresAt")? <= now.as_second() { Ok(None) } else { stored(fields).map(Some) }
    }

    /// Spends a state: a conditional delete, so that of two callbacks at the same time exactly one wins.
    ///
    /// # Errors
    /// [`StoreError`]. When it is unavailable the state may be spent: the patient has to begin again.
    pub async fn consume_state(&self, state: &str, proof: &Proof<'_>, now: Timestamp) -> Result<Consumed, StoreError> {
        const ACTION: &str = "spend the OAuth state";
        let delete = self
            .client
            .delete_item()
            .table_name(&self.table)
            .key("pk", s(state_key(state)))
            .key("sk", s(STATE))
            .expression_attribute_values(":now", n(now.as_second()))
            .return_values(ReturnValue::AllOld)
            .return_values_on_condition_check_failure(all_old());
        let delete = match proof {
            Proof::Cookie(binding) => delete
                .condition_expression("expiresAt > :now AND bindingHash = :binding")
                .expression_attribute_values(":binding", s(hash(binding))),
            Proof::Patient(patient) => delete
                .condition_expression("expiresAt > :now AND patientId = :patient")
                .expression_attribute_values(":patient", s(patient.as_str())),
            Proof::Unbound => delete.condition_expression("expiresAt > :now"),
        };
        match delete.send().await {
            Ok(answer) => match &answer.attributes {
                Some(item) => stored(Fields::new(ACTION, item)).map(Consumed::State),
                None => Ok(Consumed::Unknown),
            },
            Err(error) => match error.as_service_error().filter(|e| e.is_conditional_check_failed_exception()) {
                None => Err(StoreError::of(ACTION, &error)),
                Some(aws_sdk_dynamodb::operation::delete_item::DeleteItemError::ConditionalCheckFailedException(e)) => {
                    let live = e.item().is_some_and(|item| {
                        Fields::new(ACTION, item).get::<i64>("expiresAt").is_ok_and(|at| at > now.as_second())
                    });
                    Ok(if live { Consumed::Foreign } else { Consumed::Unknown })
                }
                Some(_) => Ok(Consumed::Unknown),
            },
        }
    }

    /// The patient came back from Oura without a grant: no consent is under way any more.
    ///
    /// # Errors
    /// [`StoreError`]; the mark expires by itself.
    pub async fn end_pending(&self, patient: &PatientId) -> Result<(), StoreError> {
        self.client
            .delete_item()
            .table_name(&self.table)
            .key("pk", s(patient_key(patient)))
            .key("sk", s(PENDING))
            .send()
            .await
            .map(|_| ())
            .map_err(|error| StoreError::of("end the pending consent", &error))
    }
}

fn stored(fields: Fields<'_>) -> Result<StoredState, StoreError> {
    Ok(StoredState {
        patient_id: fields.get("patientId")?,
        return_to: fields.opt("returnTo")?,
        verifier: fields.opt::<String>("verifier")?.map(SecretString::from),
    })
}
