//! Lists of documents, one variant per collection.

use std::collections::BTreeSet;
use std::fmt;

use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use super::{
    DailyActivity, DailyCardiovascularAge, DailyReadiness, DailyResilience, DailySleep, DailySpo2, DailyStress,
    EnhancedTag, HeartRateSample, RestModePeriod, RingBatterySample, RingConfiguration, Session, Sleep, SleepTime, Tag,
    Vo2Max, Workout,
};
use crate::domain::{DataType, DayRange, DocumentId};

/// One document that could not be read. It says where, never what: parser messages can quote values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Malformed {
    /// Which of the given documents, counted from 0.
    pub index: usize,
    /// The path of the first field that did not fit, such as `contributors.deep_sleep`; `.` for the document itself.
    pub path: String,
}

macro_rules! documents {
    ($($kind:ident($model:ty)),* $(,)?) => {
        /// Documents of one collection, in the order in which Oura gave them.
        #[derive(Clone)]
        #[expect(missing_docs, reason = "one variant per collection, named as in `DataType`")]
        pub enum Documents {
            $($kind(Vec<$model>),)*
        }

        impl Documents {
            /// A list of this collection that holds nothing.
            #[must_use]
            pub fn empty(kind: DataType) -> Self {
                match kind {
                    $(DataType::$kind => Self::$kind(Vec::new()),)*
                }
            }

            /// Reads documents, each alone: those that cannot be read are reported beside the others.
            #[must_use]
            pub fn parse(kind: DataType, raw: &[&RawValue]) -> (Self, Vec<Malformed>) {
                let mut malformed = Vec::new();
                let documents = match kind {
                    $(DataType::$kind => Self::$kind(read(raw, &mut malformed)),)*
                };
                (documents, malformed)
            }

            /// Adds what another page gave. Documents of another collection are left out.
            pub fn append(&mut self, other: Self) {
                debug_assert_eq!(self.kind(), other.kind(), "pages of one collection");
                match (self, other) {
                    $((Self::$kind(mine), Self::$kind(mut theirs)) => mine.append(&mut theirs),)*
                    _ => {}
                }
            }

            /// How many documents (samples, for the time series) it holds.
            #[must_use]
            pub fn len(&self) -> usize {
                match self {
                    $(Self::$kind(documents) => documents.len(),)*
                }
            }

            /// The collection.
            #[must_use]
            pub fn kind(&self) -> DataType {
                match self {
                    $(Self::$kind(_) => DataType::$kind,)*
                }
            }
        }
    };
}

documents! {
    DailyActivity(DailyActivity),
    DailyCardiovascularAge(DailyCardiovascularAge),
    DailyReadiness(DailyReadiness),
    DailyResilience(DailyResilience),
    DailySleep(DailySleep),
    DailySpo2(DailySpo2),
    DailyStress(DailyStress),
    EnhancedTag(EnhancedTag),
    HeartRate(HeartRateSample),
    RestModePeriod(RestModePeriod),
    RingBatteryLevel(RingBatterySample),
    RingConfiguration(RingConfiguration),
    Session(Session),
    Sleep(Sleep),
    SleepTime(SleepTime),
    Tag(Tag),
    Vo2Max(Vo2Max),
    Workout(Workout),
}

impl Documents {
    /// Whether it holds none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Keeps the documents whose day (for tags and rest mode: the day on which they begin) lies in the range. The time
    /// series and the rings have no day yet: they stay whole, see [`crate::normalize::retain_days`].
    pub fn retain_days(&mut self, range: DayRange) {
        match self {
            Self::DailyActivity(documents) => documents.retain(|document| range.contains(document.day)),
            Self::DailyCardiovascularAge(documents) => documents.retain(|document| range.contains(document.day)),
            Self::DailyReadiness(documents) => documents.retain(|document| range.contains(document.day)),
            Self::DailyResilience(documents) => documents.retain(|document| range.contains(document.day)),
            Self::DailySleep(documents) => documents.retain(|document| range.contains(document.day)),
            Self::DailySpo2(documents) => documents.retain(|document| range.contains(document.day)),
            Self::DailyStress(documents) => documents.retain(|document| range.contains(document.day)),
            Self::EnhancedTag(documents) => documents.retain(|document| range.contains(document.start_day)),
            Self::RestModePeriod(documents) => documents.retain(|document| range.contains(document.start_day)),
            Self::Session(documents) => documents.retain(|document| range.contains(document.day)),
            Self::Sleep(documents) => documents.retain(|document| range.contains(document.day)),
            Self::SleepTime(documents) => documents.retain(|document| range.contains(document.day)),
            Self::Tag(documents) => documents.retain(|document| range.contains(document.day)),
            Self::Vo2Max(documents) => documents.retain(|document| range.contains(document.day)),
            Self::Workout(documents) => documents.retain(|document| range.contains(document.day)),
            Self::HeartRate(_) | Self::RingBatteryLevel(_) | Self::RingConfiguration(_) => {}
        }
    }
}

/// Runs the same lines for every collection whose documents have ids.
macro_rules! with_ids {
    ($documents:expr, $bound:ident => $lines:expr, series => $otherwise:expr) => {
        match $documents {
            Self::DailyActivity($bound) => $lines,
            Self::DailyCardiovascularAge($bound) => $lines,
            Self::DailyReadiness($bound) => $lines,
            Self::DailyResilience($bound) => $lines,
            Self::DailySleep($bound) => $lines,
            Self::DailySpo2($bound) => $lines,
            Self::DailyStress($bound) => $lines,
            Self::EnhancedTag($bound) => $lines,
            Self::RestModePeriod($bound) => $lines,
            Self::RingConfiguration($bound) => $lines,
            Self::Session($bound) => $lines,
            Self::Sleep($bound) => $lines,
            Self::SleepTime($bound) => $lines,
            Self::Tag($bound) => $lines,
            Self::Vo2Max($bound) => $lines,
            Self::Workout($bound) => $lines,
            Self::HeartRate(_) | Self::RingBatteryLevel(_) => $otherwise,
        }
    };
}

impl Documents {
    /// The ids of those that have one.
    #[must_use]
    pub fn ids(&self) -> BTreeSet<DocumentId> {
        with_ids!(self, documents => documents.iter().filter_map(|document| document.id.clone()).collect(),
            series => BTreeSet::new())
    }

    /// Keeps the documents with these ids. The time series have none and stay whole.
    pub fn retain_ids(&mut self, ids: &BTreeSet<DocumentId>) {
        with_ids!(self, documents => documents.retain(|document| document.id.as_ref().is_some_and(|id| ids.contains(id))),
            series => {});
    }
}

impl fmt::Debug for Documents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} documents of {}", self.len(), self.kind())
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
    fn one_bad_document_costs_only_itself_and_its_path_holds_no_value() {
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
    fn every_collection_needs_only_its_day_or_moment() {
        for kind in DataType::ALL {
            let least = match kind {
                DataType::HeartRate => r#"{"timestamp":"2031-05-05T10:00:00Z","bpm":60.0}"#,
                DataType::RingBatteryLevel => r#"{"timestamp":"2031-05-05T10:00:00Z","level":50}"#,
                DataType::RingConfiguration => "{}",
                DataType::EnhancedTag | DataType::RestModePeriod => r#"{"start_day":"2031-05-05"}"#,
                _ => r#"{"day":"2031-05-05"}"#,
            };
            let (mut documents, malformed) = parse(kind, &[least]);
            assert_eq!((documents.len(), documents.kind(), malformed), (1, kind, vec![]), "{kind}");
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
