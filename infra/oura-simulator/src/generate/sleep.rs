//! One sleep: its hypnogram, its series of heart rate and variability, and their totals.

use serde_json::{Value, json};

use crate::arithmetic::{int, len, mean, whole};
use crate::people::Character;
use crate::random::Random;
use crate::time::Zone;

use super::interval::TimeInBed;

const DEEP: u8 = b'1';
const LIGHT: u8 = b'2';
const REM: u8 = b'3';
const AWAKE: u8 = b'4';

/// A sleep as the ring measures it.
pub(crate) struct Sleep {
    pub(crate) in_bed: TimeInBed,
    /// One character per 30 seconds; the last 30 seconds may be incomplete.
    phases: Vec<u8>,
    stages: Stages,
    pub(crate) movement: String,
    /// One value per 5 minutes that were completed; `None` where the ring could not measure.
    pub(crate) heart_rate: Vec<Option<f64>>,
    pub(crate) hrv: Vec<Option<f64>>,
    pub(crate) breath: f64,
}

/// Seconds of each stage of sleep.
struct Stages {
    deep: i64,
    light: i64,
    rem: i64,
}

impl Stages {
    fn of(phases: &[u8]) -> Self {
        let mut stages = Self { deep: 0, light: 0, rem: 0 };
        for phase in phases {
            match *phase {
                DEEP => stages.deep += 30,
                LIGHT => stages.light += 30,
                REM => stages.rem += 30,
                _ => {}
            }
        }
        stages
    }
}

impl Sleep {
    /// A night, or a long nap, with all its series.
    pub(crate) fn measured(person: &Character, random: &mut Random, in_bed: TimeInBed, strain: f64) -> Self {
        let phases = hypnogram(person, random, in_bed, strain);
        let movement = movement(random, &phases);
        let (heart_rate, hrv) = series(person, random, &phases, in_bed, strain);
        let breath = (random.near(person.breath, 0.25) * 8.0).round() / 8.0;
        Self { in_bed, stages: Stages::of(&phases), phases, movement, heart_rate, hrv, breath }
    }

    /// A fragment too short to measure anything by.
    pub(crate) fn fragment(person: &Character, random: &mut Random, in_bed: TimeInBed) -> Self {
        let epochs = epochs(in_bed);
        let asleep = random.whole(2, 12);
        let mut phases: Vec<u8> = (0..epochs).map(|n| if n < asleep { LIGHT } else { AWAKE }).collect();
        settle(&mut phases, in_bed);
        let movement = movement(random, &phases);
        let (stages, breath) = (Stages::of(&phases), (person.breath * 8.0).round() / 8.0);
        Self { in_bed, phases, stages, movement, heart_rate: vec![], hrv: vec![], breath }
    }

    pub(crate) fn deep(&self) -> i64 {
        self.stages.deep
    }

    pub(crate) fn light(&self) -> i64 {
        self.stages.light
    }

    pub(crate) fn rem(&self) -> i64 {
        self.stages.rem
    }

    pub(crate) fn total(&self) -> i64 {
        self.deep() + self.light() + self.rem()
    }

    pub(crate) fn seconds_in_bed(&self) -> i64 {
        self.in_bed.end - self.in_bed.start
    }

    pub(crate) fn latency(&self) -> i64 {
        30 * i64::try_from(self.phases.iter().take_while(|p| **p == AWAKE).count()).unwrap_or(0)
    }

    pub(crate) fn efficiency(&self) -> i64 {
        whole(100.0 * int(self.total()) / int(self.seconds_in_bed()))
    }

    pub(crate) fn restless(&self) -> i64 {
        i64::try_from(self.movement.bytes().filter(|m| *m != b'1').count()).unwrap_or(0)
    }

    /// The mean in steps of an eighth, as Oura gives it.
    pub(crate) fn average_heart_rate(&self) -> Option<f64> {
        mean(self.heart_rate.iter().flatten().copied()).map(|value| (value * 8.0).round() / 8.0)
    }

    /// The document, without `id` and `readiness`, which the day adds.
    pub(crate) fn document(&self, zone: &Zone, kind: &str, day: &str, period: usize) -> Value {
        let short = self.heart_rate.is_empty();
        let lowest = self.heart_rate.iter().flatten().copied().reduce(f64::min).map_or(255, whole);
        let phases = five_minutes(&self.phases);
        json!({
            "average_breath": self.breath,
            "average_heart_rate": self.average_heart_rate(),
            "average_hrv": mean(self.hrv.iter().flatten().copied()).map(whole),
            "awake_time": self.seconds_in_bed() - self.total(),
            "bedtime_end": zone.text(self.in_bed.end),
            "bedtime_start": zone.text(self.in_bed.start),
            "day": day,
            "deep_sleep_duration": self.deep(),
            "efficiency": self.efficiency(),
            "heart_rate": (!short).then(|| self.sample(zone, &self.heart_rate)),
            "hrv": (!short).then(|| self.sample(zone, &self.hrv)),
            "latency": self.latency(),
            "light_sleep_duration": self.light(),
            "low_battery_alert": false,
            "lowest_heart_rate": lowest,
            "movement_30_sec": self.movement,
            "period": period,
            "readiness": null,
            "readiness_score_delta": null,
            "rem_sleep_duration": self.rem(),
            "restless_periods": self.restless(),
            "sleep_algorithm_version": "v2",
            "sleep_analysis_reason": "foreground_sleep_analysis",
            "sleep_phase_30_sec": String::from_utf8_lossy(&self.phases),
            "sleep_phase_5_min": phases,
            "sleep_score_delta": null,
            "time_in_bed": self.seconds_in_bed(),
            "total_sleep_duration": self.total(),
            "type": kind,
            "ring_id": null,
            "app_sleep_phase_5_min": phases,
        })
    }

