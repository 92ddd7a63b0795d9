//! Identity of nightly runs, and the outcome of each patient.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Day, InvalidDay, PatientId, SyncId, derived_uuid};

/// A nightly run, identified by its due day (UTC). All ids of a run are derived from it, so a run that starts twice does
/// nothing twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NightlyRun(Day);

/// Outcome of a patient in a nightly run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NightlyOutcome {
    /// All data has arrived.
    Done,
    /// No data is available: the connection has ended, or Oura gives no data of this patient.
    Skipped,
    /// It was abandoned; the next nightly run looks further back.
    Failed,
}

const NIGHTLY: &str = "nightly-";

impl NightlyRun {
    /// Run of this day.
    #[must_use]
    pub fn of(day: Day) -> Self {
        Self(day)
    }

    /// Run that is due at this moment, however late it starts.
    #[must_use]
    pub fn due_at(at: Timestamp) -> Self {
        Self(Day::of_utc(at))
    }

    /// Its day.
    #[must_use]
    pub fn day(self) -> Day {
        self.0
    }

    /// Id of its syncs, the same for every patient.
    #[must_use]
    pub fn sync_id(self) -> SyncId {
        derived_sync(&format!("{NIGHTLY}{}", self.0))
    }

    /// Run of a sync; `None` if the sync is of none.
    #[must_use]
    pub fn of_sync(sync: &SyncId) -> Option<Self> {
        sync.as_str().strip_prefix(NIGHTLY)?.parse().ok().map(Self)
    }

    /// Name of the patient in the items of this run, which hold no patient id.
    #[must_use]
    pub fn alias(self, patient: &PatientId) -> String {
        derived_uuid(&["night", &self.0.to_string(), patient.as_str()]).to_string()
    }
}

/// Id of the syncs of a catch-up at this moment: one an hour at most.
#[must_use]
pub fn catch_up_sync(at: Timestamp) -> SyncId {
    derived_sync(&at.strftime("catchup-%Y-%m-%dT%H").to_string())
}

#[expect(clippy::expect_used, reason = "letters, digits and dashes only")]
fn derived_sync(text: &str) -> SyncId {
    SyncId::parse(text).expect("a date is a sync id")
}

impl NightlyOutcome {
    /// Every outcome.
    pub const ALL: [Self; 3] = [Self::Done, Self::Skipped, Self::Failed];

    /// Stored text.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Skipped => "skipped",
            Self::Failed => "failed",
        }
    }
}

impl FromStr for NightlyOutcome {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|outcome| outcome.as_str() == text).ok_or(())
    }
}

impl fmt::Display for NightlyRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for NightlyRun {
    type Err = InvalidDay;
    fn from_str(text: &str) -> Result<Self, InvalidDay> {
        text.parse().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nightly_run_is_read_only_from_its_own_sync_ids() {
        let night = NightlyRun::due_at("2026-03-19T03:00:00Z".parse().unwrap());
        assert_eq!(NightlyRun::due_at("2026-03-19T23:59:59Z".parse().unwrap()), night, "however late");
        assert_eq!(night.sync_id().as_str(), "nightly-2026-03-19");
        assert_eq!(NightlyRun::of_sync(&night.sync_id()), Some(night));
        for other in ["manual-2026-03-19", "nightly-", "nightly-2026-13-01", "catchup-2026-03-19T12"] {
            assert_eq!(NightlyRun::of_sync(&other.parse().unwrap()), None, "{other}");
        }
        assert_eq!(catch_up_sync("2026-03-19T12:59:00Z".parse().unwrap()).as_str(), "catchup-2026-03-19T12");
    }

    #[test]
    fn alias_differs_by_patient_and_run_and_holds_no_patient_id() {
        let (ada, night) = ("ada".parse().unwrap(), NightlyRun::of("2026-03-19".parse().unwrap()));
        let other = NightlyRun::of("2026-03-20".parse().unwrap());
        assert_ne!(night.alias(&ada), other.alias(&ada));
        assert_ne!(night.alias(&ada), night.alias(&"bruno".parse().unwrap()));
        assert!(!night.alias(&ada).contains("ada"));
    }
}
