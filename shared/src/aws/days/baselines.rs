//! Updates the baselines of daily stats when days are added or changed.
//!
//! They are written after the days that they follow from, never together with them: a late day changes the baselines of up
//! to thirty later ones. A write requires that its day is unchanged and has no newer baselines, so that of several workers
//! the one with the newest data wins.

use std::collections::{BTreeMap, BTreeSet};

use futures::stream::{self, StreamExt, TryStreamExt};

use super::store::Days;
use crate::aws::error::StoreError;
use crate::aws::table::{Key, equals, less, missing};
use crate::domain::{Before, DailyStats, Day, DayBaselines, DayRange, LONGEST_WINDOW, PatientId, baselines};

/// Concurrent writes.
const WRITE_CONCURRENCY: usize = 8;

/// Retries of an update during which a day changed.
const MAX_CONFLICT_RETRIES: usize = 5;

impl Days {
    /// Updates the baselines after days have changed: of the days themselves, if they have none yet, and of the thirty days
    /// after each. Costs one read if there is nothing to do, and may be repeated.
    ///
    /// Returns the stats of the first changed day and of all later days that it read.
    ///
    /// # Errors
    /// [`StoreError`]; earlier writes stay.
    pub async fn update_baselines(
        &self,
        patient: &PatientId,
        changed: &BTreeSet<Day>,
    ) -> Result<Vec<DailyStats>, StoreError> {
        let (Some(first), Some(last)) = (changed.first().copied(), changed.last().copied()) else {
            return Ok(Vec::new());
        };
        let later = DayRange::ending(last.plus(LONGEST_WINDOW), last.days_since(first) + LONGEST_WINDOW + 1);
        for _ in 0..MAX_CONFLICT_RETRIES {
            let stats = self.stats(patient, later).await?;
            let affected: Vec<&DailyStats> = stats.iter().filter(|stats| is_affected(stats, changed)).collect();
            let Some(oldest) = affected.first() else { return Ok(stats) };
            let window = oldest.day.plus(-LONGEST_WINDOW);
            let before = match DayRange::new(window, first.plus(-1)) {
                Ok(days) => self.stats(patient, days).await?,
                Err(_nothing_lies_before) => Vec::new(),
            };
            let stored: BTreeMap<Day, Before<'_>> = before
                .iter()
                .chain(&stats)
                .map(|stats| (stats.day, Before { metrics: &stats.metrics, revision: stats.revision }))
                .collect();
            let due = affected.iter().filter_map(|stats| {
                let of_day = baselines(stats.day, &stored);
                let is_newer = stats.baselines.as_ref().is_none_or(|known| known.basis < of_day.basis);
                is_newer.then_some((stats.day, stats.revision, of_day))
            });
            let due: Vec<(Day, u64, DayBaselines)> = due.collect();
            let writes = stream::iter(due).map(|(day, revision, of_day)| self.put(patient, day, revision, of_day));
            let written: Vec<bool> = writes.buffer_unordered(WRITE_CONCURRENCY).try_collect().await?;
            if written.into_iter().all(|written| written) {
                return Ok(stats);
            }
        }
        Err(StoreError::Unavailable { action: ACTION, code: "Raced".to_owned() })
    }

    /// Writes a day's baselines, unless the day has changed since or has newer ones. `false` if not written.
    async fn put(
        &self,
        patient: &PatientId,
        day: Day,
        revision: u64,
        of_day: DayBaselines,
    ) -> Result<bool, StoreError> {
        let is_older = missing("baselinesBasis").or(less("baselinesBasis", of_day.basis));
        let update = self
            .daily_stats
            .update(&Key::DailyStats(patient, day))
            .set("baselines", &of_day.values)
            .set("baselinesBasis", of_day.basis)
            .when(equals("revision", revision).and(is_older));
        Ok(update.send(ACTION).await?.is_written())
    }
}

const ACTION: &str = "write the baselines of a day";

fn is_affected(stats: &DailyStats, changed: &BTreeSet<Day>) -> bool {
    let follows = changed.range(stats.day.plus(-LONGEST_WINDOW)..stats.day).next().is_some();
    follows || (stats.baselines.is_none() && changed.contains(&stats.day))
}
