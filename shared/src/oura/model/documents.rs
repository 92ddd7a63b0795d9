//! Lists of documents, one variant per collection.

use std::collections::BTreeSet;
use std::fmt;

use jiff::SignedDuration;

use super::{Fields, Part, Unreadable};
use crate::domain::{DataType, Day, DayRange, DocumentId, Moment, with_data_types};

/// A part of a document that could not be read, or a document that could not be read at all. It names the place, never the
/// content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Malformed {
    /// Index of the document among the given ones, counted from 0.
    pub index: usize,
    /// Path of the field, such as `contributors.deep_sleep`; `.` for the document itself.
    pub path: String,
    /// Oura's id of the document, if it has a readable one.
    pub document_id: Option<DocumentId>,
    /// True if the document is lost: the field places it in time.
    pub loses_document: bool,
}

impl Malformed {
    /// A document of which nothing could be read.
    #[must_use]
    pub fn document(index: usize, document_id: Option<DocumentId>) -> Self {
        Self { index, path: ".".to_owned(), document_id, loses_document: true }
    }
}

/// A document, or a sample of a time series.
pub trait Document: Part {
    /// Oura's id; none where Oura gives none.
    fn id(&self) -> Option<&DocumentId>;

    /// Oura's local day (for tags and rest mode: the day on which they begin); none for samples and rings.
    fn day(&self) -> Option<Day>;

    /// True if it belongs to the range, or has no day.
    fn is_in(&self, range: DayRange) -> bool {
        self.day().is_none_or(|day| range.contains(day))
    }
}

macro_rules! documents {
    ($($data_type:ident)*) => {
        /// Documents of one collection, in the order in which Oura gave them.
        #[derive(Clone)]
        #[expect(missing_docs, reason = "one variant per collection, named as in `DataType`")]
        pub enum Documents {
            $($data_type(Vec<super::$data_type>),)*
        }

        /// Runs the same lines for every collection.
        macro_rules! each {
            ($documents:expr, $bound:ident => $lines:expr) => {
                match $documents {
                    $(Documents::$data_type($bound) => $lines,)*
                }
            };
        }

        impl Documents {
            /// A list of this collection that holds nothing.
            #[must_use]
            pub fn empty(data_type: DataType) -> Self {
                match data_type {
                    $(DataType::$data_type => Self::$data_type(Vec::new()),)*
                }
            }

            /// Reads documents field by field: what cannot be read is reported beside the documents.
            #[must_use]
            pub fn parse(data_type: DataType, raw: &[impl AsRef<str>]) -> (Self, Vec<Malformed>) {
                let mut malformed = Vec::new();
                let documents = match data_type {
                    $(DataType::$data_type => Self::$data_type(read(raw, &mut malformed)),)*
                };
                (documents, malformed)
            }

            /// Paths of the fields that are read, those of inner parts too.
            #[cfg(test)]
            fn fields(data_type: DataType) -> Vec<String> {
                match data_type {
                    $(DataType::$data_type => <super::$data_type as Part>::fields(),)*
                }
            }

            /// Adds the documents of another page. Documents of another collection are left out.
            pub fn append(&mut self, other: Self) {
                debug_assert_eq!(self.data_type(), other.data_type(), "pages of one collection");
                match (self, other) {
                    $((Self::$data_type(mine), Self::$data_type(mut theirs)) => mine.append(&mut theirs),)*
                    _ => {}
                }
            }

            /// The collection.
            #[must_use]
            pub fn data_type(&self) -> DataType {
                match self {
                    $(Self::$data_type(_) => DataType::$data_type,)*
                }
            }
        }
    };
}

with_data_types!(documents);

impl Documents {
    /// Number of documents (samples, for the time series).
    #[must_use]
    pub fn len(&self) -> usize {
        each!(self, documents => documents.len())
    }

    /// True if it holds none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Keeps the documents of the range: those whose day is in it, and periods of rest mode that overlap it. The time series and the rings have no day yet: they stay whole,
    /// see [`crate::normalize::retain_days`].
    pub fn retain_days(&mut self, range: DayRange) {
        each!(self, documents => documents.retain(|document| document.is_in(range)));
    }

    /// Keeps the samples of these days (UTC). Oura gives none of others, and one of another year would count as progress.
    pub fn retain_samples(&mut self, range: DayRange) {
        let is_in = |at: &Moment| range.contains(Day::of_utc(at.instant_in_utc()));
        match self {
            Self::HeartRate(samples) => samples.retain(|sample| is_in(&sample.timestamp)),
            Self::RingBatteryLevel(samples) => samples.retain(|sample| is_in(&sample.timestamp)),
            _ => {}
        }
    }

