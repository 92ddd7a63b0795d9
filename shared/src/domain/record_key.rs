//! Sort key of a record.

use std::fmt;
use std::str::FromStr;

use super::{DataType, Day, DocumentId, Record};

/// A record's place: by day, then collection, then document. Its text, `<day>#<collection>#<document>`, sorts the same way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordKey {
    /// Day of the record.
    pub day: Day,
    /// The Oura collection that it came from.
    pub data_type: DataType,
    /// Oura's id of the document.
    pub document_id: DocumentId,
}

/// A text that is no place of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a day, a collection and a document, joined by `#`")]
pub struct InvalidRecordKey;

impl RecordKey {
    /// The place of this record.
    #[must_use]
    pub fn of(record: &Record) -> Self {
        Self { day: record.day, data_type: record.data_type, document_id: record.document_id.clone() }
    }
}

impl fmt::Display for RecordKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}#{}", self.day, self.data_type, self.document_id)
    }
}

impl FromStr for RecordKey {
    type Err = InvalidRecordKey;

    fn from_str(text: &str) -> Result<Self, InvalidRecordKey> {
        // A document's id may hold `#` itself.
        let mut parts = text.splitn(3, '#');
        let mut part = || parts.next().ok_or(InvalidRecordKey);
        Ok(Self {
            day: part()?.parse().map_err(|_no_day| InvalidRecordKey)?,
            data_type: part()?.parse().map_err(|_no_collection| InvalidRecordKey)?,
            document_id: part()?.parse().map_err(|_no_id| InvalidRecordKey)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn record_key_is_read_back_from_its_text() {
        for text in ["2026-01-01#sleep#d-1", "2026-01-01#vo2_max#a#b"] {
            assert_eq!(text.parse::<RecordKey>().unwrap().to_string(), text);
        }
        for bad in ["", "2026-01-01", "2026-01-01#sleep", "2026-01-01#sleep#", "2026-01-01#nap#d", "x#sleep#d"] {
            assert_eq!(bad.parse::<RecordKey>(), Err(InvalidRecordKey), "{bad}");
        }
    }
}
