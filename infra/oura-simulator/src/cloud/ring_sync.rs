//! Sync of a ring: data becomes visible, and its changes get webhook events.

use serde_json::json;

use crate::collection::Collection;
use crate::document::Document;
use crate::people::Character;
use crate::range_key::range_key;
use crate::time::{Zone, plus};

use super::changes::{DocumentChange, compare};
use super::state::Cloud;

/// Days that a sync searches for created, updated or deleted documents.
const SYNCED_DAYS: i64 = 14;

/// Seconds of the walk before a sync.
const WALK_SECONDS: i64 = 1200;

impl Cloud {
    /// Syncs a ring: its data until now becomes visible, and the changes get webhook events.
    pub(crate) fn sync_ring(&self, person: usize, character: &Character, walk: bool) -> Vec<DocumentChange> {
        let now = self.now();
        // Taken and set in one step: two syncs at once share the changes, and none has two events.
        let before = self.switch(person, |state| std::mem::replace(&mut state.synced_at, now).min(now));
        let today = Zone::utc().civil(now).date();
        let days = (plus(today, -SYNCED_DAYS), plus(today, 1));
        let mut changes =
            compare(&self.documents_of_days(person, days, before), &self.documents_of_days(person, days, now));
        if walk {
            changes.extend(self.walk(character, now).map(|document| self.put(person, document)));
        }
        self.announce(person, character, &changes);
        changes
    }

    /// A walk that ends now.
    fn walk(&self, character: &Character, now: i64) -> Option<Document> {
        let zone = self.data.zone(character, Zone::utc().civil(now).date());
        let start = now - WALK_SECONDS;
        let id = character.document_id("walk", start, 0);
        let minutes = 20.0;
        let document = json!({
            "id": id,
            "activity": "walking",
            // 2.4 kcal per kg and hour above rest: an easy pace.
            "calories": (2.4 * character.weight / 60.0 * minutes * 1000.0).round() / 1000.0,
            "day": zone.civil(start).date().to_string(),
            "distance": 78.0 * minutes,
            "end_datetime": zone.text(now),
            "intensity": "easy",
            "label": null,
            "source": "confirmed",
            "start_datetime": zone.text(start),
        });
        let range_key = range_key(Collection::Workout, &document)?;
        let json = document.to_string().into();
        Some(Document { collection: Collection::Workout, id, range_key, available_from: now, json })
    }
}
