//! Metric types of which a day has several documents: workouts, sessions, tags, periods of rest mode.

use super::bounds::Bounds;
use super::facts::{BEATS, COUNT, Facts, KILOCALORIES, METRES, MILLISECONDS, SECONDS, metrics};
use super::series::Series;
use crate::domain::{DataType, Day, DocumentId, Moment, Number};

metrics! {
    /// A workout.
    struct WorkoutRecord {
        /// The patient's or the app's label; else the activity, readable.
        title: Option<String>,
        /// Oura's activity, such as `walking`, `cycling` or `strength_training`.
        r#type: Option<String>,
        /// Time of its beginning.
        start: Option<Moment>,
        /// Time of its end.
        end: Option<Moment>,
        /// Time from start to end.
        duration: Option<Number> = Facts::measured_in(SECONDS).within(Bounds::at_least(0)),
        /// Energy burned.
        calories: Option<Number> = Facts::measured_in(KILOCALORIES),
        /// Distance; an estimate from steps.
        distance: Option<Number> = Facts::measured_in(METRES),
        /// Oura's word: `easy`, `moderate`, `hard` or a newer one.
        intensity: Option<String>,
        /// Source of Oura's knowledge: `manual`, `autodetected`, `confirmed`, `workout_heart_rate` or a newer word.
        source: Option<String>,
    }

    /// A workout of a day.
    struct WorkoutOfDay {
        ..workout: WorkoutRecord,
        /// Oura's id of the document.
        document_id: DocumentId,
        /// Heart rate, average of the day's samples inside it.
        average_heart_rate: Option<Number> = Facts::measured_in(BEATS),
        /// Heart rate, highest of them.
        max_heart_rate: Option<Number> = Facts::measured_in(BEATS),
    }

    /// Workouts of a day.
    struct Workouts {
        /// Workouts of the day.
        count: u32 = Facts::number(DataType::Workout, "id", COUNT).no_observation(),
        /// Time of all workouts.
        total_duration: Option<Number> =
            Facts::number(DataType::Workout, "start_datetime and end_datetime", SECONDS).within(Bounds::at_least(0)),
        /// Energy burned in all workouts.
        total_calories: Option<Number> =
            Facts::number(DataType::Workout, "calories", KILOCALORIES).within(Bounds::at_least(0)),
        /// Distance of all workouts.
        total_distance: Option<Number> =
            Facts::number(DataType::Workout, "distance", METRES).within(Bounds::at_least(0)),
        /// The workouts, earliest first.
        workouts: Vec<WorkoutOfDay>,
    }

    /// A guided or unguided session without its course.
    struct SessionSummary {
        /// Oura's type of session, such as `breathing`, `meditation` or `nap`.
        r#type: Option<String>,
        /// The patient's mood after it: `bad`, `worse`, `same`, `good`, `great` or a newer word.
        mood: Option<String>,
        /// Time of its beginning.
        start: Option<Moment>,
        /// Time of its end.
        end: Option<Moment>,
        /// Time from start to end.
        duration: Option<Number> = Facts::measured_in(SECONDS).within(Bounds::at_least(0)),
    }

    /// A guided or unguided session.
    struct SessionRecord {
        ..summary: SessionSummary,
        /// Heart rate.
        heart_rate: Option<Series> = Facts::measured_in(BEATS),
        /// Heart rate variability as RMSSD.
        hrv: Option<Series> = Facts::measured_in(MILLISECONDS),
        /// Movements.
        motion_count: Option<Series> = Facts::measured_in(COUNT),
    }

    /// A guided or unguided session of a day.
    struct SessionOfDay {
        ..summary: SessionSummary,
        /// Oura's id of the document.
        document_id: DocumentId,
        /// Heart rate, average.
        average_heart_rate: Option<Number> = Facts::measured_in(BEATS),
        /// Heart rate variability as RMSSD, average.
        average_hrv: Option<Number> = Facts::measured_in(MILLISECONDS),
    }

    /// Sessions of a day.
    struct Sessions {
        /// Sessions of the day, such as breathing.
        count: u32 = Facts::number(DataType::Session, "id", COUNT).no_observation(),
        /// The sessions, earliest first.
        sessions: Vec<SessionOfDay>,
    }

    /// A tag.
    struct TagRecord {
        /// Codes: Oura's, or `custom`. Never the patient's own words.
        codes: Vec<String>,
        /// Time of its beginning.
        start: Option<Moment>,
        /// Time of its end.
        end: Option<Moment>,
        /// Day of its end, if it covers several.
        end_day: Option<Day>,
    }

    /// A tag of a day.
    struct TagOfDay {
        /// Code: Oura's, or `custom`. Never the patient's own words. Null for a tag that is only a note.
        code: Option<String>,
        /// Time of its beginning.
        start: Option<Moment>,
        /// Time of its end.
        end: Option<Moment>,
    }

    /// Tags of a day.
    struct Tags {
        /// Tags that the patient set.
        count: u32 = Facts::number(DataType::EnhancedTag, "tag_type_code", COUNT).no_observation(),
        /// The tags, earliest first.
        tags: Vec<TagOfDay>,
    }

    /// Bounds of a period of rest mode.
    struct RestModePeriod {
        /// Day of its beginning.
        start_day: Day,
        /// Day of its end; null while it lasts.
        end_day: Option<Day>,
        /// Time of its beginning.
        start: Option<Moment>,
        /// Time of its end.
        end: Option<Moment>,
    }

    /// An episode of rest mode.
    struct RestModeEpisode {
        /// Codes of tags: Oura's, or `custom`. Never the patient's own words.
        codes: Vec<String>,
        /// Time of it.
        start: Option<Moment>,
    }

    /// A period of rest mode.
    struct RestModeRecord {
        ..period: RestModePeriod,
        /// Episodes in it.
        episodes: Vec<RestModeEpisode>,
    }

    /// A period of rest mode of a day.
    struct RestModeOfDay {
        ..period: RestModePeriod,
        /// Oura's id of the document.
        document_id: DocumentId,
    }

    /// Periods of rest mode that begin on the day.
    struct RestMode {
        /// Periods of rest mode that begin on the day.
        count: u32 = Facts::number(DataType::RestModePeriod, "id", COUNT).no_observation(),
        /// The periods, earliest first.
        periods: Vec<RestModeOfDay>,
    }
}
