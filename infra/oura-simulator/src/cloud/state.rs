//! State of the simulated Oura.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use jiff::civil::{Date, DateTime};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use url::Url;

use crate::clock::Clock;
use crate::collection::Collection;
use crate::config::OuraSimulatorConfig;
use crate::document::Document;
use crate::faults::active::Faults;
use crate::generate::{Generator, Habits, Row, filled};
use crate::limits::{Limits, RequestRate};
use crate::lock::lock;
use crate::options::settings::Options;
use crate::people::{Character, People};
use crate::request_log::RequestLog;
use crate::time::{Zone, plus};
use crate::tokens::Tokens;
use crate::webhooks::event::{Recipients, WebhookEvent};
use crate::webhooks::record::WebhookRequest;
use crate::webhooks::registry::Webhooks;

use super::person_state::{Override, Overrides, PersonState};

/// The state behind all routes.
pub(crate) struct Cloud {
    pub(crate) url: Url,
    pub(crate) clock: Clock,
    pub(crate) client_id: String,
    pub(crate) client_secret: SecretString,
    pub(crate) redirect_uris: Vec<String>,
    pub(crate) history_days: i32,
    /// Key that page tokens are signed with.
    pub(crate) page_key: [u8; 32],
    pub(crate) data: Generator,
    pub(crate) options: Mutex<Arc<Options>>,
    pub(crate) tokens: Mutex<Tokens>,
    pub(crate) limits: Mutex<Limits>,
    pub(crate) request_rate: Mutex<RequestRate>,
    pub(crate) faults: Mutex<Faults>,
    pub(crate) log: Mutex<RequestLog>,
    pub(crate) webhooks: Mutex<Webhooks>,
    /// Client for the receivers of webhooks.
    pub(crate) http: reqwest::Client,
    /// Moment of the start, in seconds since the epoch.
    started: i64,
    /// States of the people that the control API has changed, by index.
    states: Mutex<HashMap<usize, PersonState>>,
}

impl Cloud {
    pub(crate) fn new(url: Url, config: OuraSimulatorConfig, http: reqwest::Client) -> Self {
        let options = Options::of(&config);
        let started = config.clock.now().as_second();
        let habits = match config.pinned_day {
            Some(pinned) => Habits::pinned(config.seed, Zone::utc().civil(started).date(), pinned),
            None => Habits::of_calendar(config.seed),
        };
        Self {
            url,
            clock: config.clock,
            client_id: config.client_id,
            client_secret: config.client_secret,
            redirect_uris: config.redirect_uris,
            history_days: config.history_days,
            page_key: config.entropy.bytes(),
            data: Generator::new(habits),
            options: Mutex::new(Arc::new(options)),
            webhooks: Mutex::new(Webhooks::new(config.entropy.clone())),
            tokens: Mutex::new(Tokens::new(config.entropy)),
            limits: Mutex::default(),
            request_rate: Mutex::default(),
            faults: Mutex::default(),
            log: Mutex::default(),
            http,
            started,
            states: Mutex::default(),
        }
    }

    /// Now, in seconds since the epoch.
    pub(crate) fn now(&self) -> i64 {
        self.clock.now().as_second()
    }

    pub(crate) fn options(&self) -> Arc<Options> {
        Arc::clone(&lock(&self.options))
    }

    pub(crate) fn people(&self) -> People {
        People { seed: self.data.seed(), fleet: self.options().fleet }
    }

    /// The index and the character of the person of a key.
    pub(crate) fn person_of(&self, key: &str) -> Option<(usize, Arc<Character>)> {
        self.people().of_key(key).map(|character| (character.nth, character))
    }

    /// Reads the state of a person. Unchanged people have no stored state.
    pub(crate) fn read<T>(&self, person: usize, read: impl FnOnce(&PersonState) -> T) -> T {
        match lock(&self.states).get(&person) {
            Some(state) => read(state),
            None => read(&PersonState::new(self.started)),
        }
    }

    /// Changes the state of a person.
    pub(crate) fn switch<T>(&self, person: usize, switch: impl FnOnce(&mut PersonState) -> T) -> T {
        switch(lock(&self.states).entry(person).or_insert_with(|| PersonState::new(self.started)))
    }

    /// Moment until which a person's data is visible, in seconds since the epoch.
    pub(crate) fn visible_until(&self, person: usize) -> i64 {
        let now = self.now();
        self.read(person, |state| state.visible_until(now))
    }

    /// Moment until which the data of a collection has reached Oura.
    fn arrived_until(&self, person: usize, collection: Collection) -> i64 {
        let now = self.now();
        self.read(person, |state| state.arrived_until(collection, state.visible_until(now)))
    }

    /// The first and the last day that can have data.
    pub(crate) fn horizon(&self) -> (Date, Date) {
        let today = Zone::utc().civil(self.now()).date();
        (plus(today, -i64::from(self.history_days)), plus(today, 1))
    }

