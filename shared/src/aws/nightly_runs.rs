//! The records of nightly runs: one item a night, and beside it one for each patient whose turn is over.
//!
//! | pk | sk | item |
//! |---|---|---|
//! | `NIGHTS` | `<day>` | how far the planner has come, and what was counted last (expires) |
//! | `NIGHT#<day>` | an alias of the patient | what became of this patient (expires) |
//!
//! What became of a patient is written once the patient's sync has ended, as often as its message comes: the same patient
//! counts once.

use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;

use super::connections::expires;
use super::item::{Fields, Item, n, s};
use super::{SdkConfig, StoreError};
use crate::domain::{NightlyOutcome, NightlyRun, PatientId};

const PARTITION: &str = "NIGHTLY_RUNS";

/// How long the record of a night is kept...
const LIFE: Duration = Duration::from_secs(90 * 24 * 3600);

/// ... and what became of each patient.
const LIFE_OF_PATIENTS: Duration = Duration::from_secs(14 * 24 * 3600);

/// The records of nights in the table `Connections`.
#[derive(Debug, Clone)]
pub struct NightlyRuns {
    client: Client,
    table: String,
}

/// How far a night has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NightlyRunState {
    /// Patients are still being queued.
    Planning,
    /// All are queued, and not all have had their turn.
    Running,
    /// All have had their turn, or the night was closed without some.
    Ended,
}

/// Where the planner goes on: after this patient of this shard.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PlanCursor {
    /// The shard.
    pub shard: u8,
    /// The last patient who was queued; `None` at the shard's beginning.
    pub after: Option<PatientId>,
}

/// What became of the patients of a night.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct NightlyRunCounts {
    /// Patients whose data is in.
    pub done: u64,
    /// Patients for whom there was nothing to be had.
    pub skipped: u64,
    /// Patients whose sync was given up.
    pub failed: u64,
    /// Requests to Oura for all of them.
    pub requests: u64,
}

/// The record of a night.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunStatus {
    /// Which night.
    pub night: NightlyRun,
    /// How far.
    pub state: NightlyRunState,
    /// Where planning goes on.
    pub cursor: PlanCursor,
    /// Patients who were queued.
    pub planned: u64,
    /// When the night began.
    pub started_at: Timestamp,
    /// When anything last moved, as far as was looked.
    pub moved_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// As counted last.
    pub counts: NightlyRunCounts,
}

impl NightlyRunCounts {
    /// Patients whose turn is over.
    #[must_use]
    pub fn over(self) -> u64 {
        self.done + self.skipped + self.failed
    }
}

impl RunStatus {
    /// Patients whose turn is still to come.
    #[must_use]
    pub fn left(&self) -> u64 {
        self.planned.saturating_sub(self.counts.over())
    }
}

impl NightlyRunState {
    fn word(self) -> &'static str {
        match self {
            Self::Planning => "planning",
            Self::Running => "running",
            Self::Ended => "ended",
        }
    }

    fn of_word(word: &str) -> Option<Self> {
        [Self::Planning, Self::Running, Self::Ended].into_iter().find(|state| state.word() == word)
    }
}

fn partition_of(night: NightlyRun) -> String {
    format!("NIGHT#{night}")
}

impl NightlyRuns {
    /// The records in the table of this name.
    #[must_use]
    pub fn new(sdk: &SdkConfig, table: impl Into<String>) -> Self {
        Self { client: Client::new(sdk), table: table.into() }
    }

