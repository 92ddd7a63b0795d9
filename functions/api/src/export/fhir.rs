//! Days as Observations of FHIR R4 (<https://hl7.org/fhir/R4/observation.html>), one for each number that there is.
//!
//! A metric without a value has no Observation. `dataAbsentReason` is for an ordered measurement without a
//! result; these are not ordered, and `GET /daily` gives the reason of a missing one.

use serde_json::{Value, json};
use shared::domain::metrics::Unit;
use shared::domain::{DailyStats, DayMetrics, Metric, MetricType, Moment, Number, PatientId, derived_uuid};
use shared::http::HttpError;

use crate::records::unwritable;

/// The code system of this project: its codes are the names of `GET /metrics`. A URN, because it is to name and not to lead
/// anywhere.
const METRICS: &str = "urn:oura-ring-integration:metrics";

const LOINC: &str = "http://loinc.org";
const UCUM: &str = "http://unitsofmeasure.org";
const CATEGORIES: &str = "http://terminology.hl7.org/CodeSystem/observation-category";

/// The Observations of a day, a line each.
///
/// # Errors
/// 500.
pub(super) fn observations(patient: &PatientId, stats: &DailyStats) -> Result<String, HttpError> {
    let night = night(&stats.metrics);
    let mut observations = Vec::new();
    stats.metrics.each_value(|metric, value| {
        if let (Some(value), Some(unit), true) = (value.number(), metric.field.unit, metric.field.is_observation) {
            observations.push(observation(patient, stats, night.as_ref(), metric, (value, unit)));
        }
    });
    let mut lines = String::new();
    for observation in observations {
        lines.push_str(&serde_json::to_string(&observation).map_err(unwritable)?);
        lines.push('\n');
    }
    Ok(lines)
}

fn observation(
    patient: &PatientId,
    stats: &DailyStats,
    night: Option<&Value>,
    metric: Metric,
    (value, unit): (Number, Unit),
) -> Value {
    let name = metric.name();
    let day = stats.day.to_string();
    let codes = metric.field.loinc.iter();
    let mut codings: Vec<Value> =
        codes.map(|loinc| json!({"system": LOINC, "code": loinc.code, "display": loinc.display})).collect();
    codings.push(json!({"system": METRICS, "code": name}));
    let mut observation = json!({
        "resourceType": "Observation",
        // The same value has the same id in every export, so a second import adds nothing.
        "id": derived_uuid(&["observation", patient.as_str(), &day, &name]),
        "meta": {"versionId": stats.revision.to_string(), "lastUpdated": stats.observed_at},
        "status": if stats.provisional { "preliminary" } else { "final" },
        "category": [{"coding": [category(metric)]}],
        "code": {"coding": codings, "text": metric.field.meaning},
        "subject": {"type": "Patient", "identifier": {"value": patient}},
        "issued": stats.observed_at,
        "valueQuantity": {"value": value, "unit": unit.text, "system": UCUM, "code": unit.ucum},
        "device": {"display": "Oura Ring"},
    });
    match night.filter(|_| matches!(metric.metric_type, MetricType::Sleep | MetricType::Hrv)) {
        Some(night) => observation["effectivePeriod"] = night.clone(),
        // The patient's local day: FHIR's dates have no offset.
        None => observation["effectiveDateTime"] = json!(day),
    }
    observation
}

/// Category: vital signs as FHIR lists them; `activity` for everything else, sleep included.
fn category(metric: Metric) -> Value {
    let is_vital = !metric.field.loinc.is_empty()
        && (metric.metric_type == MetricType::Spo2 || metric.field.unit.is_some_and(|unit| unit.ucum == "/min"));
    if is_vital {
        json!({"system": CATEGORIES, "code": "vital-signs", "display": "Vital Signs"})
    } else {
        json!({"system": CATEGORIES, "code": "activity", "display": "Activity"})
    }
}

/// Period of the main sleep, if both ends are known with their offsets: FHIR wants one with every time of day.
fn night(metrics: &DayMetrics) -> Option<Value> {
    let sleep = &metrics.sleep.as_ref()?.main;
    let (start, end) = (sleep.bedtime_start.as_ref()?, sleep.bedtime_end.as_ref()?);
    Some(json!({"start": date_time(start)?, "end": date_time(end)?}))
}

/// To the second, as FHIR writes it, whatever Oura's own spelling was.
fn date_time(moment: &Moment) -> Option<String> {
    let offset = moment.offset()?.to_string();
    // jiff leaves out minutes of zero.
    let offset = if offset.contains(':') { offset } else { format!("{offset}:00") };
    Some(format!("{}{offset}", moment.local().strftime("%Y-%m-%dT%H:%M:%S")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn date_time_has_seconds_and_a_whole_offset() {
        for (text, wanted) in [
            ("2026-03-01T23:10:00.000+02:00", Some("2026-03-01T23:10:00+02:00")),
            ("2026-03-01T23:10:00-07:00", Some("2026-03-01T23:10:00-07:00")),
            ("2026-03-01T23:10+05:30", Some("2026-03-01T23:10:00+05:30")),
            ("2026-03-01T23:10:00Z", Some("2026-03-01T23:10:00+00:00")),
            ("2026-03-01T23:10:00", None),
        ] {
            assert_eq!(date_time(&text.parse().unwrap()).as_deref(), wanted, "{text}");
        }
    }
}
