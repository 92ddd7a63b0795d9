//! Keeps the baselines on the days' stats true while days come and change.
//!
//! They are written after the days that they follow from, never together with them: a day that comes late changes those of
//! up to thirty later ones. A write counts only while its day is as it was read and holds no newer baselines, so that of
//! several workers the one that saw most wins.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use futures::stream::{self, StreamExt, TryStreamExt};

use super::super::StoreError;
use super::super::item::{json, n, s};
use super::Days;
use crate::domain::{Before, DailyStats, Day, DayBaselines, DayRange, LONGEST_WINDOW, PatientId, baselines};

/// Days written at once.
const WRITES_AT_ONCE: usize = 8;

/// How often everything is read again because a day changed meanwhile.
const RACES: usize = 5;

impl Days {
    /// Brings the baselines in step with days that have changed: those of the days themselves, if they have none yet, and
    /// of the thirty days after each. Costs one read where there is nothing to do, and is harmless to repeat.
    ///
    /// Gives the stats of the first changed day and all later ones that it read.
    ///
    /// # Errors
    /// [`StoreError`]; what was written until then stays.
    pub async fn update_baselines(
        &self,
        patient: &PatientId,
        changed: &BTreeSet<Day>,
    ) -> Result<Vec<DailyStats>, StoreError> {
        let (Some(first), Some(last)) = (changed.first().copied(), changed.last().copied()) else {
            return Ok(Vec::new());
        };
        let later = DayRange::ending(last.plus(LONGEST_WINDOW), last.days_since(first) + LONGEST_WINDOW + 1);
        for _ in 0..RACES {
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
            let written: Vec<bool> = writes.buffer_unordered(WRITES_AT_ONCE).try_collect().await?;
            if written.into_iter().all(|written| written) {
                return Ok(stats);
            }
        }
        Err(StoreError::Unavailable { action: ACTION, code: "Raced".to_owned() })
    }

    /// Whether it was written; not when the day has changed since, or knows newer ones.
    async fn put(
        &self,
        patient: &PatientId,
        day: Day,
        revision: u64,
        of_day: DayBaselines,
    ) -> Result<bool, StoreError> {
        let written = self
            .client
            .update_item()
            .table_name(&self.daily_stats)
            .key("patientId", s(patient.as_str()))
            .key("day", s(day.to_string()))
            .update_expression("SET baselines = :baselines, baselinesBasis = :basis")
            .condition_expression(
                "revision = :revision AND (attribute_not_exists(baselinesBasis) OR baselinesBasis < :basis)",
            )
            .expression_attribute_values(":baselines", json(&of_day.values))
            .expression_attribute_values(":basis", n(of_day.basis))
            .expression_attribute_values(":revision", n(revision))
            .send()
            .await;
        match written {
            Ok(_) => Ok(true),
            Err(error)
                if error.as_service_error().is_some_and(UpdateItemError::is_conditional_check_failed_exception) =>
            {
                Ok(false)
            }
            Err(error) => Err(StoreError::of(ACTION, &error)),
        }
    }
}

const ACTION: &str = "write the baselines of a day";

fn is_affected(stats: &DailyStats, changed: &BTreeSet<Day>) -> bool {
    let follows = changed.range(stats.day.plus(-LONGEST_WINDOW)..stats.day).next().is_some();
    follows || (stats.baselines.is_none() && changed.contains(&stats.day))
}
