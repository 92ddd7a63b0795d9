//! Lasting changes of a person's data: unlike faults, they are the truth from now on.

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::cloud::changes::DocumentChange;
use crate::collection::{Collection, Shape};
use crate::edits::edit::Edit;
use crate::edits::selection::Selection;
use crate::time::{Zone, plus};

use super::documents::{ChangedDocument, PutDocument};
use super::error::ControlError;
use super::handle::Control;

/// Fields of `daily_activity` that are 0 on a day without the ring.
const NOT_MEASURED: [&str; 13] = [
    "active_calories",
    "equivalent_walking_distance",
    "high_activity_met_minutes",
    "high_activity_time",
    "inactivity_alerts",
    "low_activity_met_minutes",
    "low_activity_time",
    "medium_activity_met_minutes",
    "medium_activity_time",
    "resting_time",
    "sedentary_met_minutes",
    "sedentary_time",
    "steps",
];

/// A lasting change of documents.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DataChange {
    /// Path of the collection.
    pub collection: String,
    #[serde(default)]
    pub documents: Selection,
    pub edit: Vec<Edit>,
    /// False if no webhook events follow.
    #[serde(default = "yes")]
    pub webhooks: bool,
}

/// Days without the ring of which there are documents nevertheless.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UnwornDays {
    pub days: Selection,
    /// Score of `daily_activity`.
    #[serde(default)]
    pub score: Option<u32>,
}

/// A rest mode period.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RestMode {
    /// First day.
    pub from: Date,
    /// Last day; open if absent.
    #[serde(default)]
    pub to: Option<Date>,
}

fn yes() -> bool {
    true
}

impl Control {
    /// Changes documents for good. Their webhook events follow.
    ///
    /// # Errors
    /// [`ControlError`] if the person or the collection is unknown.
    pub fn change_documents(&self, key: &str, change: &DataChange) -> Result<Vec<ChangedDocument>, ControlError> {
        let (person, character) = self.known(key)?;
        let collection = Collection::of_path(&change.collection).ok_or(ControlError::UnknownCollection)?;
        if collection.shape() == Shape::Series {
            return Err(ControlError::NoDocuments);
        }
        let changes = self.0.edit_documents(person, collection, &change.documents, &change.edit);
        if change.webhooks {
            self.0.announce(person, &character, &changes);
        }
        Ok(changes.into_iter().map(ChangedDocument::from).collect())
    }

    /// Makes past days unworn: `daily_activity` has no steps and 24 hours of `non_wear_time`, `daily_stress` is 0/0 without
    /// a summary, all else of these days is deleted. Webhook events follow.
    ///
    /// # Errors
    /// [`ControlError::UnknownPerson`].
    pub fn make_unworn(&self, key: &str, unworn: &UnwornDays) -> Result<Vec<ChangedDocument>, ControlError> {
        let (person, character) = self.known(key)?;
        let mut activity: Vec<Edit> =
            NOT_MEASURED.iter().map(|name| Edit::set(&format!("/{name}"), json!(0))).collect();
        activity.push(Edit::set("/non_wear_time", json!(86_400)));
        activity.push(Edit::set("/score", json!(unworn.score)));
        let zero = |name: &str| Edit::set(name, json!(0));
        let stress = vec![zero("/stress_high"), zero("/recovery_high"), Edit::set("/day_summary", Value::Null)];
        let mut changes: Vec<DocumentChange> = Vec::new();
        for collection in Collection::all() {
            let edits = match collection {
                Collection::DailyActivity => activity.clone(),
                Collection::DailyStress => stress.clone(),
                Collection::Tag | Collection::EnhancedTag | Collection::RestModePeriod => continue,
                _ if collection.shape() == Shape::Documents => vec![Edit::Omit],
                _ => continue,
            };
            changes.extend(self.0.edit_documents(person, collection, &unworn.days, &edits));
        }
        self.0.announce(person, &character, &changes);
        let (oldest, newest) = self.0.horizon();
        let midnight = |date: Date| self.0.data.zone(&character, date).moment(date.at(0, 0, 0, 0));
        let mut date = unworn.days.from.unwrap_or(oldest);
        while date <= unworn.days.to.unwrap_or(newest).min(newest) {
            if unworn.days.contains_day(date) {
                let gap = midnight(date)..midnight(plus(date, 1));
                self.0.switch(person, |state| state.without_rows.push(gap));
            }
            date = plus(date, 1);
        }
        Ok(changes.into_iter().map(ChangedDocument::from).collect())
    }

    /// Adds a rest mode period. The activity score of its days so far is 0. Webhook events follow.
    ///
    /// # Errors
    /// [`ControlError::UnknownPerson`].
    pub fn add_rest_mode(&self, key: &str, RestMode { from, to }: &RestMode) -> Result<ChangedDocument, ControlError> {
        let (_, character) = self.known(key)?;
        let start = self.0.data.zone(&character, *from).moment(from.at(8, 0, 0, 0));
        let end = to.map(|to| Zone::utc().text(self.0.data.zone(&character, to).moment(to.at(20, 0, 0, 0))));
        let document = json!({
            "id": format!("rest-mode-{from}"),
            "end_day": to.map(|to| to.to_string()),
            "end_time": end,
            "episodes": [],
            "start_day": from.to_string(),
            "start_time": Zone::utc().text(start),
        });
        let put = PutDocument { collection: "rest_mode_period".to_owned(), document, day: None };
        let added = self.put_document(key, put)?;
        let days = Selection { from: Some(*from), to: *to, ..Selection::default() };
        let edit = vec![Edit::set("/score", json!(0))];
        let activity = DataChange { collection: "daily_activity".to_owned(), documents: days, edit, webhooks: true };
        self.change_documents(key, &activity)?;
        Ok(added)
    }

    /// All data of a person as it would be served now without faults, by collection: the documents whose day is in
    /// [from, to], rest mode periods that overlap it, and rows of these days and of one more on each side in UTC.
    ///
    /// # Errors
    /// [`ControlError::UnknownPerson`].
    pub fn truth(&self, key: &str, from: Date, to: Date) -> Result<BTreeMap<&'static str, Vec<Value>>, ControlError> {
        let (person, _) = self.known(key)?;
        Ok(self.0.truth(person, (from, to)))
    }
}