    /// The documents of a collection in a range of their range keys, both ends included, oldest first.
    pub(crate) fn documents(
        &self,
        person: usize,
        collection: Collection,
        range: (DateTime, DateTime),
    ) -> Vec<Document> {
        self.documents_at(person, collection, range, self.visible_until(person))
    }

    /// The documents that were visible at a moment. Documents put or deleted by hand count as if that had been always so.
    pub(crate) fn documents_at(
        &self,
        person: usize,
        collection: Collection,
        range: (DateTime, DateTime),
        at: i64,
    ) -> Vec<Document> {
        let Some(character) = self.people().nth(person) else { return vec![] };
        let (from, to) = range;
        let (oldest, newest) = self.horizon();
        let slack = collection.day_slack();
        let days = (plus(from.date(), -slack).max(oldest), plus(to.date(), slack).min(newest));
        let (edits, overrides) = self.changes(person);
        let edits_of = |date: Date| edits.get(&date).copied().unwrap_or(0);
        let arrived = self.read(person, |state| state.arrived_until(collection, at));
        let mut found = self.data.documents(&character, collection, days, &edits_of, arrived);
        found.retain(|document| !overrides.contains_key(&(collection, document.id.clone())));
        found.extend(overrides.iter().filter_map(|((of, _), change)| match change {
            Override::Put(document) if *of == collection => Some(document.clone()),
            _ => None,
        }));
        found.retain(|document| collection == Collection::RingConfiguration || document.range_key.lies_in((from, to)));
        if collection == Collection::DailyActivity && self.options().activity_at_midnight {
            found.iter_mut().for_each(stamp_at_midnight);
        }
        found.sort_by(|a, b| (a.range_key.end, &a.id).cmp(&(b.range_key.end, &b.id)));
        found
    }

    /// One document.
    pub(crate) fn document(&self, person: usize, collection: Collection, id: &str) -> Option<Document> {
        let character = self.people().nth(person)?;
        let (edits, overrides) = self.changes(person);
        match overrides.get(&(collection, id.to_owned())) {
            Some(Override::Put(document)) => Some(document.clone()),
            Some(Override::Deleted) => None,
            None => {
                let edits_of = |date: Date| edits.get(&date).copied().unwrap_or(0);
                let until = self.arrived_until(person, collection);
                let mut found = self.data.find(&character, collection, id, self.horizon(), &edits_of, until)?;
                if collection == Collection::DailyActivity && self.options().activity_at_midnight {
                    stamp_at_midnight(&mut found);
                }
                Some(found)
            }
        }
    }

    /// The rows of a series in [start, end) within the history, oldest first.
    pub(crate) fn rows(&self, person: usize, collection: Collection, (start, end): (i64, i64)) -> Vec<Row> {
        let Some(character) = self.people().nth(person) else { return vec![] };
        let (edits, _) = self.changes(person);
        let edits_of = |date: Date| edits.get(&date).copied().unwrap_or(0);
        let oldest = Zone::utc().moment(self.horizon().0.at(0, 0, 0, 0));
        let (without, every) = self.read(person, |state| (state.without_rows.clone(), state.heart_rate_every));
        let until = self.arrived_until(person, collection);
        let mut rows = self.data.rows(&character, collection, (start.max(oldest), end), &edits_of, until);
        if let Some(every) = every.filter(|_| collection == Collection::HeartRate) {
            rows = filled(&rows, every);
        }
        rows.retain(|row| !without.iter().any(|time| time.contains(&row.at())));
        rows
    }

    fn changes(&self, person: usize) -> (HashMap<Date, u32>, Overrides) {
        self.read(person, |state| (state.edits.clone(), state.overrides.clone()))
    }

    /// Queues a webhook event for its recipients and returns the ids of the deliveries.
    pub(crate) fn queue_event(&self, event: &WebhookEvent, recipients: Recipients) -> Vec<u64> {
        let (now, options) = (self.clock.now(), self.options());
        lock(&self.webhooks).queue(event, recipients, &options, now)
    }

    /// The deliveries that are due, signed; each is in progress until it is settled.
    pub(crate) fn take_due_deliveries(&self) -> Vec<WebhookRequest> {
        let (now, options) = (self.clock.now(), self.options());
        lock(&self.webhooks).take_due(self.client_secret.expose_secret(), &options, now)
    }

    /// Records the answer to an attempt; `false` if no attempt of this delivery is in progress.
    pub(crate) fn settle_delivery(&self, id: u64, status: Option<u16>) -> bool {
        let now = self.clock.now();
        lock(&self.webhooks).settle(id, status, now)
    }
}

/// Sets `timestamp` of a `daily_activity` to midnight of its day; the offset stays.
fn stamp_at_midnight(document: &mut Document) {
    let Ok(mut value) = serde_json::from_str::<Value>(&document.json) else { return };
    if let Some(Value::String(at)) = value.get_mut("timestamp") {
        *at = at.replace("T04:00:00", "T00:00:00");
        document.json = value.to_string().into();
    }
}
