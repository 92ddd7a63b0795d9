//! Documents and rows of all people. Days are generated on request; the days used last are cached.

use std::num::NonZeroUsize;
use std::sync::Arc;

use jiff::civil::Date;

use crate::collection::Collection;
use crate::document::Document;
use crate::people::Character;
use crate::time::{Zone, day_number, plus};

use super::cache::Cache;
use super::day::{DayDocuments, rings, sleeps};
use super::habits::Habits;
use super::heart_rate::{self, HeartRateSample};
use super::plan::{Plan, activity_start};
use super::row::Row;
use super::sleep::Sleep;
use super::{activities, activity, battery};

/// Number of edits of the night of each day.
pub(crate) type Edits<'a> = &'a dyn Fn(Date) -> u32;

/// Days in each cache: those of some hundred people that are synced at once, or one person's years. A day takes about
/// 6 kB in each cache.
const CACHED_DAYS: NonZeroUsize = NonZeroUsize::new(2048).unwrap();
/// Days of heart rate in its cache, which take twice as much.
const CACHED_HEART_RATE_DAYS: NonZeroUsize = NonZeroUsize::new(512).unwrap();

/// Documents of a day that are generated together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Part {
    /// Sleeps and their scores, which a late edit of the night changes.
    Night,
    /// The other daily documents.
    Daily,
    /// Workouts, sessions, tags.
    Activities,
}

impl Part {
    fn with(collection: Collection) -> Self {
        match collection {
            Collection::Sleep | Collection::DailySleep | Collection::DailyReadiness => Self::Night,
            Collection::Workout | Collection::Session | Collection::Tag | Collection::EnhancedTag => Self::Activities,
            _ => Self::Daily,
        }
    }
}

/// Generates the data of all people.
pub(crate) struct Generator {
    habits: Habits,
    days: Cache<(usize, Date, Part, u32), Vec<Document>>,
    activity: Cache<(usize, Date), Option<Document>>,
    heart_rate: Cache<(usize, Date, u32, u32), Vec<HeartRateSample>>,
}

/// Moment of the last background sync of activity and heart rate: every quarter of an hour, with some delay.
fn last_background_sync(now: i64) -> i64 {
    (now - 300) - (now - 300).rem_euclid(900)
}

impl Generator {
    pub(crate) fn new(habits: Habits) -> Self {
        Self {
            habits,
            days: Cache::of(CACHED_DAYS),
            activity: Cache::of(CACHED_DAYS),
            heart_rate: Cache::of(CACHED_HEART_RATE_DAYS),
        }
    }

    pub(crate) fn seed(&self) -> u64 {
        self.habits.seed
    }

    /// Zone in which the person wakes up on a date.
    pub(crate) fn zone(&self, person: &Character, date: Date) -> Zone {
        person.zone(self.habits.day(date))
    }

    /// The documents of a collection whose day is in [first, last] and that Oura has at `now`, oldest first.
    pub(crate) fn documents(
        &self,
        person: &Character,
        collection: Collection,
        (first, last): (Date, Date),
        edits: Edits<'_>,
        now: i64,
    ) -> Vec<Document> {
        let mut found = Vec::new();
        if collection == Collection::RingConfiguration {
            found = rings(person);
        } else {
            let mut date = first;
            while date <= last {
                match collection {
                    Collection::DailyActivity => found.extend(self.activity(person, date, now)),
                    Collection::RestModePeriod => found.extend(self.rest_mode(person, date, now)),
                    _ => {
                        let day = self.day(person, date, Part::with(collection), edits(date));
                        found.extend(day.iter().filter(|document| document.collection == collection).cloned());
                    }
                }
                let Ok(next) = date.tomorrow() else { break };
                date = next;
            }
        }
        found.retain(|document| document.available_from <= now);
        found
    }

    /// The document of an id, searched from the newest day backwards.
    pub(crate) fn find(
        &self,
        person: &Character,
        collection: Collection,
        id: &str,
        (first, last): (Date, Date),
        edits: Edits<'_>,
        now: i64,
    ) -> Option<Document> {
        let mut date = last;
        while date >= first && collection != Collection::RingConfiguration {
            let number = day_number(date);
            // No day has more documents of one collection.
            if (0..8).any(|n| person.document_id(collection.path(), number, n) == id) {
                break;
            }
            date = date.yesterday().ok()?;
        }
        self.documents(person, collection, (date, date), edits, now).into_iter().find(|document| document.id == id)
    }

