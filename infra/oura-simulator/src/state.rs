//! What the running cloud knows.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::clock::Clock;
use jiff::civil::{Date, DateTime};
use secrecy::SecretString;
use url::Url;

use super::collection::Collection;
use super::config::OuraSimulatorConfig;
use super::faults::Faults;
use super::generate::time::{Zone, plus};
use super::generate::{Doc, Generator};
use super::limits::{Busiest, Limits};
use super::log::RequestLog;
use super::options::Options;
use super::outage::Outage;
use super::people::{Character, People};
use super::tokens::Tokens;
use super::webhooks::Webhooks;

/// Locks; a panic elsewhere does not make the data unusable, since no update of it is left half done.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What was put in the place of generated data.
#[derive(Clone)]
pub(super) enum Override {
    Put(Doc),
    Deleted,
}

/// What was switched for a person.
pub(super) struct PersonState {
    pub(super) active: bool,
    pub(super) outdated: bool,
    pub(super) edits: HashMap<Date, u32>,
    pub(super) overrides: BTreeMap<(Collection, String), Override>,
    /// Until when the ring has synced, in seconds since the epoch; what came before was announced.
    pub(super) synced: i64,
    /// Whether what came after is held back.
    pub(super) held: bool,
}

impl PersonState {
    fn new(now: i64) -> Self {
        let (edits, overrides) = (HashMap::new(), BTreeMap::new());
        Self { active: true, outdated: false, edits, overrides, synced: now, held: false }
    }

    /// Until when the data is visible.
    fn seen(&self, now: i64) -> i64 {
        if self.held { self.synced.min(now) } else { now }
    }
}

/// The cloud behind all routes.
pub(super) struct Cloud {
    pub(super) url: Url,
    pub(super) clock: Clock,
    pub(super) client_id: String,
    pub(super) client_secret: SecretString,
    pub(super) redirect_uris: Vec<String>,
    pub(super) history_days: i32,
    pub(super) page_key: [u8; 32],
    pub(super) data: Generator,
    pub(super) options: Mutex<Arc<Options>>,
    pub(super) tokens: Mutex<Tokens>,
    pub(super) limits: Mutex<Limits>,
    pub(super) busiest: Mutex<Busiest>,
    pub(super) outage: Mutex<Option<Outage>>,
    pub(super) faults: Mutex<Faults>,
    pub(super) log: Mutex<RequestLog>,
    pub(super) webhooks: Mutex<Webhooks>,
    /// Calls the receivers of webhooks.
    pub(super) http: reqwest::Client,
    /// When it was started, in seconds since the epoch.
    started: i64,
    /// Of whom something was switched.
    states: Mutex<HashMap<usize, PersonState>>,
}

impl Cloud {
    pub(super) fn new(url: Url, config: OuraSimulatorConfig, http: reqwest::Client) -> Self {
        let options = Options::of(&config, url.as_str().trim_end_matches('/'));
        let started = config.clock.now().as_second();
        Self {
            url,
            clock: config.clock,
            client_id: config.client_id,
            client_secret: config.client_secret,
            redirect_uris: config.redirect_uris,
            history_days: config.history_days,
            page_key: config.entropy.bytes(),
            data: Generator::new(config.seed),
            options: Mutex::new(Arc::new(options)),
            webhooks: Mutex::new(Webhooks::new(config.entropy.clone())),
            tokens: Mutex::new(Tokens::new(config.entropy)),
            limits: Mutex::default(),
            busiest: Mutex::default(),
            outage: Mutex::default(),
            faults: Mutex::default(),
            log: Mutex::default(),
            http,
            started,
            states: Mutex::default(),
        }
    }

    /// Now, in seconds since the epoch.
    pub(super) fn now(&self) -> i64 {
        self.clock.now().as_second()
    }

    pub(super) fn options(&self) -> Arc<Options> {
        Arc::clone(&lock(&self.options))
    }

    /// Everybody.
    pub(super) fn people(&self) -> People {
        People { seed: self.data.seed, fleet: self.options().fleet }
    }

