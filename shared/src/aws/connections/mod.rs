//! The table `Connections`: one item per patient and source, OAuth states, claims of ring accounts.
//!
//! | pk | sk | item |
//! |---|---|---|
//! | `PATIENT#<id>` | `CONNECTION#oura` | the connection |
//! | `PATIENT#<id>` | `CONNECTION#oura#PENDING` | sent to Oura's consent page, not back yet (expires) |
//! | `PATIENT#<id>` | `CONNECTION#oura#REFUSED` | the last consent was refused, and why (expires) |
//! | `PATIENT#<id>` | `PURGE#oura` | everything of the patient is being taken away; until it is, no connect |
//! | `PATIENT#<id>` | `LIMIT#<name>` | how often the patient has asked for something lately (expires) |
//! | `PATIENT#<id>` | `TOKENS#<grant id>` | the grant's token pair, sealed, if that vault was chosen |
//! | `PATIENT#<id>` | `OUTBOX#<time>#<place>#<event id>` | an event to publish |
//! | `PATIENT#<id>` | `INBOX#oura` | what Oura announced and no sync has taken yet (expires) |
//! | `PATIENT#<id>` | `SYNC#<sync id>` | the progress of one sync (expires) |
//! | `STATE#<sha-256>` | `STATE` | an OAuth state, by its hash (expires) |
//! | `OURA#<user id>` | `CLAIM` | which patient a ring account belongs to |
//! | `WEBHOOKS` | `DAY#<day>` | per kind, how many documents were announced, and how many should have been (expires) |
//! | `GUARD` | `DISCONNECT#<day>` | how many patients were disconnected on one day (expires) |
//! | `BUDGET` | `OURA` | the requests that all workers may send, and what holds them back |
//! | `NIGHTS` | `<day>` | how far a nightly run has come (expires) |
//! | `NIGHT#<day>` | an alias of a patient | what became of the patient in that night (expires) |

mod active;
mod codec;
mod ending;
mod hold;
mod refresh;
mod states;
mod sync;

use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{ConditionCheck, Delete, Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem};
use jiff::Timestamp;

pub use active::ActivePage;
pub use refresh::{Advanced, Disconnected, LeaseOutcome};
pub(super) use states::STATE;
pub use states::{Consumed, PendingConnect, Proof, StoredState};
pub use sync::{BackfillEnd, SyncEnd};

use super::item::{Fields, Item, n, s};
use super::outbox::put_event;
use super::transact::{Cancelled, Reason, run};
use super::{SdkConfig, StoreError};
use crate::domain::{Connection, ConnectionStatus, OuraUserId, PatientEvent, PatientId, ReasonCode};

const CONNECTION: &str = "CONNECTION#oura";
const PENDING: &str = "CONNECTION#oura#PENDING";
const REFUSED: &str = "CONNECTION#oura#REFUSED";
const CLAIM: &str = "CLAIM";
pub(super) const PURGE: &str = "PURGE#oura";

/// How long a patient is told why the last consent was refused.
const REFUSED_LIFE: Duration = Duration::from_secs(24 * 3600);

/// What the keys of a patient's items begin with.
const PATIENT: &str = "PATIENT#";

pub(super) fn patient_key(patient: &PatientId) -> String {
    format!("{PATIENT}{patient}")
}

fn claim_key(user: &OuraUserId) -> String {
    format!("OURA#{user}")
}

/// The table `Connections`. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Connections {
    pub(super) client: Client,
    pub(super) table: String,
}

/// What the table knows of a patient's connection.
#[derive(Debug, Clone, Default)]
pub struct PatientConnections {
    /// The connection, if the patient was ever connected.
    pub connection: Option<Connection>,
    /// When the patient was sent to Oura's consent page, if the answer is still awaited.
    pub pending_since: Option<Timestamp>,
    /// When and why the last consent was refused, if that was lately and none was recorded since.
    pub refused: Option<(Timestamp, ReasonCode)>,
}

