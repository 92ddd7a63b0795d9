//! Workouts, sessions, tags, rest mode periods and rings.

use jiff::civil::{Date, date};

use super::{OnePerDocument, series};
use crate::domain::metrics::{
    RestModeEpisode, RestModePeriod, RestModeRecord, RingRecord, SessionRecord, SessionSummary, TagRecord,
    WorkoutRecord,
};
use crate::domain::{Day, Moment, Number, RecordMetrics};
use crate::oura::model;

/// The code of a tag whose own code is not one of Oura's: it may be a text that the patient wrote.
const CUSTOM: &str = "custom";

impl OnePerDocument for model::Workout {
    fn metrics(&self) -> RecordMetrics {
        let label = self.label.as_deref().map(str::trim).filter(|label| !label.is_empty());
        RecordMetrics::Workout(Box::new(WorkoutRecord {
            title: label.map(str::to_owned).or_else(|| self.activity.as_deref().map(readable)),
            r#type: self.activity.clone(),
            start: self.start_datetime.clone(),
            end: self.end_datetime.clone(),
            duration: seconds_between(self.start_datetime.as_ref(), self.end_datetime.as_ref()),
            calories: self.calories,
            distance: self.distance,
            intensity: self.intensity.clone(),
            source: self.source.clone(),
        }))
    }
}

impl OnePerDocument for model::Session {
    fn metrics(&self) -> RecordMetrics {
        let summary = SessionSummary {
            r#type: self.kind.clone(),
            mood: self.mood.clone(),
            start: self.start_datetime.clone(),
            end: self.end_datetime.clone(),
            duration: seconds_between(self.start_datetime.as_ref(), self.end_datetime.as_ref()),
        };
        RecordMetrics::Session(Box::new(SessionRecord {
            summary,
            heart_rate: series(self.heart_rate.as_ref()),
            hrv: series(self.heart_rate_variability.as_ref()),
            motion_count: series(self.motion_count.as_ref()),
        }))
    }
}

impl OnePerDocument for model::Tag {
    fn metrics(&self) -> RecordMetrics {
        let codes = codes(self.tags.as_deref());
        RecordMetrics::Tag(Box::new(TagRecord { codes, start: self.timestamp.clone(), end: None, end_day: None }))
    }
}

impl OnePerDocument for model::EnhancedTag {
    fn metrics(&self) -> RecordMetrics {
        RecordMetrics::EnhancedTag(Box::new(TagRecord {
            codes: codes(self.tag_type_code.as_ref().map(std::slice::from_ref)),
            start: self.start_time.clone(),
            end: self.end_time.clone(),
            end_day: self.end_day,
        }))
    }
}

impl OnePerDocument for model::RestModePeriod {
    fn metrics(&self) -> RecordMetrics {
        let period = RestModePeriod {
            start_day: self.start_day,
            end_day: self.end_day,
            start: self.start_time.clone(),
            end: self.end_time.clone(),
        };
        let episodes = self
            .episodes
            .iter()
            .flatten()
            .map(|episode| RestModeEpisode { codes: codes(episode.tags.as_deref()), start: episode.timestamp.clone() });
        RecordMetrics::RestModePeriod(Box::new(RestModeRecord { period, episodes: episodes.collect() }))
    }
}

/// A ring belongs to the day (UTC) of its set-up. Oura gives the epoch, or nothing, for rings that it has no date of: those
/// belong to 2015-01-01, before any ring was sold, so that they come first and are never taken for the current one.
impl OnePerDocument for model::RingConfiguration {
    fn record_day(&self) -> Option<Day> {
        Some(set_up_day(self).unwrap_or(Day::from(UNKNOWN_SET_UP)))
    }

    fn metrics(&self) -> RecordMetrics {
        RecordMetrics::RingConfiguration(Box::new(RingRecord {
            color: self.color.clone(),
            design: self.design.clone(),
            firmware_version: self.firmware_version.clone(),
            hardware_type: self.hardware_type.clone(),
            set_up_at: set_up_day(self).and(self.set_up_at.clone()),
            size: self.size,
        }))
    }
}

/// Day of a ring whose set-up Oura does not know.
const UNKNOWN_SET_UP: Date = date(2015, 1, 1);

/// Day of a ring's set-up, if Oura knows it.
fn set_up_day(ring: &model::RingConfiguration) -> Option<Day> {
    let day = ring.set_up_at.as_ref().map(Moment::instant_in_utc).map(Day::of_utc);
    day.filter(|day| *day > Day::from(UNKNOWN_SET_UP))
}

/// Seconds between two instants; none when an end is missing, has no offset, or is before the start.
fn seconds_between(start: Option<&Moment>, end: Option<&Moment>) -> Option<Number> {
    let elapsed = end?.instant()?.duration_since(start?.instant()?);
    (!elapsed.is_negative()).then(|| Number::from(elapsed.as_secs_f64()))
}

/// Oura's codes are lower-case words joined by `_`; what looks otherwise may be the patient's own words.
fn codes(of: Option<&[String]>) -> Vec<String> {
    let is_code = |text: &str| {
        (1..=64).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
    };
    of.unwrap_or_default().iter().map(|code| if is_code(code) { code.clone() } else { CUSTOM.to_owned() }).collect()
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