    /// Newest day of the documents. Samples have no local day yet: theirs is the earliest that it may be.
    #[must_use]
    pub fn newest_day(&self) -> Option<Day> {
        // No place is more than 12 hours behind UTC.
        let earliest = |at: &Moment| {
            let at = at.instant_in_utc();
            Day::of_utc(at.saturating_sub(SignedDuration::from_hours(12)).unwrap_or(at))
        };
        match self {
            Self::HeartRate(samples) => samples.iter().map(|sample| earliest(&sample.timestamp)).max(),
            Self::RingBatteryLevel(samples) => samples.iter().map(|sample| earliest(&sample.timestamp)).max(),
            _ => each!(self, documents => documents.iter().filter_map(Document::day).max()),
        }
    }

    /// Ids of the documents that have one.
    #[must_use]
    pub fn ids(&self) -> BTreeSet<DocumentId> {
        each!(self, documents => documents.iter().filter_map(|document| document.id().cloned()).collect())
    }

    /// Keeps the documents with these ids. The time series have none and stay whole.
    pub fn retain_ids(&mut self, ids: &BTreeSet<DocumentId>) {
        if self.data_type().has_documents() {
            each!(self, documents => documents.retain(|document| document.id().is_some_and(|id| ids.contains(id))));
        }
    }
}

impl fmt::Debug for Documents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} documents of {}", self.len(), self.data_type())
    }
}

fn read<T: Part>(raw: &[impl AsRef<str>], malformed: &mut Vec<Malformed>) -> Vec<T> {
    let mut documents = Vec::with_capacity(raw.len());
    for (index, json) in raw.iter().map(AsRef::as_ref).enumerate() {
        let mut unreadable = Unreadable::default();
        let document: Option<T> = T::read(json, &mut unreadable);
        let loses_document = document.is_none();
        documents.extend(document);
        let mut paths = unreadable.into_paths();
        if loses_document {
            // Reading ended at the last one.
            paths = vec![paths.pop().unwrap_or_else(|| ".".to_owned())];
        }
        if !paths.is_empty() {
            let document_id = id_of(json);
            let malformed_at = |path| Malformed { index, path, document_id: document_id.clone(), loses_document };
            malformed.extend(paths.into_iter().map(malformed_at));
        }
    }
    documents
}