    fn sample(&self, zone: &Zone, items: &[Option<f64>]) -> Value {
        json!({ "interval": 300.0, "items": items, "timestamp": zone.text_millis(self.in_bed.start) })
    }
}

fn epochs(in_bed: TimeInBed) -> i64 {
    (in_bed.end - in_bed.start + 29) / 30
}

/// An epoch that was only begun counts as awake, so that the stages add up to whole epochs.
fn settle(phases: &mut [u8], in_bed: TimeInBed) {
    if let Some(last) = phases.last_mut().filter(|_| (in_bed.end - in_bed.start) % 30 != 0) {
        *last = AWAKE;
    }
}

/// Cycles of about 90 minutes: deep sleep early, REM late, awake between and at both ends.
fn hypnogram(person: &Character, random: &mut Random, in_bed: TimeInBed, strain: f64) -> Vec<u8> {
    let size = usize::try_from(epochs(in_bed)).unwrap_or(0);
    let mut phases = Vec::with_capacity(size + 400);
    let add = |phases: &mut Vec<u8>, phase: u8, minutes: f64| {
        let count = usize::try_from(whole(minutes * 2.0).max(0)).unwrap_or(0);
        phases.extend(std::iter::repeat_n(phase, count));
    };
    let troubled = 1.0 - person.sleep_quality * (1.0 - strain * 0.5);
    let latency = random.between(3.0, 9.0) + troubled * 9.0;
    add(&mut phases, AWAKE, latency.min(len(size) * 0.15).max(0.5));
    let mut cycle = 0.0;
    while phases.len() < size {
        add(&mut phases, LIGHT, random.between(14.0, 24.0));
        add(&mut phases, DEEP, (random.between(26.0, 40.0) - cycle * 9.0 - strain * 8.0).max(0.0));
        add(&mut phases, LIGHT, random.between(22.0, 34.0));
        add(&mut phases, REM, (random.between(5.0, 9.0) + cycle * 7.0 - strain * 4.0).clamp(0.0, 32.0));
        add(&mut phases, AWAKE, random.between(0.5, 2.0) + troubled * random.between(0.0, 9.0));
        cycle += 1.0;
    }
    phases.truncate(size);
    let waking = random.whole(4, 16);
    let from = size.saturating_sub(usize::try_from(waking).unwrap_or(0));
    for phase in phases.iter_mut().skip(from) {
        *phase = AWAKE;
    }
    settle(&mut phases, in_bed);
    phases
}

fn movement(random: &mut Random, phases: &[u8]) -> String {
    let mut text = String::with_capacity(phases.len());
    for phase in phases {
        let still = match *phase {
            DEEP => 0.96,
            REM => 0.8,
            LIGHT => 0.72,
            _ => 0.45,
        };
        text.push(if random.chance(still) {
            '1'
        } else if random.chance(0.75) {
            '2'
        } else if random.chance(0.85) {
            '3'
        } else {
            '4'
        });
    }
    text
}

/// Heart rate sinks until two thirds of the night and rises to the morning; variability does the opposite.
fn series(
    person: &Character,
    random: &mut Random,
    phases: &[u8],
    in_bed: TimeInBed,
    strain: f64,
) -> (Vec<Option<f64>>, Vec<Option<f64>>) {
    let size = usize::try_from((in_bed.end - in_bed.start) / 300).unwrap_or(0);
    let lead = if random.chance(0.4) { 2 } else { 0 };
    let gap_from = random.whole(20, 60);
    let gap = if random.chance(0.12) { random.whole(2, 6) } else { 0 };
    let (mut rates, mut variability) = (Vec::with_capacity(size), Vec::with_capacity(size));
    for n in 0..size {
        let t = len(n) / len(size.max(2) - 1);
        let curve = if t < 0.65 { 11.0 * (1.0 - t / 0.65).powi(2) } else { 30.0 * (t - 0.65).powi(2) };
        let stage = match phases.get(n * 10).copied() {
            Some(REM) => 2.0,
            Some(AWAKE) => 4.0,
            Some(DEEP) => -0.5,
            _ => 0.0,
        };
        let rate = (random.near(person.resting + strain * 7.0 + curve + stage, 0.8)).round().max(36.0);
        let open = (1.15 - curve / 22.0) * (1.0 - 0.35 * strain) * random.near(1.0, 0.13).max(0.4);
        let rmssd = (person.hrv * open).round().max(5.0);
        let at = i64::try_from(n).unwrap_or(0);
        let lost = at < lead || (gap_from..gap_from + gap).contains(&at);
        rates.push((!lost).then_some(rate));
        variability.push((!lost).then_some(rmssd));
    }
    (rates, variability)
}

/// The stage that fills most of each 5 minutes.
fn five_minutes(phases: &[u8]) -> String {
    let stage = |chunk: &[u8]| {
        let count = |phase: u8| chunk.iter().filter(|p| **p == phase).count();
        [LIGHT, DEEP, REM, AWAKE].into_iter().max_by_key(|phase| count(*phase)).unwrap_or(AWAKE)
    };
    phases.chunks(10).map(|chunk| char::from(stage(chunk))).collect()
}
