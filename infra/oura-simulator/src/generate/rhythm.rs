//! Rhythms of a person's life that are counted in days.

use crate::people::Character;

/// True if the ring is off on this day of life.
pub(crate) fn is_unworn(person: &Character, day: i64) -> bool {
    !person.wears || person.unworn_every.is_some_and(|every| day.rem_euclid(every) == 4)
}

/// Number of the day (0 to 3) within a rest mode period; `None` if rest mode is off.
pub(crate) fn rest_mode_day(person: &Character, day: i64) -> Option<i64> {
    let phase = day.rem_euclid(person.rest_mode_every?);
    (10..14).contains(&phase).then_some(phase - 10)
}
