//! Lists of documents, one variant per collection.

use std::collections::BTreeSet;
use std::fmt;

use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::domain::{DataType, Day, DayRange, DocumentId, with_data_types};

/// One document that could not be read. It names the place, never the content: parser messages can quote values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Malformed {
    /// Index among the given documents, counted from 0.
    pub index: usize,
    /// The path of the first field that did not fit, such as `contributors.deep_sleep`; `.` for the document itself.
    pub path: String,
}

/// A document, or a sample of a time series.
pub trait Document: DeserializeOwned {
    /// Oura's id; none where Oura gives none.
    fn id(&self) -> Option<&DocumentId>;

    /// Oura's local day (for tags and rest mode: the day on which they begin); none for samples and rings.
    fn day(&self) -> Option<Day>;
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

            /// Reads documents, each alone: those that cannot be read are reported beside the others.
            #[must_use]
            pub fn parse(data_type: DataType, raw: &[&RawValue]) -> (Self, Vec<Malformed>) {
                let mut malformed = Vec::new();
                let documents = match data_type {
                    $(DataType::$data_type => Self::$data_type(read(raw, &mut malformed)),)*
                };
                (documents, malformed)
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

    /// Keeps the documents whose day is in the range. The time series and the rings have no day yet: they stay whole,
    /// see [`crate::normalize::retain_days`].
    pub fn retain_days(&mut self, range: DayRange) {
        each!(self, documents => documents.retain(|document| document.day().is_none_or(|day| range.contains(day))));
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

fn read<T: DeserializeOwned>(raw: &[&RawValue], malformed: &mut Vec<Malformed>) -> Vec<T> {
    let mut documents = Vec::with_capacity(raw.len());
    for (index, document) in raw.iter().enumerate() {
        let mut deserializer = serde_json::Deserializer::from_str(document.get());
        match serde_path_to_error::deserialize(&mut deserializer) {
            Ok(document) => documents.push(document),
            Err(error) => malformed.push(Malformed { index, path: path_of(&error) }),
        }
    }
    documents
}

/// The path of the field that did not fit. A missing field is named too: serde reports it at its parent.
fn path_of(error: &serde_path_to_error::Error<serde_json::Error>) -> String {
    let parent = error.path().to_string();
    let message = error.inner().to_string();
    // The name between the backticks is one of our own structs', never the document's.
    match message.strip_prefix("missing field `").and_then(|rest| rest.split_once('`')) {
        Some((field, _)) if parent == "." => field.to_owned(),
        Some((field, _)) => format!("{parent}.{field}"),
        None => parent,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(kind: DataType, documents: &[&str]) -> (Documents, Vec<Malformed>) {
        let raw: Vec<Box<RawValue>> =
            documents.iter().map(|text| RawValue::from_string((*text).to_owned()).unwrap()).collect();
        Documents::parse(kind, &raw.iter().map(AsRef::as_ref).collect::<Vec<_>>())
    }

    #[test]
    fn malformed_document_costs_only_itself_and_its_path_holds_no_value() {
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
        assert_eq!(documents.len(), 2);
        let paths: Vec<_> = malformed.iter().map(|one| (one.index, one.path.as_str())).collect();
        assert_eq!(paths, [(1, "contributors.deep_sleep"), (2, "day"), (3, "day"), (4, ".")]);
        let (_, malformed) = parse(DataType::Sleep, &[r#"{"day":"2031-05-05","hrv":{"items":[1,null,"x"]}}"#]);
        assert_eq!(malformed[0].path, "hrv.items[2]");
    }

    #[test]
    fn document_needs_only_its_day_or_moment() {
        for kind in DataType::ALL {
            let least = match kind {
                DataType::HeartRate => r#"{"timestamp":"2031-05-05T10:00:00Z","bpm":60.0}"#,
                DataType::RingBatteryLevel => r#"{"timestamp":"2031-05-05T10:00:00Z","level":50}"#,
                DataType::RingConfiguration => "{}",
                DataType::EnhancedTag | DataType::RestModePeriod => r#"{"start_day":"2031-05-05"}"#,
                _ => r#"{"day":"2031-05-05"}"#,
            };
            let (mut documents, malformed) = parse(kind, &[least]);
            assert_eq!((documents.len(), documents.data_type(), malformed), (1, kind, vec![]), "{kind}");
            documents.append(Documents::empty(kind));
            documents.append(documents.clone());
            let later = DayRange::ending("2031-05-07".parse().unwrap(), 2);
            documents.retain_days(later.widened(1));
            assert_eq!(documents.len(), 2, "{kind}");
            documents.retain_days(later);
            let undated =
                matches!(kind, DataType::HeartRate | DataType::RingBatteryLevel | DataType::RingConfiguration);
            assert_eq!(documents.len(), if undated { 2 } else { 0 }, "{kind}");
        }
    }

    #[test]
    fn documents_do_not_print_what_they_hold() {
        let (documents, _) = parse(DataType::DailySleep, &[r#"{"day":"2031-05-05","score":81}"#]);
        assert_eq!(format!("{documents:?}"), "1 documents of daily_sleep");
    }
}
