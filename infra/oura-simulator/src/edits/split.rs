//! Nights in pieces.

use serde_json::{Value, json};

use super::selection::id_of;
use super::shift::seconds_later;

/// Seconds awake in bed in each piece.
const AWAKE: i64 = 600;
/// Seconds out of bed between two pieces.
const BETWEEN: i64 = 1800;

/// The periods of a night that the ring saw in pieces, one for each number of seconds asleep. The first keeps the id; the
/// first two are `long_sleep`, further ones `sleep`.
pub(crate) fn split(night: &Value, seconds: &[i64]) -> Vec<Value> {
    let mut elapsed = 0;
    let mut pieces = Vec::with_capacity(seconds.len());
    for (n, asleep) in seconds.iter().enumerate() {
        pieces.push(piece(night, n, *asleep, elapsed));
        elapsed += asleep + AWAKE + BETWEEN;
    }
    pieces
}

fn piece(night: &Value, n: usize, asleep: i64, elapsed: i64) -> Value {
    let mut piece = night.clone();
    let (deep, rem) = (asleep / 5 / 30 * 30, asleep / 4 / 30 * 30);
    let start = night.get("bedtime_start").and_then(Value::as_str).unwrap_or_default();
    let time = |seconds: i64| json!(seconds_later(start, seconds));
    let mut changes = vec![
        ("awake_time", json!(AWAKE)),
        ("bedtime_end", time(elapsed + asleep + AWAKE)),
        ("bedtime_start", time(elapsed)),
        ("deep_sleep_duration", json!(deep)),
        ("efficiency", json!(100 * asleep / (asleep + AWAKE).max(1))),
        ("heart_rate", Value::Null),
        ("hrv", Value::Null),
        ("light_sleep_duration", json!(asleep - deep - rem)),
        ("movement_30_sec", Value::Null),
        ("period", json!(n)),
        ("rem_sleep_duration", json!(rem)),
        ("sleep_phase_30_sec", Value::Null),
        ("sleep_phase_5_min", Value::Null),
        ("time_in_bed", json!(asleep + AWAKE)),
        ("total_sleep_duration", json!(asleep)),
        ("type", json!(if n < 2 { "long_sleep" } else { "sleep" })),
    ];
    if n > 0 {
        changes.push(("id", json!(format!("{}-part-{n}", id_of(night).unwrap_or_default()))));
        changes.push(("readiness", Value::Null));
    }
    if let Value::Object(fields) = &mut piece {
        fields.extend(changes.into_iter().map(|(name, value)| (name.to_owned(), value)));
    }
    piece
}
