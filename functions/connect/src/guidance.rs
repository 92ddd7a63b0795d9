//! Guidance for the patient before the consent: prerequisites, and the reason for each scope. `textKey` is stable; `text` is
//! English.

use serde::Serialize;
use shared::domain::ScopeSet;

/// A text for the patient.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Guidance {
    text_key: &'static str,
    text: &'static str,
}

/// A requested scope, and the reason for it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ScopeGuidance {
    scope: String,
    #[serde(flatten)]
    guidance: Guidance,
}

/// Without these, Oura gives no data.
pub(crate) const PREREQUISITES: [Guidance; 3] = [
    Guidance { text_key: "prerequisite.ring_generation", text: "You need an Oura Ring of generation 3 or later." },
    Guidance { text_key: "prerequisite.membership", text: "Your Oura membership must be active." },
    Guidance {
        text_key: "prerequisite.app_paired",
        text: "The Oura app must be paired with your ring. Open it once before you connect, so that the ring syncs.",
    },
];

/// The requested scopes, in their order. A scope that is not known here has the text of other data.
pub(crate) fn scopes(requested: &str) -> Vec<ScopeGuidance> {
    let guidance = |name: &str| match name {
        "email" => ("scope.email", "Oura asks for it with the account. Your e-mail address is not stored."),
        "personal" => (
            "scope.personal",
            "To recognize your ring's account; and, where this service stores them, age, weight, height and sex.",
        ),
        "daily" => ("scope.daily", "Sleep, readiness, activity and resilience of each day."),
        "heartrate" => ("scope.heartrate", "Your heart rate over the day."),
        "workout" => ("scope.workout", "Workouts that the ring has recognized or that you have added."),
        "tag" => ("scope.tag", "Tags that you have set in the Oura app, and rest mode."),
        "session" => ("scope.session", "Guided and unguided sessions, such as meditation."),
        "spo2" => ("scope.spo2", "Your blood oxygen during sleep."),
        "heart_health" => ("scope.heart_health", "Cardiovascular age and cardio capacity."),
        "stress" => ("scope.stress", "Stress and recovery over the day."),
        "ring_configuration" => {
            ("scope.ring_configuration", "Model and battery of your ring, to explain missing data.")
        }
        _ => ("scope.other", "Further data of your ring."),
    };
    let scopes = requested.split_ascii_whitespace().map(|scope| {
        // Apps of the new portal write a prefix before the name.
        let name = ScopeSet::parse(scope).to_string();
        let (text_key, text) = guidance(&name);
        ScopeGuidance { scope: name, guidance: Guidance { text_key, text } }
    });
    scopes.collect()
}