    /// The rows of a time series in [start, end), in seconds since the epoch, that Oura has at `now`, oldest first.
    pub(crate) fn rows(
        &self,
        person: &Character,
        collection: Collection,
        (start, end): (i64, i64),
        edits: Edits<'_>,
        now: i64,
    ) -> Vec<Row> {
        let end = end.min(last_background_sync(now));
        let utc = Zone::utc();
        let (mut date, last) = (plus(utc.civil(start).date(), -1), plus(utc.civil(end).date(), 1));
        let mut rows = Vec::new();
        while date <= last && start < end {
            if collection == Collection::HeartRate {
                rows.extend(self.heart_rate(person, date, edits).iter().copied().map(Row::HeartRate));
            } else {
                let (plan, next) = (self.plan(person, date, 0), self.plan(person, plus(date, 1), 0));
                rows.extend(battery::levels(person, &plan, local_midnight(&next)).into_iter().map(Row::Battery));
            }
            date = plus(date, 1);
        }
        rows.retain(|row| (start..end).contains(&row.at()));
        rows.sort_by_key(Row::at);
        rows
    }

    /// The ids of the documents that a late edit of a night changes.
    pub(crate) fn changed_by_edit(&self, person: &Character, date: Date) -> Vec<(Collection, String)> {
        let collections = [Collection::Sleep, Collection::DailySleep, Collection::DailyReadiness];
        let number = day_number(date);
        let exists = self.plan(person, date, 0).night.is_some();
        let id = |collection: Collection| person.document_id(collection.path(), number, 0);
        collections.into_iter().filter(|_| exists).map(|collection| (collection, id(collection))).collect()
    }

    fn plan(&self, person: &Character, date: Date, edits: u32) -> Plan {
        Plan::of(person, self.habits, date, edits)
    }

    fn activity(&self, person: &Character, date: Date, now: i64) -> Option<Document> {
        if !person.wears {
            return None;
        }
        let elapsed = (last_background_sync(now) - activity_start(&self.zone(person, date), date)) / 60;
        match elapsed {
            ..=0 => None,
            1440.. => {
                let whole_day = || self.activity_until(person, date, 1440);
                Option::clone(&self.activity.get((person.nth, date), whole_day))
            }
            _ => self.activity_until(person, date, elapsed),
        }
    }

    /// The activity of the day's first minutes.
    fn activity_until(&self, person: &Character, date: Date, elapsed: i64) -> Option<Document> {
        let plan = self.plan(person, date, 0);
        // Of a day on which the ring was off there is sometimes an empty document and sometimes none.
        if plan.unworn && plan.day % 2 == 0 {
            return None;
        }
        let next = self.plan(person, plus(date, 1), 0);
        let value = activity::document(person, self.habits, &plan, &next, elapsed);
        let day = DayDocuments::new(person, self.habits, &plan);
        Some(day.document(Collection::DailyActivity, 0, plan.activity_start(), value))
    }

    fn rest_mode(&self, person: &Character, date: Date, now: i64) -> Option<Document> {
        let plan = self.plan(person, date, 0);
        let (available_from, value) = activities::rest_mode(person, &plan, now)?;
        let day = DayDocuments::new(person, self.habits, &plan);
        Some(day.document(Collection::RestModePeriod, 0, available_from, value))
    }

    fn heart_rate(&self, person: &Character, date: Date, edits: Edits<'_>) -> Arc<Vec<HeartRateSample>> {
        let tomorrow = plus(date, 1);
        let (today_edits, tomorrow_edits) = (edits(date), edits(tomorrow));
        self.heart_rate.get((person.nth, date, today_edits, tomorrow_edits), || {
            let (plan, next) = (self.plan(person, date, today_edits), self.plan(person, tomorrow, tomorrow_edits));
            let (today, later) = (sleeps(person, self.habits, &plan), sleeps(person, self.habits, &next));
            let sleeps = today.0.iter().chain(&today.1).chain(&later.0).chain(&later.1);
            let sleeps: Vec<&Sleep> = sleeps.filter(|sleep| !sleep.heart_rate.is_empty()).collect();
            heart_rate::samples(person, self.habits, &plan, local_midnight(&next), &sleeps)
        })
    }

    /// A part of a day's documents, of those that do not change with the clock.
    fn day(&self, person: &Character, date: Date, part: Part, edits: u32) -> Arc<Vec<Document>> {
        // An edit of the night changes its sleep and scores; the measurements of the day stay.
        let edits = if part == Part::Night { edits } else { 0 };
        self.days.get((person.nth, date, part, edits), || {
            let plan = self.plan(person, date, edits);
            let mut day = DayDocuments::new(person, self.habits, &plan);
            match part {
                _ if !person.wears => {}
                Part::Night => day.add_sleep(edits),
                Part::Daily => day.add_daily(),
                Part::Activities => day.add_activities(),
            }
            day.documents
        })
    }
}

fn local_midnight(plan: &Plan) -> i64 {
    plan.zone.moment(plan.date.at(0, 0, 0, 0))
}

#[cfg(test)]
#[path = "generator_tests.rs"]
mod tests;
