//! Local days of moments that Oura gives in UTC only.

use jiff::Timestamp;
use jiff::civil::time;
use jiff::tz::Offset;

use crate::domain::metrics::{SessionSummary, SleepMeasures};
use crate::domain::{Day, Moment, Record, RecordMetrics};
use crate::oura::model::Documents;

/// The patient's offset from UTC over time, as far as documents show it. Oura gives heart rate and battery in UTC only,
/// and a patient has no fixed zone: the offset of the document nearest in time holds, and UTC where there is none.
///
/// Trusted are the bedtimes of sleep periods, the start of the activity day, and workouts, sessions and tags, except
/// where those say `+00:00`: Oura stamps some of them in UTC wherever the patient is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DayOffsets {
    /// Sorted by instant, one per instant.
    known: Vec<(Timestamp, Offset)>,
}

impl DayOffsets {
    /// Offsets of these documents; data types without offsets may be among them.
    #[must_use]
    pub fn of_documents<'a>(documents: impl IntoIterator<Item = &'a Documents>) -> Self {
        let mut known = Vec::new();
        for documents in documents {
            match documents {
                Documents::Sleep(all) => known.extend(
                    all.iter().flat_map(|of| [&of.bedtime_start, &of.bedtime_end]).flatten().filter_map(always),
                ),
                Documents::DailyActivity(all) => {
                    known.extend(all.iter().filter_map(|of| of.timestamp.as_ref()).filter_map(day_start));
                }
                Documents::Workout(all) => {
                    known.extend(
                        all.iter()
                            .flat_map(|of| [&of.start_datetime, &of.end_datetime])
                            .flatten()
                            .filter_map(unless_utc),
                    );
                }
                Documents::Session(all) => {
                    known.extend(
                        all.iter()
                            .flat_map(|of| [&of.start_datetime, &of.end_datetime])
                            .flatten()
                            .filter_map(unless_utc),
                    );
                }
                Documents::EnhancedTag(all) => {
                    known.extend(
                        all.iter().flat_map(|of| [&of.start_time, &of.end_time]).flatten().filter_map(unless_utc),
                    );
                }
                _ => {}
            }
        }
        Self::new(known)
    }

    /// Offsets of these records: the same as of their documents.
    #[must_use]
    pub fn of_records<'a>(records: impl IntoIterator<Item = &'a Record>) -> Self {
        let mut known = Vec::new();
        for record in records {
            match &record.metrics {
                Some(RecordMetrics::Sleep(of)) => {
                    let SleepMeasures { bedtime_start, bedtime_end, .. } = &of.measures;
                    known.extend([bedtime_start, bedtime_end].into_iter().flatten().filter_map(always));
                }
                Some(RecordMetrics::DailyActivity(of)) => {
                    known.extend(of.day_start.as_ref().and_then(day_start));
                }
                Some(RecordMetrics::Workout(of)) => {
                    known.extend([&of.start, &of.end].into_iter().flatten().filter_map(unless_utc));
                }
                Some(RecordMetrics::Session(of)) => {
                    let SessionSummary { start, end, .. } = &of.summary;
                    known.extend([start, end].into_iter().flatten().filter_map(unless_utc));
                }
                Some(RecordMetrics::EnhancedTag(of)) => {
                    known.extend([&of.start, &of.end].into_iter().flatten().filter_map(unless_utc));
                }
                _ => {}
            }
        }
        Self::new(known)
    }

    /// Offsets of both; where they differ about the same instant, `fresher` holds.
    #[must_use]
    pub fn merged_with(mut self, fresher: Self) -> Self {
        self.known.retain(|(at, _)| fresher.known.binary_search_by_key(at, |(at, _)| *at).is_err());
        self.known.extend(fresher.known);
        Self::new(self.known)
    }

    /// True if no offset is known, so that every moment is taken in UTC.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// The offset at that moment.
    #[must_use]
    pub fn at(&self, moment: Timestamp) -> Offset {
        let next = self.known.partition_point(|(at, _)| *at < moment);
        let before = next.checked_sub(1).and_then(|place| self.known.get(place));
        let nearest = match (before, self.known.get(next)) {
            (Some(before), Some(after)) => {
                let closer = moment.duration_since(before.0) <= after.0.duration_since(moment);
                Some(if closer { before } else { after })
            }
            (before, after) => before.or(after),
        };
        nearest.map_or(Offset::UTC, |(_, offset)| *offset)
    }

    /// The patient's local day at that moment.
    #[must_use]
    pub fn day_of(&self, moment: Timestamp) -> Day {
        Day::from(self.at(moment).to_datetime(moment).date())
    }

    fn new(mut known: Vec<(Timestamp, Offset)>) -> Self {
        // By offset too, so that the order of the documents does not matter.
        known.sort_by_key(|(at, offset)| (*at, offset.seconds()));
        known.dedup_by_key(|(at, _)| *at);
        Self { known }
    }
}

fn always(moment: &Moment) -> Option<(Timestamp, Offset)> {
    Some((moment.instant()?, moment.offset()?))
}

fn unless_utc(moment: &Moment) -> Option<(Timestamp, Offset)> {
    always(moment).filter(|(_, offset)| *offset != Offset::UTC)
}

/// An activity day begins at 04:00 local time: `04:00+00:00` is true, another clock time at `+00:00` is not.
fn day_start(moment: &Moment) -> Option<(Timestamp, Offset)> {
    if moment.local().time() == time(4, 0, 0, 0) { always(moment) } else { unless_utc(moment) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(moments: &[&str], by: fn(&Moment) -> Option<(Timestamp, Offset)>) -> DayOffsets {
        DayOffsets::new(moments.iter().filter_map(|text| by(&text.parse().unwrap())).collect())
    }

    #[test]
    fn offset_is_the_nearest_one_and_utc_without_any() {
        let offsets = known(&["2031-05-05T08:00:00+02:00", "2031-05-06T08:00:00-05:00"], always);
        let hours = |at: &str| offsets.at(at.parse().unwrap()).seconds() / 3600;
        assert_eq!((hours("2030-01-01T00:00:00Z"), hours("2031-05-05T06:00:00Z")), (2, 2));
        assert_eq!(
            (hours("2031-05-05T21:00:00Z"), hours("2031-05-05T22:00:00Z"), hours("2032-01-01T00:00:00Z")),
            (2, -5, -5)
        );
        assert_eq!(DayOffsets::default().at("2031-05-05T21:00:00Z".parse().unwrap()), Offset::UTC);
    }

    #[test]
    fn offset_of_utc_counts_only_where_it_can_be_true() {
        assert!(known(&["2031-05-05T17:00:00+00:00", "2031-05-05T17:00:00"], unless_utc).is_empty());
        assert!(known(&["2031-05-05T02:00:00+00:00"], day_start).is_empty());
        assert!(!known(&["2031-05-05T04:00:00+00:00"], day_start).is_empty());
        assert!(!known(&["2031-05-05T00:30:00+00:00"], always).is_empty());
    }

    #[test]
    fn offset_of_fresher_documents_wins_for_the_same_instant() {
        let (old, new) = (known(&["2031-05-05T08:00:00+02:00"], always), known(&["2031-05-05T07:00:00+01:00"], always));
        let both = old.clone().merged_with(new.clone());
        assert_eq!((both, new.merged_with(old.clone())), (known(&["2031-05-05T07:00:00+01:00"], always), old));
    }
}