/// How recording a new grant ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConnectOutcome {
    /// Recorded; the event waits in the outbox.
    Recorded,
    /// The ring account is connected by another patient. Nothing was changed.
    AccountConflict,
    /// Everything of the patient is just being taken away. Nothing was changed.
    PurgeRunning,
    /// Another callback changed the patient's connection meanwhile. Nothing was changed: read again.
    Raced,
}

impl Connections {
    /// The table of this name.
    #[must_use]
    pub fn new(sdk: &SdkConfig, table: impl Into<String>) -> Self {
        Self { client: Client::new(sdk), table: table.into() }
    }

    /// The patient's connection, as last written.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn get(&self, patient: &PatientId) -> Result<Option<Connection>, StoreError> {
        const ACTION: &str = "read the connection";
        let answer = self
            .client
            .get_item()
            .table_name(&self.table)
            .key("pk", s(patient_key(patient)))
            .key("sk", s(CONNECTION))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| StoreError::of(ACTION, &error))?;
        answer.item.as_ref().map(|item| codec::connection(ACTION, item)).transpose()
    }

    /// The patient whom this ring account belongs to; `None` when it is connected by nobody.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn owner(&self, user: &OuraUserId) -> Result<Option<PatientId>, StoreError> {
        const ACTION: &str = "find the patient of a ring account";
        let answer = self
            .client
            .get_item()
            .table_name(&self.table)
            .key("pk", s(claim_key(user)))
            .key("sk", s(CLAIM))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| StoreError::of(ACTION, &error))?;
        answer.item.as_ref().map(|item| Fields::new(ACTION, item).get("patientId")).transpose()
    }

    /// The patient's connection and whether a consent is under way, in one read.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn of_patient(&self, patient: &PatientId, now: Timestamp) -> Result<PatientConnections, StoreError> {
        const ACTION: &str = "read the patient's connections";
        let answer = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :pk AND begins_with(sk, :sk)")
            .expression_attribute_values(":pk", s(patient_key(patient)))
            .expression_attribute_values(":sk", s("CONNECTION#"))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| StoreError::of(ACTION, &error))?;
        let mut found = PatientConnections::default();
        for item in answer.items() {
            let fields = Fields::new(ACTION, item);
            // Time-to-live deletes late; what has expired is over.
            let lives = || Ok(fields.get::<i64>("expiresAt")? > now.as_second());
            match fields.get::<String>("sk")?.as_str() {
                PENDING if lives()? => found.pending_since = Some(fields.get("since")?),
                REFUSED if lives()? => {
                    found.refused = Some((fields.get("since")?, fields.get::<codec::Word<_>>("reasonCode")?.0));
                }
                CONNECTION => found.connection = Some(codec::connection(ACTION, item)?),
                _ => {}
            }
        }
        Ok(found)
    }

    /// Records a new grant in one transaction: the connection, the claim of the ring account, the end of the pending
    /// consent, and the event that tells of it. `previous` is what was read before; if it changed since, nothing happens.
    ///
    /// # Errors
    /// [`StoreError`]. When it is unavailable the outcome is unknown: read again before the grant's secret is given up.
    pub async fn connect(
        &self,
        connection: &Connection,
        previous: Option<&Connection>,
        event: &PatientEvent,
    ) -> Result<ConnectOutcome, StoreError> {
        const ACTION: &str = "record the connection";
        let patient = patient_key(&connection.patient_id);
        let put = Put::builder().table_name(&self.table).set_item(Some(codec::item(connection)));
        let put = match previous {
            None => put.condition_expression("attribute_not_exists(pk)"),
            Some(previous) => put
                .condition_expression("grantId = :previous")
                .expression_attribute_values(":previous", s(previous.grant_id.as_str())),
        };
        let claim = Put::builder()
            .table_name(&self.table)
            .item("pk", s(claim_key(&connection.oura_user_id)))
            .item("sk", s(CLAIM))
            .item("patientId", s(connection.patient_id.as_str()))
            .item("since", s(connection.since.to_string()))
            .condition_expression("attribute_not_exists(pk) OR patientId = :patient")
            .expression_attribute_values(":patient", s(connection.patient_id.as_str()));
        let pending = Delete::builder().table_name(&self.table).key("pk", s(&patient)).key("sk", s(PENDING));
        let refused = Delete::builder().table_name(&self.table).key("pk", s(&patient)).key("sk", s(REFUSED));
        let no_purge = ConditionCheck::builder()
            .table_name(&self.table)
            .key("pk", s(&patient))
            .key("sk", s(PURGE))
            .condition_expression("attribute_not_exists(pk)");
        let mut items = vec![
            TransactWriteItem::builder().put(built(ACTION, put.build())?).build(),
            TransactWriteItem::builder().put(built(ACTION, claim.build())?).build(),
            TransactWriteItem::builder().delete(built(ACTION, pending.build())?).build(),
            put_event(&self.table, event)?,
            TransactWriteItem::builder().condition_check(built(ACTION, no_purge.build())?).build(),
            TransactWriteItem::builder().delete(built(ACTION, refused.build())?).build(),
        ];
        // A connection that has ended holds no ring any more.
        let held = previous.filter(|previous| previous.status != ConnectionStatus::Disconnected);
        if let Some(old) = held.filter(|previous| previous.oura_user_id != connection.oura_user_id) {
            items.push(TransactWriteItem::builder().delete(self.release_claim(old)?).build());
        }
        match run(&self.client, ACTION, items).await {
            Ok(()) => Ok(ConnectOutcome::Recorded),
            Err(Cancelled::Store(error)) => Err(error),
            Err(Cancelled::Conditions(reasons)) => Ok(if reasons.get(4) == Some(&Reason::ConditionFailed) {
                ConnectOutcome::PurgeRunning
            } else if reasons.get(1) == Some(&Reason::ConditionFailed) {
                ConnectOutcome::AccountConflict
            } else {
                ConnectOutcome::Raced
            }),
        }
    }

    /// Remembers for a day why a consent was refused, so that the patient's app can say it.
    ///
    /// # Errors
    /// [`StoreError`]; the browser was told anyway.
    pub async fn refuse(&self, patient: &PatientId, reason: ReasonCode, now: Timestamp) -> Result<(), StoreError> {
        self.client
            .put_item()
            .table_name(&self.table)
            .item("pk", s(patient_key(patient)))
            .item("sk", s(REFUSED))
            .item("reasonCode", s(codec::word(&reason)))
            .item("since", s(now.to_string()))
            .item("expiresAt", n(expires(now, REFUSED_LIFE)))
            .send()
            .await
            .map(|_| ())
            .map_err(|error| StoreError::of("remember a refused consent", &error))
    }

    fn release_claim(&self, old: &Connection) -> Result<Delete, StoreError> {
        let delete = Delete::builder()
            .table_name(&self.table)
            .key("pk", s(claim_key(&old.oura_user_id)))
            .key("sk", s(CLAIM))
            .condition_expression("attribute_not_exists(pk) OR patientId = :patient")
            .expression_attribute_values(":patient", s(old.patient_id.as_str()));
        built("release the claim of the ring account", delete.build())
    }
}

/// The key of a patient's connection, for those who read it together with other items.
pub(super) fn connection_key(patient: &PatientId) -> Item {
    Item::from([("pk".to_owned(), s(patient_key(patient))), ("sk".to_owned(), s(CONNECTION))])
}

/// A connection from its item.
pub(super) fn read_connection(action: &'static str, item: &Item) -> Result<Connection, StoreError> {
    codec::connection(action, item)
}

/// A request part that the SDK could not build: one of its required members was not set, which is our mistake.
pub(super) fn built<T, E>(action: &'static str, part: Result<T, E>) -> Result<T, StoreError> {
    part.map_err(|_incomplete| StoreError::Refused { action, code: "incomplete request".to_owned() })
}

/// Expiry of an item: `after` from `now`, in the whole seconds that a time-to-live attribute holds.
pub(super) fn expires(now: Timestamp, after: Duration) -> i64 {
    now.as_second().saturating_add(i64::try_from(after.as_secs()).unwrap_or(i64::MAX))
}

fn all_old() -> ReturnValuesOnConditionCheckFailure {
    ReturnValuesOnConditionCheckFailure::AllOld
}
