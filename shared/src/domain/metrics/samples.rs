//! The time series: heart rate, and the ring's battery; and the rings themselves.

use jiff::Timestamp;

use super::bounds::Bounds;
use super::facts::{BEATS, COUNT, Facts, Loinc, PERCENT, SECONDS, metrics};
use crate::domain::{DataType, Moment, Number};

metrics! {
    /// Heart-rate samples of a day, summed up.
    struct HeartRate {
        /// Samples of the day.
        count: u32 = Facts::number(DataType::HeartRate, "bpm", COUNT).no_observation(),
        /// Heart rate of the day, least.
        min: Number = Facts::number(DataType::HeartRate, "bpm", BEATS),
        /// Heart rate of the day, greatest.
        max: Number = Facts::number(DataType::HeartRate, "bpm", BEATS)
            .loinc(&[Loinc { code: "8873-2", display: "Heart rate 24 hour maximum" }]),
        /// Heart rate of the day, average of the samples.
        average: Number = Facts::number(DataType::HeartRate, "bpm", BEATS),
    }

    /// Heart-rate samples of a local day. The three lists are of equal length.
    struct HeartRateRecord {
        ..summary: HeartRate,
        /// Time of the first sample.
        start: Timestamp,
        /// Time of the last sample.
        end: Timestamp,
        /// The lists hold every n-th sample, and this is n: more than 1 only on days with more than 10,000 samples.
        every_nth: u32,
        /// Time of each sample after `start`.
        seconds_from_start: Vec<Number> = Facts::measured_in(SECONDS),
        /// Heart rate.
        bpm: Vec<Number> = Facts::measured_in(BEATS),
        /// The patient's activity in Oura's word: `awake`, `rest`, `sleep`, `session`, `live`, `workout`.
        source: Vec<Option<String>>,
    }

    /// The ring's battery on a day.
    struct Ring {
        /// The ring's battery, lowest of the day.
        battery_minimum: Number = battery(),
        /// The ring's battery, last of the day.
        battery_last: Number = battery(),
        /// True if the ring was charged; null as long as Oura says nothing about charging.
        charged: Option<bool> = Facts::word(DataType::RingBatteryLevel, "charging"),
    }

    /// The ring's battery on a local day.
    struct BatteryRecord {
        ..summary: Ring,
        /// Samples of the day.
        count: u32 = Facts::measured_in(COUNT),
        /// Time of the first sample.
        start: Timestamp,
        /// Time of the last sample.
        end: Timestamp,
    }

    /// A ring of the patient, on the day (UTC) of its set-up; on 2015-01-01 where Oura knows none.
    struct RingRecord {
        /// Color, such as `silver` or `stealth_black`.
        color: Option<String>,
        /// Design, such as `heritage` or `horizon`.
        design: Option<String>,
        /// Firmware, such as `3.0.3`.
        firmware_version: Option<String>,
        /// Generation, such as `gen3` or `gen4`.
        hardware_type: Option<String>,
        /// Time of its set-up. The latest is the current ring.
        set_up_at: Option<Moment>,
        /// US ring size.
        size: Option<Number>,
    }
}

/// Bounds of a heart-rate sample.
pub const HEART_RATE_BOUNDS: Bounds = BEATS.bounds;

/// Bounds of a battery level.
pub const BATTERY_BOUNDS: Bounds = PERCENT.bounds;

const fn battery() -> Facts {
    Facts::number(DataType::RingBatteryLevel, "level", PERCENT).no_observation()
}
