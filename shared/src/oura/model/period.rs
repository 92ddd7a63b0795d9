//! Documents of things that have a beginning: workouts, sessions, tags, rest mode, rings. Free text that the patient
//! wrote (comments, names of tags) is not read at all: it is not needed.

use super::{Document, Series, parts};
use crate::domain::{Day, DayRange, DocumentId, Moment, Number};

parts! {
    /// `PublicWorkout`.
    #[derive(Clone)]
    pub struct Workout {
        /// Oura's id; the oldest documents have none.
        pub id: Option<DocumentId>,
        /// Oura's local day.
        pub day: Day,
        /// `walking`, `cycling`, ...
        pub activity: Option<String>,
        /// A title that the patient or the app gave.
        pub label: Option<String>,
        /// Kilocalories.
        pub calories: Option<Number>,
        /// Metres.
        pub distance: Option<Number>,
        /// `easy`, `moderate`, `hard`, ...
        pub intensity: Option<String>,
        /// `manual`, `autodetected`, `confirmed`, `workout_heart_rate`, ...
        pub source: Option<String>,
        /// Time of its beginning. Some carry `+00:00` although the patient was elsewhere.
        pub start_datetime: Option<Moment>,
        /// Time of its end.
        pub end_datetime: Option<Moment>,
    }

    /// `PublicSession`: a guided or unguided session.
    #[derive(Clone)]
    pub struct Session {
        /// Oura's id; the oldest documents have none.
        pub id: Option<DocumentId>,
        /// Oura's local day.
        pub day: Day,
        /// `breathing`, `meditation`, `nap`, ...
        pub kind: Option<String> = "type",
        /// `bad`, `worse`, `same`, `good`, `great`, ...
        pub mood: Option<String>,
        /// Time of its beginning.
        pub start_datetime: Option<Moment>,
        /// Time of its end.
        pub end_datetime: Option<Moment>,
        /// Beats per minute.
        pub heart_rate: Option<Series>,
        /// RMSSD in milliseconds.
        pub heart_rate_variability: Option<Series>,
        /// Count of movements.
        pub motion_count: Option<Series>,
    }

    /// `TagModel`, the older form of a tag. Its `text` is not read.
    #[derive(Clone)]
    pub struct Tag {
        /// Oura's id; the oldest documents have none.
        pub id: Option<DocumentId>,
        /// Oura's local day.
        pub day: Day,
        /// Time, often without an offset.
        pub timestamp: Option<Moment>,
        /// Codes such as `tag_generic_nap`.
        pub tags: Option<Vec<String>>,
    }

    /// `EnhancedTagModel`. Its `comment` and `custom_name` are not read.
    #[derive(Clone)]
    pub struct EnhancedTag {
        /// Oura's id; the oldest documents have none.
        pub id: Option<DocumentId>,
        /// Oura's local day on which it begins.
        pub start_day: Day,
        /// The day on which it ends, if it covers several.
        pub end_day: Option<Day>,
        /// Time of its beginning, at times without an offset.
        pub start_time: Option<Moment>,
        /// Time of its end.
        pub end_time: Option<Moment>,
        /// A code such as `tag_generic_nap`.
        pub tag_type_code: Option<String>,
    }

    /// `PublicRestModePeriod`.
    #[derive(Clone)]
    pub struct RestModePeriod {
        /// Oura's id; the oldest documents have none.
        pub id: Option<DocumentId>,
        /// Oura's local day on which it begins.
        pub start_day: Day,
        /// The day on which it ends; null while it lasts.
        pub end_day: Option<Day>,
        /// Time of its beginning, often in UTC.
        pub start_time: Option<Moment>,
        /// Time of its end.
        pub end_time: Option<Moment>,
        /// Episodes in it.
        pub episodes: Option<Vec<RestModeEpisode>>,
    }

    /// `PublicRestModeEpisode`.
    #[derive(Clone)]
    pub struct RestModeEpisode {
        /// Codes such as `tag_generic_cold`.
        pub tags: Option<Vec<String>>,
        /// Time.
        pub timestamp: Option<Moment>,
    }

    /// `PublicRingConfiguration`: a ring of the patient, present or past.
    #[derive(Clone)]
    pub struct RingConfiguration {
        /// Oura's id; the oldest documents have none.
        pub id: Option<DocumentId>,
        /// `silver`, `stealth_black`, ...
        pub color: Option<String>,
        /// `heritage`, `horizon`, ...
        pub design: Option<String>,
        /// Such as `3.0.3`.
        pub firmware_version: Option<String>,
        /// `gen3`, `gen4`, ...
        pub hardware_type: Option<String>,
        /// Time of its set-up (UTC); the epoch where Oura does not know. The latest is the current ring.
        pub set_up_at: Option<Moment>,
        /// US ring size.
        pub size: Option<Number>,
    }
}

dated_documents! {
    EnhancedTag.start_day,
    Session.day,
    Tag.day,
    Workout.day,
}

impl Document for RestModePeriod {
    fn id(&self) -> Option<&DocumentId> {
        self.id.as_ref()
    }

    fn day(&self) -> Option<Day> {
        Some(self.start_day)
    }

    /// It may begin before the range, and last until its end is known.
    fn is_in(&self, range: DayRange) -> bool {
        self.start_day <= range.last() && self.end_day.is_none_or(|last| last >= range.first())
    }
}

impl Document for RingConfiguration {
    fn id(&self) -> Option<&DocumentId> {
        self.id.as_ref()
    }

    fn day(&self) -> Option<Day> {
        None
    }
}
