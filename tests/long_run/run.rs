//! One seed: its patients' weeks, the quiet week, and the comparison.

use std::collections::BTreeMap;
use std::fmt;

use fastrand::Rng;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::Arguments;
use crate::chance::{generator, happens};
use crate::compare;
use crate::day::{Deliveries, Happening, Weather, draw};
use crate::history::Person;
use crate::ledger::Ledger;
use crate::stack::Stack;

/// The quiet week, with the day that ends it.
const QUIET_DAYS: u32 = 8;

/// Further attempts of a patient to connect.
const CONNECT_RETRIES: usize = 4;

/// The first midnight of every run: the world's clock begins at noon before.
const FIRST_MIDNIGHT: &str = "2026-03-19T00:00:00Z";

/// The size of what was run, and what was found.
#[derive(Debug, Default)]
pub(crate) struct Life {
    patient_days: u64,
    requests: u64,
    faults: u64,
    events: u64,
    pub(crate) findings: Vec<String>,
}

impl Life {
    #[expect(clippy::cast_precision_loss, reason = "days")]
    pub(crate) fn years(&self) -> f64 {
        self.patient_days as f64 / 365.0
    }

    /// A run that ended with a panic.
    pub(crate) fn stopped(panic: &impl fmt::Display) -> Self {
        Self { findings: vec![format!("the run stopped: {panic}")], ..Self::default() }
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.patient_days += other.patient_days;
        self.requests += other.requests;
        self.faults += other.faults;
        self.events += other.events;
        self.findings.extend(other.findings.iter().cloned());
    }
}

impl fmt::Display for Life {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { requests, faults, events, findings, .. } = self;
        write!(
            f,
            "{:.2} patient-years, {requests} requests, {faults} faults, {events} events, {} findings",
            self.years(),
            findings.len()
        )
    }
}

struct Run<'a> {
    stack: Stack,
    ledger: Ledger,
    arguments: &'a Arguments,
    patients: Vec<String>,
    rings: Vec<String>,
    weather: Vec<Weather>,
    connected: Vec<bool>,
    faults: u64,
}

/// Runs one seed.
pub(crate) async fn run(seed: u64, arguments: &Arguments) -> Life {
    let mut random = generator(seed, 0);
    let stack = Stack::start(seed, arguments, random.u32(12..=30)).await;
    let count = arguments.patients as usize;
    let mut run = Run {
        ledger: Ledger::default(),
        arguments,
        patients: (1..=count).map(|n| format!("patient-{n}")).collect(),
        rings: stack.world.oura().fleet_keys().collect(),
        weather: vec![Weather::FAIR; count],
        connected: vec![false; count],
        faults: 0,
        stack,
    };
    run.stack.look_after_subscriptions().await;
    let first: Timestamp = FIRST_MIDNIGHT.parse().unwrap();
    for number in 0..arguments.days + QUIET_DAYS {
        let is_quiet = number >= arguments.days;
        let midnight = first + SignedDuration::from_hours(24 * i64::from(number));
        run.day(seed, number, midnight, is_quiet).await;
    }
    run.end().await
}

