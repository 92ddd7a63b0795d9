//! Believable data, the same on every run: each document follows from (seed, person, day) alone. Days are made when they
//! are asked for; those asked for last are kept for the next question.

mod activity;
mod daily;
mod days;
mod happenings;
mod heart;
mod memo;
pub(crate) mod plan;
pub(crate) mod rng;
mod scores;
mod sleep;
pub(crate) mod time;

use std::sync::Arc;

use jiff::civil::{Date, DateTime};
use serde_json::Value;

use super::collection::Collection;
use super::people::Character;

use days::{Day, rings};
use happenings::Level;
use heart::Beat;
use memo::Memo;
use plan::Plan;
use rng::Rng;
use sleep::Sleep;
use time::plus;

/// A document as Oura would serve it.
#[derive(Debug, Clone)]
pub(crate) struct Doc {
    pub(crate) collection: Collection,
    pub(crate) id: String,
    /// What a range is compared with.
    pub(crate) stamp: DateTime,
    /// When it reaches the cloud, in seconds since the epoch.
    pub(crate) known: i64,
    pub(crate) json: Arc<str>,
}

/// A row of a time series; written out only when its page is.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Row {
    Beat(Beat),
    Level(Level),
}

impl Row {
    fn at(&self) -> i64 {
        match self {
            Self::Beat(beat) => beat.at,
            Self::Level(level) => level.at,
        }
    }

    pub(crate) fn json(&self) -> Value {
        match self {
            Self::Beat(beat) => beat.row(),
            Self::Level(level) => level.row(),
        }
    }
}

/// How often the night of a day was edited.
pub(crate) type Edits<'a> = &'a dyn Fn(Date) -> u32;

/// How many days are kept at least: those of some hundred people who are pulled at the same time, or one person's years.
/// A day takes about 6 kB in each memo.
const DAYS: usize = 2048;
/// The same of heart rates, which take twice as much.
const BEATS: usize = 512;

/// What of a day is made together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Part {
    /// Sleeps and their scores: what a late edit of the night changes.
    Night,
    /// The other daily documents.
    Daily,
    /// Workouts, sessions, tags.
    Happenings,
}

impl Part {
    fn with(collection: Collection) -> Self {
        match collection {
            Collection::Sleep | Collection::DailySleep | Collection::DailyReadiness => Self::Night,
            Collection::Workout | Collection::Session | Collection::Tag | Collection::EnhancedTag => Self::Happenings,
            _ => Self::Daily,
        }
    }
}

/// Makes the data of everybody.
pub(crate) struct Generator {
    pub(crate) seed: u64,
    days: Memo<(usize, Date, Part, u32), Vec<Doc>>,
    activity: Memo<(usize, Date), Option<Doc>>,
    beats: Memo<(usize, Date, u32, u32), Vec<Beat>>,
}

/// When the background sync last brought activity and heart rate: every quarter of an hour, with some delay.
fn last_sync(now: i64) -> i64 {
    (now - 300) - (now - 300).rem_euclid(900)
}

impl Generator {
    pub(crate) fn new(seed: u64) -> Self {
        Self { seed, days: Memo::of(DAYS), activity: Memo::of(DAYS), beats: Memo::of(BEATS) }
    }

    /// The documents of a collection whose day lies in [first, last] and that the cloud has at `now`, oldest first.
    pub(crate) fn documents(
        &self,
        who: &Character,
        collection: Collection,
        (first, last): (Date, Date),
        edits: Edits<'_>,
        now: i64,
    ) -> Vec<Doc> {
        let mut found = Vec::new();
        if collection == Collection::RingConfiguration {
            found = rings(who);
        } else {
            let mut date = first;
            while date <= last {
                match collection {
                    Collection::DailyActivity => found.extend(self.activity(who, date, now)),
                    Collection::RestModePeriod => found.extend(self.rest_mode(who, date, now)),
                    _ => {
                        let day = self.day(who, date, Part::with(collection), edits(date));
                        found.extend(day.iter().filter(|doc| doc.collection == collection).cloned());
                    }
                }
                let Ok(next) = date.tomorrow() else { break };
                date = next;
            }
        }
        found.retain(|doc| doc.known <= now);
        found
    }

    /// The document of this id, looked for from the newest day backwards.
    pub(crate) fn find(
        &self,
        who: &Character,
        collection: Collection,
        id: &str,
        (first, last): (Date, Date),
        edits: Edits<'_>,
        now: i64,
    ) -> Option<Doc> {
        let mut date = last;
        while date >= first && collection != Collection::RingConfiguration {
            let number = time::number(date);
            // More documents of one kind than this no day holds.
            if (0..8).any(|n| who.document_id(collection.path(), number, n) == id) {
                break;
            }
            date = date.yesterday().ok()?;
        }
        self.documents(who, collection, (date, date), edits, now).into_iter().find(|doc| doc.id == id)
    }

