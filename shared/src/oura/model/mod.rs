//! Oura's documents as they arrive (API v2, OpenAPI 1.43), read leniently.
//!
//! Only what identifies a document is required: its day, or the moment of a sample. Everything else may be null or
//! absent, fields that this project does not know are ignored, and enumerations are kept as the text that Oura sent,
//! because they grow every few months. One document that cannot be read costs only itself.
//!
//! None of these types print their values: they are health data.

mod daily;
mod documents;
mod moment;
mod number;
mod period;
mod series;
mod sleep;

pub use daily::{
    ActivityContributors, DailyActivity, DailyCardiovascularAge, DailyReadiness, DailyResilience, DailySleep,
    DailySpo2, DailyStress, ReadinessContributors, ResilienceContributors, SleepContributors, SleepTime,
    SleepTimeWindow, Spo2Percentage, Vo2Max,
};
pub use documents::{Documents, Malformed};
pub use moment::{InvalidMoment, Moment};
pub use number::Number;
pub use period::{EnhancedTag, RestModeEpisode, RestModePeriod, RingConfiguration, Session, Tag, Workout};
pub use series::{HeartRateSample, RingBatterySample, Series};
pub use sleep::{Sleep, SleepReadiness};
