//! Which metrics have a code in LOINC: those whose definition it truly is. Everything else has the code of this project
//! alone.
//!
//! Looked up in the value sets of HL7's guides, which state each code with its name:
//! - vital signs: FHIR R4, <https://hl7.org/fhir/R4/observation-vitalsigns.html>
//! - sleep: Personal Health Records, <https://hl7.org/fhir/uv/phr/2025May/ValueSet-pcd-sleep-observation-code.html>
//! - activity: Physical Activity, <https://hl7.org/fhir/us/physical-activity/ValueSet-pa-observation-code-time.html>
//!
//! Not used, although others do:
//! - 80404-7 is the standard deviation of R-R intervals (SDNN). Oura gives RMSSD, another statistic; no code of it was found.
//! - 41979-6, calories burned in 24 hours: that guide means the energy of activity, its name says all of it. Ambiguous.
//! - 41953-1, walking distance: Oura's is the distance for which one would burn as much, not one that was walked.
//! - 94122-9, oxygen uptake at the peak of an exercise: Oura estimates it without any exercise.

use shared::domain::{Metric, MetricType};

/// A code in LOINC and its name there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Loinc {
    pub code: &'static str,
    pub display: &'static str,
}

/// The codes of a metric, the most general one first; none where LOINC has none for it.
pub(super) fn codes(metric: &Metric) -> &'static [Loinc] {
    match (metric.metric_type, metric.field) {
        (MetricType::Sleep, "totalSleep") => &[Loinc { code: "93832-4", display: "Sleep duration" }],
        (MetricType::Sleep, "deepSleep") => &[Loinc { code: "93831-6", display: "Deep sleep duration" }],
        (MetricType::Sleep, "lightSleep") => &[Loinc { code: "93830-8", display: "Light sleep duration" }],
        (MetricType::Sleep, "remSleep") => &[Loinc { code: "93829-0", display: "REM sleep duration" }],
        (MetricType::Sleep, "averageBreath") => &[Loinc { code: "9279-1", display: "Respiratory rate" }],
        (MetricType::Sleep, "averageHeartRate") => &[Loinc { code: "8867-4", display: "Heart rate" }],
        (MetricType::Hrv, "restingHeartRate") => &[Loinc { code: "40443-4", display: "Heart rate --resting" }],
        (MetricType::HeartRate, "max") => &[Loinc { code: "8873-2", display: "Heart rate 24 hour maximum" }],
        // FHIR's profile wants the first; the second says how it was measured.
        (MetricType::Spo2, "average") => &[
            Loinc { code: "2708-6", display: "Oxygen saturation in Arterial blood" },
            Loinc { code: "59408-5", display: "Oxygen saturation in Arterial blood by Pulse oximetry" },
        ],
        (MetricType::Activity, "steps") => &[Loinc { code: "41950-7", display: "Number of steps in 24 hour Measured" }],
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::domain::CATALOGUE;

    #[test]
    fn every_code_belongs_to_a_metric_that_there_is() {
        let coded: Vec<_> = CATALOGUE.iter().flat_map(codes).map(|loinc| loinc.code).collect();
        assert_eq!(coded.len(), 11, "{coded:?}");
    }

    #[test]
    fn rmssd_is_not_sdnn() {
        let hrv = CATALOGUE.iter().filter(|metric| metric.field.ends_with("Hrv"));
        assert_eq!(hrv.map(|metric| codes(metric).len()).collect::<Vec<_>>(), [0, 0, 0]);
    }
}
