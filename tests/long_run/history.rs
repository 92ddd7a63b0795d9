//! Changes of documents at Oura: edited, deleted, moved, added, replaced.

use fastrand::Rng;
use jiff::Span;
use jiff::civil::Date;
use oura_simulator::{EventType, PutDocument};
use serde_json::{Value, json};

use crate::ledger::Ledger;
use crate::stack::Stack;
use crate::truth::{Truth, day_of};

/// Days that a change reaches back.
const REACH: i64 = 5;

const DELETABLE: [&str; 7] = ["workout", "session", "enhanced_tag", "tag", "sleep", "daily_spo2", "daily_stress"];
const MOVABLE: [&str; 4] = ["workout", "session", "enhanced_tag", "tag"];
const REPLACEABLE: [&str; 5] = ["daily_cardiovascular_age", "session", "workout", "daily_sleep", "daily_stress"];

/// A patient and the ring, on a day.
pub(crate) struct Person<'a> {
    pub(crate) stack: &'a Stack,
    pub(crate) patient: &'a str,
    pub(crate) ring: &'a str,
    pub(crate) today: Date,
}

impl Person<'_> {
    fn back(&self, days: i64) -> Date {
        self.today.checked_sub(Span::new().days(days)).unwrap()
    }

    /// A document of one of these collections, of the last days.
    async fn some_document(&self, random: &mut Rng, collections: &[&str]) -> Option<(String, Value)> {
        let collection = collections[random.usize(..collections.len())];
        // The reader's requests must not meet the faults.
        let faults = self.stack.world.oura().faults();
        self.stack.world.oura().clear_faults();
        let truth = Truth::of(self.stack, self.ring).await;
        let found = truth.documents(collection, self.back(REACH), self.back(1)).await;
        for fault in faults.into_iter().map(|state| state.fault).filter(|fault| fault.times != Some(0)) {
            self.stack.world.oura().add_fault(fault).unwrap();
        }
        (!found.is_empty()).then(|| (collection.to_owned(), found[random.usize(..found.len())].clone()))
    }

    /// The person edits a night.
    pub(crate) fn edit_night(&self, random: &mut Rng, ledger: &mut Ledger) {
        let day = self.back(random.i64(1..=REACH));
        let Ok(changes) = self.stack.world.oura().edit_night(self.ring, day) else { return };
        for change in changes.iter().filter(|change| change.event == EventType::Delete) {
            (-1..=1).for_each(|days| {
                ledger.lose(self.patient, &change.id, day.checked_add(Span::new().days(days)).unwrap())
            });
        }
    }

    /// The person deletes a document.
    pub(crate) async fn delete(&self, random: &mut Rng, ledger: &mut Ledger) {
        let Some((collection, document)) = self.some_document(random, &DELETABLE).await else { return };
        let id = document["id"].as_str().unwrap();
        ledger.lose(self.patient, id, day_of(&document).unwrap());
        self.stack.world.oura().delete_document(self.ring, &collection, id).unwrap();
    }

    /// A document moves to another day; its id stays.
    pub(crate) async fn move_document(&self, random: &mut Rng, ledger: &mut Ledger) {
        let Some((collection, document)) = self.some_document(random, &MOVABLE).await else { return };
        let from = day_of(&document).unwrap();
        let to = self.back(random.i64(1..=REACH));
        ledger.lose(self.patient, document["id"].as_str().unwrap(), from);
        self.put(&collection, shifted(&document, from, to));
    }

    /// A document like one of the last days is added to another day.
    pub(crate) async fn add(&self, random: &mut Rng) {
        let Some((collection, document)) = self.some_document(random, &MOVABLE).await else { return };
        let mut document = shifted(&document, day_of(&document).unwrap(), self.back(random.i64(1..=REACH)));
        document["id"] = json!(new_id(random));
        self.put(&collection, document);
    }

    /// A document gets another id.
    pub(crate) async fn replace(&self, random: &mut Rng, ledger: &mut Ledger) {
        let Some((collection, mut document)) = self.some_document(random, &REPLACEABLE).await else { return };
        let id = document["id"].as_str().unwrap().to_owned();
        ledger.lose(self.patient, &id, day_of(&document).unwrap());
        self.stack.world.oura().delete_document(self.ring, &collection, &id).unwrap();
        document["id"] = json!(new_id(random));
        self.put(&collection, document);
    }

    fn put(&self, collection: &str, document: Value) {
        let put = PutDocument { collection: collection.to_owned(), document, day: None };
        self.stack.world.oura().put_document(self.ring, put).unwrap();
    }
}

fn new_id(random: &mut Rng) -> String {
    format!("{:08x}-aaaa-4bbb-8ccc-{:012x}", random.u32(..), random.u64(..1 << 48))
}

/// The document with every date in it later by as many days as lie between the two.
fn shifted(document: &Value, from: Date, to: Date) -> Value {
    let days = from.until(to).unwrap();
    let mut shifted = document.clone();
    for value in shifted.as_object_mut().unwrap().values_mut() {
        let Some(text) = value.as_str() else { continue };
        let Some(date) = text.get(..10).and_then(|date| date.parse::<Date>().ok()) else { continue };
        *value = json!(format!("{}{}", date.checked_add(days).unwrap(), &text[10..]));
    }
    shifted
}
