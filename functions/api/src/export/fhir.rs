//! Days as Observations of FHIR R4 (<https://hl7.org/fhir/R4/observation.html>), one for each number that there is.
//!
//! A metric without a value has no Observation. `dataAbsentReason` is for a measurement that was asked for and did not come
//! out; nobody ordered these, and why a day has none is told by `GET /daily`.

use serde_json::{Value, json};
use shared::domain::{CATALOGUE, DailyStats, Metric, MetricType, PatientId, Unit, derived_uuid};
use shared::http::HttpError;
use shared::oura::model::Moment;

use super::loinc;
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
    let night = night(stats);
    let mut lines = String::new();
    for metric in CATALOGUE.iter().filter(|metric| is_observed(metric)) {
        let value = stats.metrics.get(&metric.metric_type).and_then(|fields| fields.get(metric.field));
        if let (Some(value), Some(unit)) = (value.filter(|value| value.is_number()), metric.unit) {
            let observation = observation(patient, stats, night.as_ref(), metric, value, unit);
            lines.push_str(&serde_json::to_string(&observation).map_err(unwritable)?);
            lines.push('\n');
        }
    }
    Ok(lines)
}

/// Whether it says something of the patient: not of the ring, of a goal, or of how many samples and entries there are.
fn is_observed(metric: &Metric) -> bool {
    let kinds = [MetricType::Ring, MetricType::Tag, MetricType::SleepTime, MetricType::RestMode, MetricType::Session];
    let fields = ["targetCalories", "targetMeters", "metersToTarget", "count"];
    !kinds.contains(&metric.metric_type) && !fields.contains(&metric.field)
}

fn observation(
    patient: &PatientId,
    stats: &DailyStats,
    night: Option<&Value>,
    metric: &Metric,
    value: &Value,
    unit: Unit,
) -> Value {
    let name = metric.name();
    let day = stats.day.to_string();
    let loinc = loinc::codes(metric);
    let mut codings: Vec<Value> =
        loinc.iter().map(|loinc| json!({"system": LOINC, "code": loinc.code, "display": loinc.display})).collect();
    codings.push(json!({"system": METRICS, "code": name}));
    let mut observation = json!({
        "resourceType": "Observation",
        // Of the same value for ever: who imports twice has it once.
        "id": derived_uuid(&["observation", patient.as_str(), &day, &name]),
        "meta": {"versionId": stats.revision.to_string(), "lastUpdated": stats.observed_at},
        "status": if stats.provisional { "preliminary" } else { "final" },
        "category": [{"coding": [category(metric)]}],
        "code": {"coding": codings, "text": metric.meaning},
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

/// What FHIR knows as vital signs are such; everything else is what its `activity` is for, sleep included.
fn category(metric: &Metric) -> Value {
    let is_vital = !loinc::codes(metric).is_empty()
        && (metric.metric_type == MetricType::Spo2 || metric.unit.is_some_and(|unit| unit.ucum == "/min"));
    if is_vital {
        json!({"system": CATEGORIES, "code": "vital-signs", "display": "Vital Signs"})
    } else {
        json!({"system": CATEGORIES, "code": "activity", "display": "Activity"})
    }
}

/// When the main sleep began and ended, if both are known with their offsets: FHIR wants one with every time of day.
fn night(stats: &DailyStats) -> Option<Value> {
    let sleep = stats.metrics.get(&MetricType::Sleep)?;
    let moment = |field: &str| sleep.get(field)?.as_str()?.parse::<Moment>().ok().as_ref().and_then(date_time);
    Some(json!({"start": moment("bedtimeStart")?, "end": moment("bedtimeEnd")?}))
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
    fn times_have_seconds_and_whole_offsets() {
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
