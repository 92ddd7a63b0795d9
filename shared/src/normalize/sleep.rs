//! Sleep periods as records, and the choice of a day's main sleep.

use jiff::Timestamp;

use super::daily::readiness;
use super::{OnePerDocument, series};
use crate::domain::metrics::{SleepMeasures, SleepPeriodRecord};
use crate::domain::{DocumentId, Moment, Number, Record, RecordMetrics};
use crate::oura::model;

impl OnePerDocument for model::Sleep {
    fn metrics(&self) -> RecordMetrics {
        let measures = SleepMeasures {
            r#type: self.kind.clone(),
            total_sleep: self.total_sleep_duration,
            time_in_bed: self.time_in_bed,
            efficiency: self.efficiency,
            latency: self.latency,
            rem_sleep: self.rem_sleep_duration,
            deep_sleep: self.deep_sleep_duration,
            light_sleep: self.light_sleep_duration,
            awake: self.awake_time,
            bedtime_start: self.bedtime_start.clone(),
            bedtime_end: self.bedtime_end.clone(),
            restless_periods: self.restless_periods,
            average_breath: self.average_breath,
            average_heart_rate: self.average_heart_rate,
            lowest_heart_rate: self.lowest_heart_rate,
            sleep_phase_5_min: self.sleep_phase_5_min.clone(),
            sleep_analysis_reason: self.sleep_analysis_reason.clone(),
            low_battery_alert: self.low_battery_alert,
        };
        RecordMetrics::Sleep(Box::new(SleepPeriodRecord {
            measures,
            average_hrv: self.average_hrv,
            max_hrv: None,
            min_hrv: None,
            period: self.period,
            hrv: series(self.hrv.as_ref()),
            heart_rate: series(self.heart_rate.as_ref()),
            movement_30_sec: self.movement_30_sec.clone(),
            sleep_phase_30_sec: self.sleep_phase_30_sec.clone(),
            sleep_algorithm_version: self.sleep_algorithm_version.clone(),
            readiness_score_delta: self.readiness_score_delta,
            sleep_score_delta: self.sleep_score_delta,
            readiness: self.readiness.as_ref().map(|of| {
                let deviations = (of.temperature_deviation, of.temperature_trend_deviation);
                readiness(of.score, deviations.0, deviations.1, of.contributors.as_ref())
            }),
        }))
    }
}

/// A sleep period among a day's records.
#[derive(Clone, Copy)]
pub struct SleepPeriod<'a> {
    /// Oura's id of it.
    pub document_id: &'a DocumentId,
    /// Its metrics.
    pub metrics: &'a SleepPeriodRecord,
}

impl<'a> SleepPeriod<'a> {
    fn of(record: &'a Record) -> Option<Self> {
        match &record.metrics {
            Some(RecordMetrics::Sleep(metrics)) => Some(Self { document_id: &record.document_id, metrics }),
            _ => None,
        }
    }

    fn total_sleep(self) -> f64 {
        self.metrics.measures.total_sleep.unwrap_or_default().get()
    }

    fn has_type(self, wanted: Option<&str>) -> bool {
        self.metrics.measures.r#type.as_deref() == wanted
    }

    /// Order by time.
    fn place(&self) -> (Option<Timestamp>, &'a DocumentId) {
        (self.metrics.measures.bedtime_start.as_ref().and_then(Moment::instant), self.document_id)
    }
}

/// A day's sleep periods by their part in it.
pub(super) struct SleepPeriods<'a> {
    /// The main sleep.
    pub main: Option<SleepPeriod<'a>>,
    /// Naps, earliest first: the other `sleep` and `late_nap` periods in which there was any sleep.
    pub naps: Vec<SleepPeriod<'a>>,
    /// Further `long_sleep` periods, earliest first: the rest of a night in two parts, or an artefact of minutes.
    pub further: Vec<SleepPeriod<'a>>,
}

impl<'a> SleepPeriods<'a> {
    /// The main sleep is the `long_sleep` with the most sleep; without one, the longest `sleep`; without one, the longest
    /// period to which Oura gave no type. Periods without any sleep, and the types `deleted`, `rest`, `late_nap` and
    /// unknown ones, are never it: fragments and rest are normal, and "the first" is often an artefact.
    pub(super) fn of(records: &[&'a Record]) -> Self {
        let mut slept: Vec<_> = records.iter().copied().filter_map(SleepPeriod::of).collect();
        slept.retain(|period| period.total_sleep() > 0.0);
        slept.sort_by_key(SleepPeriod::place);
        let longest = |wanted: Option<&str>| {
            let of_type = slept.iter().copied().filter(|period| period.has_type(wanted));
            // The earlier of two equals.
            of_type.reduce(|best, next| if next.total_sleep() > best.total_sleep() { next } else { best })
        };
        let main = longest(Some("long_sleep")).or_else(|| longest(Some("sleep"))).or_else(|| longest(None));
        let others = |types: &[&str]| {
            let is_main = |period: &SleepPeriod<'_>| main.is_some_and(|main| main.document_id == period.document_id);
            let is_wanted = |period: &SleepPeriod<'_>| types.iter().any(|wanted| period.has_type(Some(wanted)));
            slept.iter().copied().filter(|period| !is_main(period) && is_wanted(period)).collect()
        };
        Self { main, naps: others(&["sleep", "late_nap"]), further: others(&["long_sleep"]) }
    }

    /// Time asleep in all of them; none if there are none.
    pub(super) fn total_sleep(&self) -> Option<Number> {
        let all = self.main.iter().chain(&self.naps).chain(&self.further);
        all.map(|period| period.total_sleep()).reduce(|a, b| a + b).map(Number::from)
    }
}

/// A day's sleep periods in which there was any sleep: the main one first, then naps and further ones, earliest first.
/// Rest, and periods that Oura deleted, are not among them.
#[must_use]
pub fn sleep_periods<'a>(records: &[&'a Record]) -> Vec<SleepPeriod<'a>> {
    let SleepPeriods { main, mut naps, further } = SleepPeriods::of(records);
    naps.extend(further);
    naps.sort_by_key(SleepPeriod::place);
    main.into_iter().chain(naps).collect()
}
