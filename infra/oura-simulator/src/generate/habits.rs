//! Root of all generated data: the seed, and the day of a person's life that each date is.

use jiff::civil::Date;

use crate::people::Character;
use crate::random::Random;
use crate::time::day_number;

/// Origin of every random choice and every rhythm (weekdays, journeys, ring off). Documents follow from it and a date.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Habits {
    pub(crate) seed: u64,
    /// Days from a date to the day of life that it is; 0 follows the calendar.
    shift: i64,
}

impl Habits {
    /// The calendar's own days.
    pub(crate) fn of_calendar(seed: u64) -> Self {
        Self { seed, shift: 0 }
    }

    /// Days on which `date` is lived like `pinned`, and the others in their distance from it.
    pub(crate) fn pinned(seed: u64, date: Date, pinned: Date) -> Self {
        Self { seed, shift: day_number(pinned) - day_number(date) }
    }

    /// Number of the day of life that a date is.
    pub(crate) fn day(self, date: Date) -> i64 {
        day_number(date) + self.shift
    }

    /// The random choices for one purpose on one day of life.
    pub(crate) fn random(self, person: &Character, purpose: &str, day: i64) -> Random {
        Random::new(self.seed, &person.key, purpose, day)
    }
}
