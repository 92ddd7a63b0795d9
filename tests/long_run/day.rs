//! The events of one day, drawn before it begins.

use fastrand::Rng;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use oura_simulator::Fault;

use crate::Arguments;
use crate::chance::{count, happens};
use crate::faults;
use crate::history::Change;

/// Something that happens at a moment.
#[derive(Debug, Clone)]
pub(crate) enum Happening {
    Nightly,
    Watch,
    CatchUp,
    Subscriptions,
    /// A patient connects a ring.
    Connect(usize),
    /// A ring syncs with Oura, if it is not away.
    RingSync(usize),
    ManualSync(usize),
    Change(usize, Change),
    /// Heart rate and battery of a ring reach Oura this many days late from now on.
    LateSeries(usize, u32),
    Fault(Box<Fault>),
    /// Oura sends the webhook events that are due.
    Webhooks,
}

/// Deliveries of the webhook events of a patient on a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Deliveries {
    AtOnce,
    /// Hours later.
    Late,
    /// Each with even chances.
    HalfLost,
    Lost,
}

/// Weather of a patient, which lasts for days.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Weather {
    /// Days for which the ring is still away.
    pub(crate) away_days: u32,
    /// Days for which no webhook event arrives.
    pub(crate) silent_days: u32,
    pub(crate) deliveries: Deliveries,
}

impl Weather {
    pub(crate) const FAIR: Self = Self { away_days: 0, silent_days: 0, deliveries: Deliveries::AtOnce };

    /// The weather of the next day.
    pub(crate) fn next(self, random: &mut Rng) -> Self {
        let away_days = match self.away_days {
            0 if happens(random, 0.05) => random.u32(1..=9),
            days => days.saturating_sub(1),
        };
        let silent_days = match self.silent_days {
            0 if happens(random, 0.05) => random.u32(1..=5),
            days => days.saturating_sub(1),
        };
        let deliveries = match random.u8(..10) {
            _ if silent_days > 0 => Deliveries::Lost,
            0 => Deliveries::Late,
            1 | 2 => Deliveries::HalfLost,
            _ => Deliveries::AtOnce,
        };
        Self { away_days, silent_days, deliveries }
    }
}

/// The day that begins at `midnight`, in the order of its moments. On a quiet day only what is planned happens.
pub(crate) fn draw(
    random: &mut Rng,
    arguments: &Arguments,
    midnight: Timestamp,
    number: u32,
    is_quiet: bool,
    rings: &[String],
) -> Vec<(Timestamp, Happening)> {
    let at = |seconds: i64| midnight + SignedDuration::from_secs(seconds);
    let mut all = vec![
        (at(9_000), Happening::Subscriptions),
        (at(10_800), Happening::Nightly),
        (at(14_400), Happening::Watch),
        (at(43_200), Happening::Watch),
    ];
    all.extend((0..12).map(|n| (at(n * 7200 + 600), Happening::CatchUp)));
    if !number.is_multiple_of(7) {
        all.retain(|(_, happening)| !matches!(happening, Happening::Subscriptions));
    }
    for (patient, ring) in rings.iter().enumerate() {
        if u32::try_from(patient).is_ok_and(|patient| patient % 3 == number) {
            all.push((at(random.i64(30_000..80_000)), Happening::Connect(patient)));
        }
        let syncs = if is_quiet { 2 } else { random.usize(0..=3) };
        let moment = |random: &mut Rng| at(random.i64(3600..86_000));
        all.extend((0..syncs).map(|_| (moment(random), Happening::RingSync(patient))));
        if is_quiet {
            continue;
        }
        let changes = [
            (0.1, Change::EditNight),
            (0.1, Change::Delete),
            (0.06, Change::Move),
            (0.06, Change::Add),
            (0.05, Change::Replace),
            (0.03, Change::Split),
            (0.03, Change::Unworn),
            (0.02, Change::RestMode),
        ];
        for (probability, change) in changes {
            if happens(random, probability) {
                all.push((moment(random), Happening::Change(patient, change)));
            }
        }
        if happens(random, 0.1) {
            all.push((moment(random), Happening::ManualSync(patient)));
        }
        if happens(random, 0.08) {
            all.push((moment(random), Happening::LateSeries(patient, random.u32(0..=3))));
        }
        for _ in 0..count(random, arguments.faults) {
            let fault = Box::new(faults::of_collection(random, ring, TimeZone::UTC.to_datetime(midnight).date()));
            all.push((moment(random), Happening::Fault(fault)));
        }
    }
    if !is_quiet && happens(random, 0.1) {
        all.push((at(random.i64(0..86_000)), Happening::Fault(Box::new(faults::of_token_endpoint(random)))));
    }
    // A minute after a change, and late ones in the night.
    let changes = |happening: &Happening| matches!(happening, Happening::RingSync(_) | Happening::Change(..));
    let sent: Vec<_> = all.iter().filter(|(_, happening)| changes(happening)).map(|(at, _)| *at).collect();
    all.extend(sent.into_iter().map(|at| (at + SignedDuration::from_secs(40), Happening::Webhooks)));
    all.push((at(86_390), Happening::Webhooks));
    all.sort_by_key(|(at, _)| *at);
    all
}
