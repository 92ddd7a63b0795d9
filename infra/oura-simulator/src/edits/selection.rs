//! Selection of documents or rows in a list.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::time::day_number;

/// Documents or rows of a list: all that meet every given condition. Without a condition, all.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Selection {
    /// Documents with one of these ids.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ids: Option<Vec<String>>,
    /// First day.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Date>,
    /// Last day.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<Date>,
    /// Every n-th day only, counted from `from`, or from 1970-01-01.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub every: Option<u32>,
    /// Positions in the list, from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub positions: Option<Vec<usize>>,
}

impl Selection {
    /// The documents of one day.
    #[must_use]
    pub fn day(day: Date) -> Self {
        Self::days(day, day)
    }

    /// The documents of some days, both included.
    #[must_use]
    pub fn days(from: Date, to: Date) -> Self {
        Self { from: Some(from), to: Some(to), ..Self::default() }
    }

    /// The document of an id.
    #[must_use]
    pub fn id(id: &str) -> Self {
        Self { ids: Some(vec![id.to_owned()]), ..Self::default() }
    }

    /// True if a day is selected.
    pub(crate) fn contains_day(&self, day: Date) -> bool {
        let every = self.every.map_or(1, |every| i64::from(every.max(1)));
        let since = day_number(day) - self.from.map_or(0, day_number);
        self.from.is_none_or(|from| from <= day) && self.to.is_none_or(|to| day <= to) && since.rem_euclid(every) == 0
    }

    /// True if the document or row at a position is selected.
    pub(crate) fn contains(&self, position: usize, document: &Value) -> bool {
        let by_day = self.from.is_some() || self.to.is_some() || self.every.is_some();
        self.positions.as_ref().is_none_or(|positions| positions.contains(&position))
            && self.ids.as_ref().is_none_or(|ids| id_of(document).is_some_and(|id| ids.contains(&id)))
            && (!by_day || day_of(document).is_some_and(|day| self.contains_day(day)))
    }
}

/// The id of a document as a text, whatever its type.
pub(crate) fn id_of(document: &Value) -> Option<String> {
    match document.get("id")? {
        Value::String(id) => Some(id.clone()),
        Value::Number(id) => Some(id.to_string()),
        _ => None,
    }
}

/// The day that a document names, or the date of a row's time as written.
pub(crate) fn day_of(document: &Value) -> Option<Date> {
    let date = |key: &str| document.get(key)?.as_str()?.get(..10)?.parse().ok();
    date("day").or_else(|| date("start_day")).or_else(|| date("timestamp"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn selection_meets_every_condition() {
        let day = |text: &str| json!({ "id": 7, "day": text });
        let third = Selection { from: "2031-06-01".parse().ok(), every: Some(3), ..Selection::default() };
        assert!(third.contains(0, &day("2031-06-04")) && third.contains(0, &day("2031-06-07T10:00:00+02:00")));
        for other in ["2031-06-03", "2031-05-29", "soon"] {
            assert!(!third.contains(0, &day(other)), "{other}");
        }
        let one = Selection { positions: Some(vec![2]), ..Selection::id("7") };
        assert!(one.contains(2, &day("2031-06-01")) && !one.contains(1, &day("2031-06-01")));
        assert!(!Selection::id("8").contains(2, &day("2031-06-01")));
        assert!(Selection::default().contains(0, &json!(null)));
    }
}