    /// Who has this key, and their place among all people.
    pub(super) fn person_of(&self, key: &str) -> Option<(usize, Arc<Character>)> {
        self.people().of_key(key).map(|who| (who.nth, who))
    }

    /// Reads what was switched for a person. Of whom nothing was, nothing is kept.
    pub(super) fn read<T>(&self, person: usize, read: impl FnOnce(&PersonState) -> T) -> T {
        match lock(&self.states).get(&person) {
            Some(state) => read(state),
            None => read(&PersonState::new(self.started)),
        }
    }

    /// Switches something for a person.
    pub(super) fn switch<T>(&self, person: usize, switch: impl FnOnce(&mut PersonState) -> T) -> T {
        switch(lock(&self.states).entry(person).or_insert_with(|| PersonState::new(self.started)))
    }

    /// Until when a person's data is visible, in seconds since the epoch.
    pub(super) fn seen(&self, person: usize) -> i64 {
        let now = self.now();
        self.read(person, |state| state.seen(now))
    }

    /// The first and the last day of which there can be data.
    fn horizon(&self) -> (Date, Date) {
        let today = Zone::utc().civil(self.now()).date();
        (plus(today, -i64::from(self.history_days)), plus(today, 1))
    }

    /// The documents of a collection in a range of their stamps, both ends included, oldest first.
    pub(super) fn documents(&self, person: usize, collection: Collection, range: (DateTime, DateTime)) -> Vec<Doc> {
        self.documents_at(person, collection, range, self.seen(person))
    }

    /// The same as they were visible at a moment: what was put or deleted by hand counts as if it always had been.
    pub(super) fn documents_at(
        &self,
        person: usize,
        collection: Collection,
        range: (DateTime, DateTime),
        at: i64,
    ) -> Vec<Doc> {
        let Some(who) = self.people().nth(person) else { return vec![] };
        let (from, to) = range;
        let (oldest, newest) = self.horizon();
        let strays = collection.strays();
        let days = (plus(from.date(), -strays).max(oldest), plus(to.date(), strays).min(newest));
        let (edits, overrides) = self.changes(person);
        let edits_of = |date: Date| edits.get(&date).copied().unwrap_or(0);
        let mut found = self.data.documents(&who, collection, days, &edits_of, at);
        found.retain(|doc| !overrides.contains_key(&(collection, doc.id.clone())));
        found.extend(overrides.iter().filter_map(|((of, _), change)| match change {
            Override::Put(doc) if *of == collection => Some(doc.clone()),
            _ => None,
        }));
        found.retain(|doc| collection == Collection::RingConfiguration || (from <= doc.stamp && doc.stamp <= to));
        found.sort_by(|a, b| (a.stamp, &a.id).cmp(&(b.stamp, &b.id)));
        found
    }

    /// One document.
    pub(super) fn document(&self, person: usize, collection: Collection, id: &str) -> Option<Doc> {
        let who = self.people().nth(person)?;
        let (edits, overrides) = self.changes(person);
        match overrides.get(&(collection, id.to_owned())) {
            Some(Override::Put(doc)) => Some(doc.clone()),
            Some(Override::Deleted) => None,
            None => {
                let edits_of = |date: Date| edits.get(&date).copied().unwrap_or(0);
                self.data.find(&who, collection, id, self.horizon(), &edits_of, self.seen(person))
            }
        }
    }

    /// The rows of a series in [start, end) that the history holds, oldest first.
    pub(super) fn rows(
        &self,
        person: usize,
        collection: Collection,
        (start, end): (i64, i64),
    ) -> Vec<super::generate::Row> {
        let Some(who) = self.people().nth(person) else { return vec![] };
        let (edits, _) = self.changes(person);
        let edits_of = |date: Date| edits.get(&date).copied().unwrap_or(0);
        let oldest = Zone::utc().moment(self.horizon().0.at(0, 0, 0, 0));
        self.data.rows(&who, collection, (start.max(oldest), end), &edits_of, self.seen(person))
    }

    fn changes(&self, person: usize) -> (HashMap<Date, u32>, BTreeMap<(Collection, String), Override>) {
        self.read(person, |state| (state.edits.clone(), state.overrides.clone()))
    }
}
