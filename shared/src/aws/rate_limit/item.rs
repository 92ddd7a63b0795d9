//! The budget's item: what all workers know of one another.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;

use super::super::StoreError;
use super::super::item::{Fields, Item, n, s};
use crate::oura::rate_limit::{Allowance, GcraState};
use crate::oura::{ThrottleReason, Throttled};

const PARTITION: &str = "RATE_LIMIT";
const SORT: &str = "OURA";

/// The key of the item.
pub(in crate::aws) fn key() -> Item {
    Item::from([("pk".to_owned(), s(PARTITION)), ("sk".to_owned(), s(SORT))])
}

/// Whether an item of the table is this one.
pub(in crate::aws) fn is_item(item: &Item) -> bool {
    item.get("pk") == Some(&s(PARTITION))
}

/// Whether Oura answered nobody when it was last asked.
///
/// # Errors
/// [`StoreError::Corrupt`].
pub(in crate::aws) fn is_outage(action: &'static str, item: &Item) -> Result<bool, StoreError> {
    Ok(Fields::new(action, item).opt::<u32>("outages")?.unwrap_or(0) > 0)
}

/// What the item holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct State {
    pub(super) version: u64,
    pub(super) ledger: GcraState,
    /// Nobody asks before this moment.
    pub(super) closed: Option<(Timestamp, ThrottleReason)>,
    /// Pauses of an outage since Oura last answered.
    pub(super) outages: u32,
    /// After a pause of an outage: up to when the one who tries is waited for before somebody else does.
    pub(super) trying: Option<Timestamp>,
    /// How many have tried in vain since the pause.
    pub(super) tried: u32,
    /// A smaller allowance than the configured one, and until when.
    pub(super) lowered: Option<(Allowance, Timestamp)>,
}

impl State {
    pub(super) fn allowance(&self, configured: Allowance, now: Timestamp) -> Allowance {
        match self.lowered {
            Some((lowered, until)) if now < until => lowered.min(configured),
            _ => configured,
        }
    }

    /// What holds everybody back at this moment.
    pub(super) fn held(&self, now: Timestamp) -> Option<Throttled> {
        let (until, reason) = self.closed.filter(|(until, _)| now < *until)?;
        Some(Throttled { reason, retry_after: Duration::try_from(until.duration_since(now)).unwrap_or_default() })
    }
}

/// The attributes of the item, and which of them it does not have.
pub(super) fn attributes(state: &State) -> [(&'static str, Option<AttributeValue>); 9] {
    let millis = |at: Timestamp| n(at.as_millisecond());
    [
        ("steady", Some(n(state.ledger.steady))),
        ("bursting", Some(n(state.ledger.bursting))),
        ("closedUntil", state.closed.map(|(until, _)| millis(until))),
        ("closedBy", state.closed.map(|(_, why)| s(why.as_str()))),
        ("outages", Some(n(state.outages))),
        ("tryingUntil", state.trying.map(millis)),
        ("tried", Some(n(state.tried))),
        ("allowance", state.lowered.map(|(allowance, _)| n(allowance.per_window()))),
        ("allowanceUntil", state.lowered.map(|(_, until)| millis(until))),
    ]
}

/// The item, read.
pub(super) fn state(action: &'static str, item: &Item) -> Result<State, StoreError> {
    let fields = Fields::new(action, item);
    let moment = |field: &'static str| -> Result<Option<Timestamp>, StoreError> {
        let millis = fields.opt::<i64>(field)?;
        millis
            .map(|at| Timestamp::from_millisecond(at).map_err(|_range| StoreError::corrupt(action, field)))
            .transpose()
    };
    let by = fields.opt::<String>("closedBy")?.and_then(|word| word.parse().ok());
    Ok(State {
        version: fields.get("version")?,
        ledger: GcraState { steady: fields.get("steady")?, bursting: fields.get("bursting")? },
        closed: moment("closedUntil")?.map(|until| (until, by.unwrap_or(ThrottleReason::Unknown))),
        outages: fields.opt("outages")?.unwrap_or(0),
        trying: moment("tryingUntil")?,
        tried: fields.opt("tried")?.unwrap_or(0),
        lowered: fields.opt("allowance")?.map(Allowance::new).zip(moment("allowanceUntil")?),
    })
}
