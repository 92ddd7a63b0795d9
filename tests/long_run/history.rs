//! Lasting changes at Oura: documents are edited, deleted, moved, added, replaced; days turn out to be unworn.

use fastrand::Rng;
use jiff::Span;
use jiff::civil::Date;
use oura_simulator::{ChangedDocument, DataChange, Edit, EventType, RestMode, Selection, UnwornDays};
use serde_json::Value;

use crate::chance::happens;
use crate::ledger::Ledger;
use crate::stack::Stack;
use crate::truth::{Truth, day_of};

/// Days that a change reaches back: those that the next look-back holds. Oura gives no sign of what it changes before them.
const REACH: i64 = 5;

/// Days that the edit of a night reaches back: its samples begin on the evening before.
const NIGHT_REACH: i64 = REACH - 1;

const DELETABLE: [&str; 7] = ["workout", "session", "enhanced_tag", "tag", "sleep", "daily_spo2", "daily_stress"];
const MOVABLE: [&str; 4] = ["workout", "session", "enhanced_tag", "tag"];
const REPLACEABLE: [&str; 5] = ["daily_cardiovascular_age", "session", "workout", "daily_sleep", "daily_stress"];

/// A kind of change.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Change {
    EditNight,
    Delete,
    Move,
    Add,
    /// A document gets another id.
    Replace,
    /// A night comes in pieces.
    Split,
    Unworn,
    RestMode,
}

/// A patient and the ring, on a day.
pub(crate) struct Person<'a> {
    pub(crate) stack: &'a Stack,
    pub(crate) patient: &'a str,
    pub(crate) ring: &'a str,
    pub(crate) today: Date,
}

impl Person<'_> {
    /// Makes a change.
    pub(crate) fn change(&self, random: &mut Rng, ledger: &mut Ledger, change: Change) {
        let day = self.back(random.i64(1..=REACH));
        let oura = self.stack.world.oura();
        match change {
            Change::EditNight => {
                let night = day.max(self.back(NIGHT_REACH));
                // There may be none.
                self.record(ledger, night, &oura.edit_night(self.ring, night).unwrap_or_default());
            }
            Change::Delete => self.edit(random, ledger, &DELETABLE, Edit::Omit),
            Change::Move => {
                let days = random.i64(-3..=3);
                self.edit(random, ledger, &MOVABLE, Edit::MoveDays(days));
            }
            Change::Add => self.edit(random, ledger, &MOVABLE, Edit::Copies(1)),
            Change::Replace => {
                let suffix = format!("-{}", random.u16(..));
                self.edit(random, ledger, &REPLACEABLE, Edit::IdSuffix(suffix));
            }
            Change::Split => self.edit(random, ledger, &["sleep"], Edit::Split(vec![12_600, 11_880, 2400])),
            Change::Unworn => {
                let unworn = UnwornDays { days: Selection::day(day), score: random.bool().then_some(0) };
                let changed = oura.make_unworn(self.ring, &unworn).unwrap();
                self.record(ledger, day, &changed);
            }
            Change::RestMode => {
                let to = random.bool().then(|| self.back(1).max(day));
                oura.add_rest_mode(self.ring, &RestMode { from: day, to }).unwrap();
            }
        }
    }

    /// Edits a document of one of these collections, of the last days.
    fn edit(&self, random: &mut Rng, ledger: &mut Ledger, collections: &[&str], edit: Edit) {
        let collection = collections[random.usize(..collections.len())];
        let truth = Truth::of(self.stack, self.ring, self.back(REACH), self.back(1));
        let found: Vec<&Value> = truth.documents(collection);
        let Some(document) = found.get(random.usize(..found.len().max(1))) else { return };
        let (id, day) = (document["id"].as_str().unwrap(), day_of(document).unwrap());
        let change = DataChange {
            collection: collection.to_owned(),
            documents: Selection::id(id),
            webhooks: happens(random, 0.9),
            edit: vec![edit.clone()],
        };
        let changed = self.stack.world.oura().change_documents(self.ring, &change).unwrap();
        self.record(ledger, day, &changed);
        if matches!(edit, Edit::MoveDays(_)) {
            ledger.lose(self.patient, id, day);
        }
    }

    fn record(&self, ledger: &mut Ledger, day: Date, changed: &[ChangedDocument]) {
        for change in changed.iter().filter(|change| change.event == EventType::Delete) {
            // A nap may be of the day before or after.
            for days in -1..=1 {
                ledger.lose(self.patient, &change.id, day.checked_add(Span::new().days(days)).unwrap());
            }
        }
    }

    fn back(&self, days: i64) -> Date {
        self.today.checked_sub(Span::new().days(days)).unwrap()
    }
}