    /// The rows of a time series in [start, end), seconds since the epoch, that the cloud has at `now`, oldest first.
    pub(crate) fn rows(
        &self,
        who: &Character,
        collection: Collection,
        (start, end): (i64, i64),
        edits: Edits<'_>,
        now: i64,
    ) -> Vec<Row> {
        let end = end.min(last_sync(now));
        let utc = time::Zone::utc();
        let (mut date, last) = (plus(utc.civil(start).date(), -1), plus(utc.civil(end).date(), 1));
        let mut rows = Vec::new();
        while date <= last && start < end {
            if collection == Collection::HeartRate {
                rows.extend(self.beats(who, date, edits).iter().copied().map(Row::Beat));
            } else {
                let (plan, next) = (self.plan(who, date, 0), self.plan(who, plus(date, 1), 0));
                let levels = happenings::battery(who, &plan, next.zone.moment(next.date.at(0, 0, 0, 0)));
                rows.extend(levels.into_iter().map(Row::Level));
            }
            date = plus(date, 1);
        }
        rows.retain(|row| (start..end).contains(&row.at()));
        rows.sort_by_key(Row::at);
        rows
    }

    /// The ids of the documents that a late edit of a night touches.
    pub(crate) fn touched_by_edit(&self, who: &Character, date: Date) -> Vec<(Collection, String)> {
        let kinds = [Collection::Sleep, Collection::DailySleep, Collection::DailyReadiness];
        let number = time::number(date);
        let exists = self.plan(who, date, 0).night.is_some();
        kinds.into_iter().filter(|_| exists).map(|kind| (kind, who.document_id(kind.path(), number, 0))).collect()
    }

    fn plan(&self, who: &Character, date: Date, edits: u32) -> Plan {
        Plan::of(who, self.seed, date, edits)
    }

    fn rng(&self, who: &Character, purpose: &str, plan: &Plan) -> Rng {
        Rng::new(self.seed, &who.key, purpose, plan.number)
    }

    /// The day's sleeps: the night first, then naps and fragments.
    fn sleeps(&self, who: &Character, plan: &Plan) -> (Option<Sleep>, Vec<Sleep>) {
        let night = plan.night.map(|bed| Sleep::measured(who, &mut self.rng(who, "night", plan), bed, plan.strain));
        let nap = |(n, nap): (usize, &plan::Nap)| {
            let mut rng = self.rng(who, &format!("nap {n}"), plan);
            if nap.bed.end - nap.bed.start < 1200 {
                Sleep::fragment(who, &mut rng, nap.bed)
            } else {
                Sleep::measured(who, &mut rng, nap.bed, plan.strain)
            }
        };
        (night, plan.naps.iter().enumerate().map(nap).collect())
    }

    fn activity(&self, who: &Character, date: Date, now: i64) -> Option<Doc> {
        if !who.wears {
            return None;
        }
        let elapsed = (last_sync(now) - plan::activity_start(&who.zone(time::number(date)), date)) / 60;
        match elapsed {
            ..=0 => None,
            1440.. => Option::clone(&self.activity.get((who.nth, date), || self.activity_until(who, date, 1440))),
            _ => self.activity_until(who, date, elapsed),
        }
    }

    /// The activity of the day's first minutes.
    fn activity_until(&self, who: &Character, date: Date, elapsed: i64) -> Option<Doc> {
        let plan = self.plan(who, date, 0);
        // Of a day on which the ring was off there is sometimes an empty document and sometimes none.
        if plan.unworn && plan.number % 2 == 0 {
            return None;
        }
        let next = self.plan(who, plus(date, 1), 0);
        let value = activity::document(who, self.seed, &plan, &next, elapsed);
        Some(Day::new(who, &plan).made(Collection::DailyActivity, 0, plan.activity_start(), value))
    }

    fn rest_mode(&self, who: &Character, date: Date, now: i64) -> Option<Doc> {
        let plan = self.plan(who, date, 0);
        let (known, value) = happenings::rest_mode(who, &plan, now)?;
        Some(Day::new(who, &plan).made(Collection::RestModePeriod, 0, known, value))
    }

    fn beats(&self, who: &Character, date: Date, edits: Edits<'_>) -> Arc<Vec<Beat>> {
        let tomorrow = plus(date, 1);
        let (today_edits, tomorrow_edits) = (edits(date), edits(tomorrow));
        self.beats.get((who.nth, date, today_edits, tomorrow_edits), || {
            let (plan, next) = (self.plan(who, date, today_edits), self.plan(who, tomorrow, tomorrow_edits));
            let (today, later) = (self.sleeps(who, &plan), self.sleeps(who, &next));
            let sleeps = today.0.iter().chain(&today.1).chain(&later.0).chain(&later.1);
            let sleeps: Vec<&Sleep> = sleeps.filter(|sleep| !sleep.heart_rate.is_empty()).collect();
            heart::samples(who, self.seed, &plan, next.zone.moment(next.date.at(0, 0, 0, 0)), &sleeps)
        })
    }

    /// A part of a day's documents; of those that do not change with the clock.
    fn day(&self, who: &Character, date: Date, part: Part, edits: u32) -> Arc<Vec<Doc>> {
        // An edit of the night moves its sleep and scores; what the day measured stays.
        let edits = if part == Part::Night { edits } else { 0 };
        self.days.get((who.nth, date, part, edits), || {
            let plan = self.plan(who, date, edits);
            let mut day = Day::new(who, &plan);
            match part {
                _ if !who.wears => {}
                Part::Night => self.add_sleep(&mut day, edits),
                Part::Daily => self.add_daily(&mut day),
                Part::Happenings => self.add_happenings(&mut day),
            }
            day.docs
        })
    }
}

#[cfg(test)]
mod tests;