    /// Begins the night, or reads how far it has come when it was begun before.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn begin(&self, night: NightlyRun, now: Timestamp) -> Result<RunStatus, StoreError> {
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .item("pk", s(PARTITION))
            .item("sk", s(night.to_string()))
            .item("state", s(NightlyRunState::Planning.word()))
            .item("planShard", n(0))
            .item("planned", n(0))
            .item("startedAt", s(now.to_string()))
            .item("movedAt", s(now.to_string()))
            .item("expiresAt", n(expires(now, LIFE)))
            .condition_expression("attribute_not_exists(pk)")
            .send()
            .await;
        const ACTION: &str = "begin the night";
        if let Err(error) = put
            && !matches!(error.as_service_error(), Some(PutItemError::ConditionalCheckFailedException(_)))
        {
            return Err(StoreError::of(ACTION, &error));
        }
        self.get(night).await?.ok_or(StoreError::corrupt(ACTION, "sk"))
    }

    /// The record of the night; `None` when it was never begun.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn get(&self, night: NightlyRun) -> Result<Option<RunStatus>, StoreError> {
        const ACTION: &str = "read the night";
        let answer = self
            .client
            .get_item()
            .table_name(&self.table)
            .key("pk", s(PARTITION))
            .key("sk", s(night.to_string()))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| StoreError::of(ACTION, &error))?;
        answer.item.as_ref().map(|item| night_run(ACTION, night, item)).transpose()
    }

    /// `queued` patients more are in the queue, and planning goes on at `next`; without one all are. `false` when another
    /// planner was quicker: go on from where it is.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn advance(
        &self,
        run: &RunStatus,
        queued: usize,
        next: Option<&PlanCursor>,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut set = "SET #state = :state, movedAt = :now, planShard = :shard".to_owned();
        let (mut remove, mut values) = ("", Vec::new());
        let state = if next.is_some() { NightlyRunState::Planning } else { NightlyRunState::Running };
        match next.and_then(|next| next.after.as_ref()) {
            Some(after) => {
                set.push_str(", #after = :after");
                values.push((":after", s(after.as_str())));
            }
            None => remove = " REMOVE #after",
        }
        let from = match &run.cursor.after {
            Some(from) => {
                values.push((":from", s(from.as_str())));
                "#after = :from"
            }
            None => "attribute_not_exists(#after)",
        };
        values.extend([
            (":state", s(state.word())),
            (":now", s(now.to_string())),
            (":shard", n(next.map_or(run.cursor.shard, |next| next.shard))),
            (":fromShard", n(run.cursor.shard)),
            (":queued", n(queued)),
            (":planning", s(NightlyRunState::Planning.word())),
        ]);
        let condition = format!("#state = :planning AND planShard = :fromShard AND {from}");
        let update = format!("{set}{remove} ADD planned :queued");
        self.update("record how far planning has come", run.night, &update, &condition, values, true).await
    }

    /// What became of a patient. A patient whose data is in stays so.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn record_outcome(
        &self,
        night: NightlyRun,
        patient: &PatientId,
        outcome: NightlyOutcome,
        requests: u64,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .item("pk", s(partition_of(night)))
            .item("sk", s(night.alias(patient)))
            .item("outcome", s(outcome.as_str()))
            .item("requests", n(requests))
            .item("expiresAt", n(expires(now, LIFE_OF_PATIENTS)))
            .condition_expression("attribute_not_exists(pk) OR outcome <> :done")
            .expression_attribute_values(":done", s(NightlyOutcome::Done.as_str()))
            .send()
            .await;
        match put {
            Ok(_) => Ok(()),
            Err(error) => match error.as_service_error() {
                Some(PutItemError::ConditionalCheckFailedException(_)) => Ok(()),
                _ => Err(StoreError::of("record a patient's night", &error)),
            },
        }
    }

    /// What has become of the patients so far.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn count(&self, night: NightlyRun) -> Result<NightlyRunCounts, StoreError> {
        const ACTION: &str = "count the patients of the night";
        let mut counts = NightlyRunCounts::default();
        let mut start = None;
        loop {
            let page = self
                .client
                .query()
                .table_name(&self.table)
                .key_condition_expression("pk = :night")
                .expression_attribute_values(":night", s(partition_of(night)))
                .projection_expression("outcome, requests")
                .consistent_read(true)
                .set_exclusive_start_key(start)
                .send()
                .await
                .map_err(|error| StoreError::of(ACTION, &error))?;
            for item in page.items() {
                let fields = Fields::new(ACTION, item);
                match fields.get("outcome")? {
                    NightlyOutcome::Done => counts.done += 1,
                    NightlyOutcome::Skipped => counts.skipped += 1,
                    NightlyOutcome::Failed => counts.failed += 1,
                }
                counts.requests += fields.get::<u64>("requests")?;
            }
            start = page.last_evaluated_key;
            if start.is_none() {
                return Ok(counts);
            }
        }
    }

    /// Records what was counted; `moved`: whether that is more than last time; `ended`: whether the night is over. `false`
    /// when it was over before.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn counted(
        &self,
        night: NightlyRun,
        counts: NightlyRunCounts,
        moved: bool,
        ended: bool,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut update = "SET done = :done, skipped = :skipped, failed = :failed, requests = :requests".to_owned();
        let mut values = vec![
            (":done", n(counts.done)),
            (":skipped", n(counts.skipped)),
            (":failed", n(counts.failed)),
            (":requests", n(counts.requests)),
            (":ended", s(NightlyRunState::Ended.word())),
        ];
        if moved || ended {
            values.push((":now", s(now.to_string())));
        }
        if moved {
            update.push_str(", movedAt = :now");
        }
        if ended {
            update.push_str(", #state = :ended, endedAt = :now");
        }
        self.update("record what became of the night", night, &update, "#state <> :ended", values, false).await
    }

    async fn update(
        &self,
        action: &'static str,
        night: NightlyRun,
        update: &str,
        condition: &str,
        values: Vec<(&str, AttributeValue)>,
        names_after: bool,
    ) -> Result<bool, StoreError> {
        let mut request = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("pk", s(PARTITION))
            .key("sk", s(night.to_string()))
            .update_expression(update)
            .condition_expression(condition)
            .expression_attribute_names("#state", "state");
        if names_after {
            request = request.expression_attribute_names("#after", "after");
        }
        for (name, value) in values {
            request = request.expression_attribute_values(name, value);
        }
        match request.send().await {
            Ok(_) => Ok(true),
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(_)) => Ok(false),
                _ => Err(StoreError::of(action, &error)),
            },
        }
    }
}

fn night_run(action: &'static str, night: NightlyRun, item: &Item) -> Result<RunStatus, StoreError> {
    let fields = Fields::new(action, item);
    let state: String = fields.get("state")?;
    let count = |field| fields.opt(field).map(Option::unwrap_or_default);
    Ok(RunStatus {
        night,
        state: NightlyRunState::of_word(&state).ok_or(StoreError::corrupt(action, "state"))?,
        cursor: PlanCursor { shard: fields.get("planShard")?, after: fields.opt("after")? },
        planned: fields.get("planned")?,
        started_at: fields.get("startedAt")?,
        moved_at: fields.get("movedAt")?,
        ended_at: fields.opt("endedAt")?,
        counts: NightlyRunCounts {
            done: count("done")?,
            skipped: count("skipped")?,
            failed: count("failed")?,
            requests: count("requests")?,
        },
    })
}
