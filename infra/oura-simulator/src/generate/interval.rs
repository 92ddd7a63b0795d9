//! A time with a start and an end.

/// A time from start (included) to end (excluded), in seconds since the epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Interval {
    pub(crate) start: i64,
    pub(crate) end: i64,
}

impl Interval {
    pub(crate) fn contains(&self, moment: i64) -> bool {
        (self.start..self.end).contains(&moment)
    }

    pub(crate) fn overlaps(&self, other: &Self) -> bool {
        self.start < other.end && other.start < self.end
    }
}

/// Time in bed of one sleep.
pub(crate) type TimeInBed = Interval;