impl Run<'_> {
    async fn day(&mut self, seed: u64, number: u32, midnight: Timestamp, is_quiet: bool) {
        let mut random = generator(seed, 1 + u64::from(number));
        if is_quiet {
            self.stack.world.oura().clear_faults();
            self.rings.iter().for_each(|ring| self.stack.world.oura().set_delays(ring, &BTreeMap::new()).unwrap());
            self.weather.fill(Weather::FAIR);
        } else {
            self.weather.iter_mut().for_each(|weather| *weather = weather.next(&mut random));
        }
        for (at, happening) in draw(&mut random, self.arguments, midnight, number, is_quiet, &self.rings) {
            if let Some(finding) = self.stack.until(at).await {
                self.ledger.findings.push(format!("{at}: {finding}"));
            }
            if self.arguments.verbose {
                println!("  {} {happening:?}", self.stack.now());
            }
            self.happen(&mut random, happening, at).await;
        }
        self.ledger.read_events(&self.stack);
    }

    async fn happen(&mut self, random: &mut Rng, happening: Happening, at: Timestamp) {
        match happening {
            Happening::Nightly => drop(self.stack.plan("nightly", at).await),
            Happening::Watch => drop(self.stack.plan("watch", at).await),
            Happening::CatchUp => drop(self.stack.plan("catchUp", at).await),
            Happening::Subscriptions => self.stack.look_after_subscriptions().await,
            Happening::Webhooks => self.deliver_webhooks(random, at).await,
            Happening::Fault(fault) => {
                self.faults += 1;
                self.stack.world.oura().add_fault(*fault).unwrap();
            }
            Happening::Connect(patient) => {
                let (name, ring) = (&self.patients[patient], &self.rings[patient]);
                self.stack.world.oura().set_last_synced(ring, Some(self.stack.now())).unwrap();
                // A fault may meet the check of the consent; the patient tries again.
                let mut outcome = self.stack.world.connect_as(name, ring).await.outcome();
                for _ in 0..CONNECT_RETRIES {
                    if outcome.0 != "connected" {
                        outcome = self.stack.world.connect_as(name, ring).await.outcome();
                    }
                }
                self.connected[patient] = outcome.0 == "connected";
                if !self.connected[patient] {
                    self.ledger.findings.push(format!("{name} could not connect: {outcome:?}"));
                }
            }
            Happening::RingSync(patient) if self.weather[patient].away_days == 0 => {
                self.stack.world.oura().sync_ring(&self.rings[patient]).unwrap();
            }
            Happening::RingSync(_) => {}
            Happening::LateSeries(patient, days) => {
                let delays = ["heartrate", "ring_battery_level"].map(|path| (path.to_owned(), days * 86_400));
                self.stack.world.oura().set_delays(&self.rings[patient], &delays.into()).unwrap();
            }
            Happening::Change(patient, change) if self.connected[patient] => {
                let Self { stack, ledger, patients, rings, .. } = self;
                let today = TimeZone::UTC.to_datetime(stack.now()).date();
                let person = Person { stack, patient: &patients[patient], ring: &rings[patient], today };
                person.change(random, ledger, change);
            }
            Happening::ManualSync(patient) if self.connected[patient] => {
                let name = &self.patients[patient];
                let answer = self.stack.world.request(Some(name), "POST", "/sync", "", "{}").await;
                if !matches!(answer.status, 202 | 429) {
                    self.ledger.findings.push(format!("{name}: a manual sync answered {}", answer.status));
                }
            }
            Happening::Change(..) | Happening::ManualSync(_) => {}
        }
    }

    /// Oura sends the webhook events that are due. By the weather of the day some are lost, late or repeated.
    async fn deliver_webhooks(&self, random: &mut Rng, at: Timestamp) {
        let oura = self.stack.world.oura();
        let users: Vec<_> = self.rings.iter().map(|ring| oura.person(ring).unwrap().user_id).collect();
        let is_evening = TimeZone::UTC.to_datetime(at).hour() == 23;
        let mut due = oura.take_due_deliveries();
        random.shuffle(&mut due);
        for attempt in due {
            let body: serde_json::Value = serde_json::from_slice(&attempt.body).unwrap();
            let patient = users.iter().position(|user| body["user_id"] == **user);
            let deliveries = patient.map_or(Deliveries::AtOnce, |patient| self.weather[patient].deliveries);
            let is_lost = match deliveries {
                Deliveries::Lost => true,
                Deliveries::HalfLost => random.bool(),
                Deliveries::Late if !is_evening => {
                    // No answer: Oura tries again later.
                    oura.settle_delivery(attempt.id, None);
                    continue;
                }
                _ => false,
            };
            if is_lost {
                oura.settle_delivery(attempt.id, Some(200));
                continue;
            }
            let copies = if happens(random, 0.1) { 2 } else { 1 };
            let mut status = 0;
            for _ in 0..copies {
                status = self.stack.deliver(&attempt).await;
            }
            oura.settle_delivery(attempt.id, Some(status));
        }
    }

    async fn end(mut self) -> Life {
        let end = self.stack.now() + SignedDuration::from_hours(2);
        self.ledger.findings.extend(self.stack.until(end).await);
        self.ledger.read_events(&self.stack);
        let mut findings = std::mem::take(&mut self.ledger.findings);
        let summary = self.stack.world.oura().summary();
        for (patient, ring) in self.patients.iter().zip(&self.rings) {
            findings.extend(compare::patient(&self.stack, &self.ledger, patient, ring).await);
        }
        findings.extend(self.stack.dead_letters().await.into_iter().map(|body| format!("dead letter: {body}")));
        if self.arguments.verbose {
            for line in self.stack.world.aws.meter().report().operations {
                println!("  {:?} {}: {} calls, {} failed", line.service, line.operation, line.calls, line.failed);
            }
        }
        let days = u64::from(self.arguments.days + QUIET_DAYS);
        Life {
            patient_days: days * self.patients.len() as u64,
            requests: summary.data_requests,
            faults: self.faults,
            events: self.ledger.published(),
            findings,
        }
    }
}
