//! Workouts, sessions, tags, rest mode periods and rings.

use jiff::civil::date;
use serde_json::{Value, json};

use super::{Make, series_value};
use crate::domain::{Day, MetricType, Record};
use crate::oura::model::{EnhancedTag, Moment, RestModePeriod, RingConfiguration, Session, Tag, Workout};

/// The code of a tag whose own code is not one of Oura's: it may be a text that the patient wrote.
const CUSTOM: &str = "custom";

pub(super) fn workout(make: &Make<'_>, document: &Workout) -> Record {
    let (start, end) = (document.start_datetime.as_ref(), document.end_datetime.as_ref());
    let label = document.label.as_deref().map(str::trim).filter(|label| !label.is_empty());
    let metrics = json!({
        "title": label.map(str::to_owned).or_else(|| document.activity.as_deref().map(readable)),
        "type": document.activity,
        "start": start,
        "end": end,
        "duration": seconds_between(start, end),
        "calories": document.calories,
        "distance": document.distance,
        "intensity": document.intensity,
        "source": document.source,
    });
    make.record(MetricType::Workout, document.id.as_ref(), (document.day, start), metrics)
}

pub(super) fn session(make: &Make<'_>, document: &Session) -> Record {
    let (start, end) = (document.start_datetime.as_ref(), document.end_datetime.as_ref());
    let metrics = json!({
        "type": document.kind,
        "mood": document.mood,
        "start": start,
        "end": end,
        "duration": seconds_between(start, end),
        "heartRate": series_value(document.heart_rate.as_ref()),
        "hrv": series_value(document.heart_rate_variability.as_ref()),
        "motionCount": series_value(document.motion_count.as_ref()),
    });
    make.record(MetricType::Session, document.id.as_ref(), (document.day, start), metrics)
}

pub(super) fn tag(make: &Make<'_>, document: &Tag) -> Record {
    let start = document.timestamp.as_ref();
    let metrics = json!({"codes": codes(document.tags.as_deref()), "start": start, "end": null, "endDay": null});
    make.record(MetricType::Tag, document.id.as_ref(), (document.day, start), metrics)
}

pub(super) fn enhanced_tag(make: &Make<'_>, document: &EnhancedTag) -> Record {
    let start = document.start_time.as_ref();
    let metrics = json!({
        "codes": codes(document.tag_type_code.as_ref().map(std::slice::from_ref)),
        "start": start,
        "end": document.end_time,
        "endDay": document.end_day,
    });
    make.record(MetricType::Tag, document.id.as_ref(), (document.start_day, start), metrics)
}

pub(super) fn rest_mode(make: &Make<'_>, document: &RestModePeriod) -> Record {
    let episodes: Vec<Value> = document
        .episodes
        .iter()
        .flatten()
        .map(|episode| json!({"codes": codes(episode.tags.as_deref()), "start": episode.timestamp}))
        .collect();
    let metrics = json!({
        "startDay": document.start_day,
        "endDay": document.end_day,
        "start": document.start_time,
        "end": document.end_time,
        "episodes": episodes,
    });
    make.record(MetricType::RestMode, document.id.as_ref(), (document.start_day, document.start_time.as_ref()), metrics)
}

/// A ring lies on the day (UTC) of its set-up. Oura gives the epoch, or nothing, for rings that it has no date of: those
/// lie on 2015-01-01, before any ring was sold, so that they come first and are never taken for the current one.
pub(super) fn ring(make: &Make<'_>, document: &RingConfiguration) -> Record {
    let unknown = Day::from(date(2015, 1, 1));
    let set_up = document.set_up_at.as_ref();
    let day = set_up.map(Moment::instant_in_utc).map(Day::of_utc).filter(|day| *day > unknown);
    let metrics = json!({
        "color": document.color,
        "design": document.design,
        "firmwareVersion": document.firmware_version,
        "hardwareType": document.hardware_type,
        "setUpAt": day.and(set_up),
        "size": document.size,
    });
    make.record(MetricType::Ring, document.id.as_ref(), (day.unwrap_or(unknown), set_up), metrics)
}

/// Seconds between two instants; none when an end is missing, has no offset, or lies before the start.
fn seconds_between(start: Option<&Moment>, end: Option<&Moment>) -> Option<f64> {
    let elapsed = end?.instant()?.duration_since(start?.instant()?);
    (!elapsed.is_negative()).then(|| elapsed.as_secs_f64())
}

/// Oura's codes are lower-case words joined by `_`; what looks otherwise may be the patient's own words.
fn codes(of: Option<&[String]>) -> Vec<&str> {
    let is_code = |text: &str| {
        (1..=64).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
    };
    of.unwrap_or_default().iter().map(|code| if is_code(code) { code.as_str() } else { CUSTOM }).collect()
}

/// An activity as a title: `strength_training` and `strengthTraining` become `Strength training`.
fn readable(activity: &str) -> String {
    let mut title = String::with_capacity(activity.len() + 4);
    for letter in activity.chars() {
        match letter {
            '_' | '-' | ' ' => title.push(' '),
            _ if title.is_empty() => title.extend(letter.to_uppercase()),
            _ if letter.is_uppercase() => {
                if !title.ends_with(' ') {
                    title.push(' ');
                }
                title.extend(letter.to_lowercase());
            }
            _ => title.push(letter),
        }
    }
    title
}
