//! All data of a person, as it would be served without faults.

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde_json::Value;

use crate::collection::{Collection, Shape};
use crate::edits::selection::day_of;
use crate::time::{Zone, plus};

use super::state::Cloud;

/// Days by which the range key of a document can differ from its day.
const SLACK_DAYS: i64 = 3;

impl Cloud {
    /// The documents of some days, and the rows of these days and of one more on each side, by collection.
    pub(crate) fn truth(&self, person: usize, (from, to): (Date, Date)) -> BTreeMap<&'static str, Vec<Value>> {
        let of = |collection: Collection| match collection.shape() {
            Shape::Series => {
                let midnight = |date: Date| Zone::utc().moment(date.at(0, 0, 0, 0));
                let range = (midnight(plus(from, -1)), midnight(plus(to, 2)));
                self.rows(person, collection, range).iter().map(|row| row.json()).collect()
            }
            Shape::Documents | Shape::Everything => self.true_documents(person, collection, (from, to)),
        };
        Collection::all().map(|collection| (collection.path(), of(collection))).collect()
    }

    fn true_documents(&self, person: usize, collection: Collection, (from, to): (Date, Date)) -> Vec<Value> {
        let is_rest_mode = collection == Collection::RestModePeriod;
        let first = if is_rest_mode { self.horizon().0 } else { plus(from, -SLACK_DAYS) };
        let range = (first.at(0, 0, 0, 0), plus(to, SLACK_DAYS).at(23, 59, 59, 0));
        let found = self.documents(person, collection, range).into_iter();
        let documents = found.filter_map(|document| {
            let value: Value = serde_json::from_str(&document.json).ok()?;
            let day = day_of(&value).unwrap_or(document.range_key.end.date());
            let last_day = match value.get("end_day") {
                Some(Value::String(end)) => end.parse().unwrap_or(day),
                _ if is_rest_mode => Date::MAX,
                _ => day,
            };
            let everything = collection.shape() == Shape::Everything;
            (everything || (day <= to && from <= last_day)).then_some(value)
        });
        documents.collect()
    }
}
