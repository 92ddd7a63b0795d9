//! What changed in somebody's data, and who is told.

use std::collections::{HashMap, HashSet};

use jiff::civil::{Date, DateTime};
use serde_json::json;

use crate::collection::Collection;
use crate::generate::Doc;
use crate::generate::time::{Zone, number, plus};
use crate::people::Character;
use crate::stamp::stamp;
use crate::state::{Cloud, Override, lock};

use super::deliveries::Announcement;
use super::{EventType, Recipients};

/// How far back a sync looks for documents that came, changed or went.
const SYNCED_DAYS: i64 = 14;

/// How long the walk takes that somebody has just taken, in seconds.
const WALK: i64 = 1200;

/// Something that happened to a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DocumentChange {
    pub(crate) collection: Collection,
    pub(crate) id: String,
    pub(crate) event: EventType,
}

/// How the documents changed: what is new or other first, in their order, then what is gone.
pub(crate) fn compare(before: &[Doc], after: &[Doc]) -> Vec<DocumentChange> {
    let key = |doc: &Doc| (doc.collection, doc.id.clone());
    let old: HashMap<_, _> = before.iter().map(|doc| (key(doc), &doc.json)).collect();
    let kept: HashSet<_> = after.iter().map(key).collect();
    let change = |doc: &Doc, event| DocumentChange { collection: doc.collection, id: doc.id.clone(), event };
    let came = after.iter().filter_map(|doc| match old.get(&key(doc)) {
        None => Some(change(doc, EventType::Create)),
        Some(json) if **json != doc.json => Some(change(doc, EventType::Update)),
        Some(_) => None,
    });
    let went = before.iter().filter(|doc| !kept.contains(&key(doc))).map(|doc| change(doc, EventType::Delete));
    came.chain(went).collect()
}

impl Cloud {
    /// The documents of these days in all collections that have webhooks, as they were visible at a moment.
    pub(crate) fn documents_of_days(&self, person: usize, (first, last): (Date, Date), at: i64) -> Vec<Doc> {
        let range: (DateTime, DateTime) = (first.at(0, 0, 0, 0), last.at(23, 59, 59, 0));
        let announced = Collection::ALL.into_iter().filter(|collection| collection.webhook_name().is_some());
        announced.flat_map(|collection| self.documents_at(person, collection, range, at)).collect()
    }

    /// Puts a document into somebody's data, and tells whether there was one of its id.
    pub(crate) fn put(&self, person: usize, doc: Doc) -> DocumentChange {
        let (collection, id) = (doc.collection, doc.id.clone());
        let existed = self.document(person, collection, &id).is_some();
        self.switch(person, |state| state.overrides.insert((collection, id.clone()), Override::Put(doc)));
        DocumentChange { collection, id, event: if existed { EventType::Update } else { EventType::Create } }
    }

    /// Queues notices of what changed, as far as the person allows the application to see it.
    pub(crate) fn announce(&self, person: usize, who: &Character, changes: &[DocumentChange]) {
        for change in changes {
            let Some(name) = change.collection.webhook_name() else { continue };
            if lock(&self.tokens).covers(person, change.collection.scope()) {
                let notice = Announcement {
                    event_type: change.event.as_str().to_owned(),
                    data_type: name.to_owned(),
                    object_id: change.id.clone(),
                    user_id: who.user_id(),
                };
                self.queue_notice(&notice, Recipients::Subscribers);
            }
        }
    }

    /// The ring syncs: what it knows until now becomes visible, and what that changed is announced.
    pub(super) fn sync_ring(&self, person: usize, who: &Character, walk: bool) -> Vec<DocumentChange> {
        let now = self.now();
        // Taken and set in one step: two syncs at once share the changes, and none is announced twice.
        let before = self.switch(person, |state| std::mem::replace(&mut state.synced, now).min(now));
        let today = Zone::utc().civil(now).date();
        let days = (plus(today, -SYNCED_DAYS), plus(today, 1));
        let mut changes =
            compare(&self.documents_of_days(person, days, before), &self.documents_of_days(person, days, now));
        if walk {
            changes.extend(walked(who, now).map(|doc| self.put(person, doc)));
        }
        self.announce(person, who, &changes);
        changes
    }
}

/// A walk that ends now.
fn walked(who: &Character, now: i64) -> Option<Doc> {
    let zone = who.zone(number(Zone::utc().civil(now).date()));
    let start = now - WALK;
    let id = who.document_id("walk", start, 0);
    let minutes = 20.0;
    let document = json!({
        "id": id,
        "activity": "walking",
        // 2.4 kcal per kg and hour above rest: an easy pace.
        "calories": (2.4 * who.weight / 60.0 * minutes * 1000.0).round() / 1000.0,
        "day": zone.civil(start).date().to_string(),
        "distance": 78.0 * minutes,
        "end_datetime": zone.text(now),
        "intensity": "easy",
        "label": null,
        "source": "confirmed",
        "start_datetime": zone.text(start),
    });
    let stamp = stamp(Collection::Workout, &document)?;
    Some(Doc { collection: Collection::Workout, id, stamp, known: now, json: document.to_string().into() })
}
