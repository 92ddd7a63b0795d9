//! Bounds of texts and lists, so that one document cannot fill an item of the table.

use std::ops::BitOr;

use serde_json::Value;

use crate::domain::{DataType, DayMetrics, MAX_METRICS_SIZE, RecordMetrics, stored_size};

/// Longest text in characters: Oura's words are short, and labels are titles.
const MAX_TEXT: usize = 256;

/// Longest text of digits. These are series of codes: one every 30 seconds is 2,880 a day.
const MAX_CODES: usize = 4_096;

/// Longest list: more items than any series of a document has (a day at one a minute has 1,440).
const MAX_ITEMS: usize = 10_000;

/// Lists of a day with fewer entries than this cannot be too large for its item.
const SMALL_LISTS: usize = 20;

/// Cuts long texts and lists.
pub(super) fn bounded(data_type: DataType, metrics: RecordMetrics) -> RecordMetrics {
    let Ok(mut value) = serde_json::to_value(&metrics) else { return metrics };
    if !cut(&mut value) {
        return metrics;
    }
    RecordMetrics::read(data_type, value).unwrap_or(metrics)
}

/// Cuts a text of the patient or of Oura.
pub(super) fn bounded_text(text: &str) -> String {
    text.chars().take(MAX_TEXT).collect()
}

/// True if something was cut.
fn cut(value: &mut Value) -> bool {
    match value {
        Value::String(text) => {
            let is_codes = text.bytes().all(|byte| byte.is_ascii_digit());
            let max = if is_codes { MAX_CODES } else { MAX_TEXT };
            match text.char_indices().nth(max) {
                Some((end, _)) => {
                    text.truncate(end);
                    true
                }
                None => false,
            }
        }
        Value::Array(items) => {
            let is_cut = items.len() > MAX_ITEMS;
            items.truncate(MAX_ITEMS);
            items.iter_mut().map(cut).fold(is_cut, BitOr::bitor)
        }
        Value::Object(fields) => fields.values_mut().map(cut).fold(false, BitOr::bitor),
        _ => false,
    }
}

/// Shortens the lists of a day until its item can hold them. Counts and totals stay those of the whole day.
pub(super) fn fit(metrics: &mut DayMetrics) {
    let mut max = longest_list(metrics);
    if max < SMALL_LISTS {
        return;
    }
    while max > 0 && serde_json::to_value(&*metrics).is_ok_and(|value| stored_size(&value) > MAX_METRICS_SIZE) {
        max /= 2;
        if let Some(of) = &mut metrics.workout {
            of.workouts.truncate(max);
        }
        if let Some(of) = &mut metrics.session {
            of.sessions.truncate(max);
        }
        if let Some(of) = &mut metrics.tag {
            of.tags.truncate(max);
        }
        if let Some(of) = &mut metrics.rest_mode {
            of.periods.truncate(max);
        }
        if let Some(of) = &mut metrics.sleep {
            of.naps.truncate(max);
            of.further_sleeps.truncate(max);
        }
    }
}

fn longest_list(metrics: &DayMetrics) -> usize {
    [
        metrics.workout.as_ref().map_or(0, |of| of.workouts.len()),
        metrics.session.as_ref().map_or(0, |of| of.sessions.len()),
        metrics.tag.as_ref().map_or(0, |of| of.tags.len()),
        metrics.rest_mode.as_ref().map_or(0, |of| of.periods.len()),
        metrics.sleep.as_ref().map_or(0, |of| of.naps.len().max(of.further_sleeps.len())),
    ]
    .into_iter()
    .max()
    .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn long_texts_and_lists_are_cut_and_others_are_kept() {
        let workout = |title: String| {
            RecordMetrics::read(
                DataType::Workout,
                json!({"title": title, "type": "walking", "start": null, "end": null, "duration": null,
                    "calories": 7, "distance": null, "intensity": null, "source": null}),
            )
            .unwrap()
        };
        let title = |metrics: RecordMetrics| match metrics {
            RecordMetrics::Workout(of) => of.title.unwrap_or_default(),
            _ => String::new(),
        };
        assert_eq!(title(bounded(DataType::Workout, workout("Łąka ".repeat(90_000)))).chars().count(), MAX_TEXT);
        assert_eq!(title(bounded(DataType::Workout, workout("Hill".to_owned()))), "Hill");
        let mut series = json!([vec![json!("x".repeat(300)); MAX_ITEMS + 1], "4".repeat(2_880)]);
        assert!(cut(&mut series));
        assert_eq!(series[0].as_array().map(Vec::len), Some(MAX_ITEMS));
        assert_eq!((series[0][7].as_str().map(str::len), series[1].as_str().map(str::len)), (Some(256), Some(2_880)));
        assert!(!cut(&mut series));
    }
}