/// Oura's id of a document that may be unreadable otherwise.
fn id_of(json: &str) -> Option<DocumentId> {
    Fields::of(json)?.read::<Option<DocumentId>>("id", &mut Unreadable::default()).flatten()
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, Value, json};

    use super::*;

    fn parse(data_type: DataType, documents: &[&str]) -> (Documents, Vec<Malformed>) {
        Documents::parse(data_type, documents)
    }

    #[test]
    fn unreadable_field_costs_only_itself_and_its_path_holds_no_value() {
        let (documents, malformed) = parse(
            DataType::DailySleep,
            &[
                r#"{"id":"a","day":"2031-05-05","score":81,"new_field":[{}]}"#,
                r#"{"id":"b","day":"2031-05-05","contributors":{"deep_sleep":"Robin"}}"#,
                r#"{"id":"c","score":81}"#,
                r#"{"id":"d","day":"Robin"}"#,
                r#""Robin""#,
                r#"{"day":"2031-05-06"}"#,
            ],
        );
        assert_eq!(documents.len(), 3);
        let shown = |one: &Malformed| {
            let id = one.document_id.as_ref().map(|id| id.as_str().to_owned());
            (one.index, one.path.clone(), id.unwrap_or_default(), one.loses_document)
        };
        let expected = [
            (1, "contributors.deep_sleep", "b", false),
            (2, "day", "c", true),
            (3, "day", "d", true),
            (4, ".", "", true),
        ];
        let expected = expected.map(|(index, path, id, lost)| (index, path.to_owned(), id.to_owned(), lost));
        assert_eq!(malformed.iter().map(shown).collect::<Vec<_>>(), expected);
        let (_, malformed) = parse(DataType::Sleep, &[r#"{"day":"2031-05-05","hrv":{"items":[1,null,"x"]}}"#]);
        assert_eq!(malformed[0].path, "hrv.items[2]");
        assert!(!malformed[0].loses_document);
    }

    /// The field that places a document in time, and its value.
    fn place(data_type: DataType) -> Option<(&'static str, &'static str)> {
        match data_type {
            DataType::HeartRate | DataType::RingBatteryLevel => Some(("timestamp", "2031-05-05T10:00:00Z")),
            DataType::RingConfiguration => None,
            DataType::EnhancedTag | DataType::RestModePeriod => Some(("start_day", "2031-05-05")),
            _ => Some(("day", "2031-05-05")),
        }
    }

    fn least(data_type: DataType) -> Value {
        place(data_type)
            .into_iter()
            .map(|(field, value)| (field.to_owned(), json!(value)))
            .collect::<Map<_, _>>()
            .into()
    }

    /// Sets the value at a path; `0` is the only element of a list.
    fn set(document: &mut Value, path: &str, value: Value) {
        let (name, rest) = path.split_once('.').map_or((path, None), |(name, rest)| (name, Some(rest)));
        let place = match (name, &*document) {
            ("0", _) => {
                *document = json!([null]);
                &mut document[0]
            }
            _ => &mut document[name],
        };
        match rest {
            Some(rest) => set(place, rest, value),
            None => *place = value,
        }
    }

    #[test]
    fn no_value_of_any_field_loses_the_document_unless_it_places_it_in_time() {
        let values = [
            json!(null),
            json!(true),
            json!(0),
            json!(7),
            json!(-1),
            json!(1e300),
            json!(""),
            json!("text"),
            json!("14.2"),
            json!("2031-05-05"),
            json!("2031-05-05T10:00:00Z"),
            json!([]),
            json!([1]),
            json!([null]),
            json!(["a", {}]),
            json!([[]]),
            json!({}),
            json!({"items": 7, "timestamp": "x", "a": [1]}),
            json!("x".repeat(10_000)),
        ];
        let mut checked = 0;
        for data_type in DataType::ALL {
            let fields = Documents::fields(data_type);
            assert!(fields.len() > 2, "{data_type}");
            for path in fields.iter().filter(|path| place(data_type).is_none_or(|(place, _)| place != path.as_str())) {
                for value in &values {
                    let mut document = least(data_type);
                    set(&mut document, path, value.clone());
                    let (documents, malformed) =
                        parse(data_type, &[&document.to_string(), &least(data_type).to_string()]);
                    assert_eq!(documents.len(), 2, "{data_type} {path} {value}");
                    assert!(
                        malformed.len() <= 4 && malformed.iter().all(|one| !one.loses_document),
                        "{data_type} {path} {value}"
                    );
                    checked += 1;
                }
            }
        }
        assert!(checked > 3_000, "{checked}");
    }

    #[test]
    fn document_needs_only_its_day_or_moment() {
        for data_type in DataType::ALL {
            let least = &least(data_type).to_string();
            let (mut documents, malformed) = parse(data_type, &[least]);
            assert_eq!((documents.len(), documents.data_type(), malformed), (1, data_type, vec![]), "{data_type}");
            documents.append(Documents::empty(data_type));
            documents.append(documents.clone());
            let later = DayRange::ending("2031-05-07".parse().unwrap(), 2);
            documents.retain_days(later.widened(1));
            assert_eq!(documents.len(), 2, "{data_type}");
            documents.retain_days(later);
            let is_of_any_day = matches!(
                data_type,
                DataType::HeartRate
                    | DataType::RingBatteryLevel
                    | DataType::RingConfiguration
                    | DataType::RestModePeriod
            );
            assert_eq!(documents.len(), if is_of_any_day { 2 } else { 0 }, "{data_type}");
        }
    }

    #[test]
    fn rest_mode_belongs_to_every_range_that_it_overlaps() {
        let range = DayRange::ending("2031-05-07".parse().unwrap(), 3);
        for (start, end, is_in) in [
            ("2031-01-01", "null", true),
            ("2031-01-01", "\"2031-05-05\"", true),
            ("2031-01-01", "\"2031-05-04\"", false),
            ("2031-05-07", "null", true),
            ("2031-05-08", "null", false),
        ] {
            let document = format!(r#"{{"start_day":"{start}","end_day":{end}}}"#);
            let (mut documents, _) = parse(DataType::RestModePeriod, &[&document]);
            documents.retain_days(range);
            assert_eq!(!documents.is_empty(), is_in, "{document}");
        }
    }

    #[test]
    fn documents_do_not_print_what_they_hold() {
        let (documents, _) = parse(DataType::DailySleep, &[r#"{"day":"2031-05-05","score":81}"#]);
        assert_eq!(format!("{documents:?}"), "1 documents of daily_sleep");
    }
}
