//! Series of a record as stored: packed into one binary attribute, since lists of numbers take two to three times as
//! many bytes.
//!
//! The attribute is gzip (RFC 1952) of a JSON object with the fields that [`DataTypeFacts::series`] names, in the form that
//! they have in the record's metrics. Added to the stored metrics they give the whole record.
//!
//! [`DataTypeFacts::series`]: crate::domain::DataTypeFacts::series

use std::io::{self, Read as _};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use serde_bytes::ByteBuf;
use serde_json::{Map, Value};

use crate::domain::DataType;

/// Largest unpacked series in bytes: far above those of the largest record that is stored.
const MAX_UNPACKED: u64 = 16 * 1024 * 1024;

/// The attribute has another form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unreadable;

/// Takes the series out of a record's metrics. `None` if it has none: a null stays where it is.
pub(super) fn pack(data_type: DataType, metrics: &mut Value) -> Option<ByteBuf> {
    let fields = metrics.as_object_mut()?;
    let mut series = Map::new();
    for name in data_type.facts().series {
        if fields.get(*name).is_some_and(|value| !value.is_null()) {
            series.extend(fields.remove_entry(*name));
        }
    }
    if series.is_empty() {
        return None;
    }
    let packed = gzip(&series);
    if packed.is_err() {
        fields.append(&mut series);
    }
    packed.map(ByteBuf::from).ok()
}

fn gzip(series: &Map<String, Value>) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    serde_json::to_writer(&mut encoder, series)?;
    encoder.finish()
}

/// Puts packed series back into the metrics that they were taken from.
///
/// # Errors
/// [`Unreadable`].
pub(super) fn unpack(packed: &[u8], metrics: &mut Value) -> Result<(), Unreadable> {
    let mut text = Vec::new();
    GzDecoder::new(packed).take(MAX_UNPACKED).read_to_end(&mut text).map_err(|_no_gzip| Unreadable)?;
    let mut series: Map<_, _> = serde_json::from_slice(&text).map_err(|_quotes_the_value| Unreadable)?;
    metrics.as_object_mut().ok_or(Unreadable)?.append(&mut series);
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use serde_json::json;

    use super::*;
    use crate::domain::RecordMetrics;

    fn night() -> Value {
        json!({"averageHrv": 41, "hrv": {"start": null, "intervalSeconds": 300, "items": [40, null, 41.5]},
            "heartRate": null, "sleepPhase5Min": "4421"})
    }

    #[test]
    fn series_are_taken_out_and_put_back() {
        let mut metrics = night();
        let packed = pack(DataType::Sleep, &mut metrics).unwrap();
        assert_eq!(metrics, json!({"averageHrv": 41, "heartRate": null}));
        unpack(&packed, &mut metrics).unwrap();
        assert_eq!(metrics, night());
    }

    #[test]
    fn record_without_series_has_no_attribute() {
        for (data_type, mut metrics) in [
            (DataType::Sleep, json!({"averageHrv": 41, "heartRate": null})),
            (DataType::Workout, json!({"heartRate": [1]})),
            (DataType::Sleep, json!({})),
        ] {
            let before = metrics.clone();
            assert_eq!((pack(data_type, &mut metrics), metrics), (None, before));
        }
    }

    #[test]
    fn other_forms_are_refused() {
        let whole = pack(DataType::Sleep, &mut night()).unwrap();
        let list = gzip_of(b"[1]");
        for packed in [&b""[..], b"{}", &whole[..whole.len() - 9], &list] {
            assert_eq!(unpack(packed, &mut json!({})), Err(Unreadable));
        }
        assert_eq!(unpack(&whole, &mut json!([])), Err(Unreadable));
    }

    fn gzip_of(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn facts_name_fields_that_exist() {
        let mut generator = schemars::SchemaGenerator::default();
        for data_type in DataType::ALL {
            let schema = RecordMetrics::schema(data_type, &mut generator);
            let name = schema.get("$ref").and_then(Value::as_str).unwrap_or_default().rsplit('/').next().unwrap();
            let fields = generator.definitions()[name]["properties"].as_object().unwrap();
            let unknown: Vec<_> = data_type.facts().series.iter().filter(|name| !fields.contains_key(**name)).collect();
            assert!(unknown.is_empty(), "{data_type}: {unknown:?}");
        }
    }
}
