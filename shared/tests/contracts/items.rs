//! The schemas of the tables' items.

use serde_json::{Value, json};

/// A definition of `metrics.schema.json`.
fn metrics(name: &str, description: Option<&str>) -> Value {
    let mut reference = json!({"$ref": format!("metrics.schema.json#/$defs/{name}")});
    if let Some(description) = description {
        reference["description"] = json!(description);
    }
    reference
}

fn patient_id() -> Value {
    json!({
        "description": "The platform's patient: the JWT claim that the ring was connected with.",
        "type": "string",
        "minLength": 1,
        "maxLength": 256,
        "pattern": "^[!-~]+$",
    })
}

fn revision() -> Value {
    json!({
        "description": "1 when first stored, one more with every change of content.",
        "type": "integer",
        "minimum": 1,
    })
}

fn content_hash() -> Value {
    json!({
        "description": "SHA-256 of the content, hexadecimal: equal hashes, equal content.",
        "type": "string",
        "pattern": "^[0-9a-f]{64}$",
    })
}

fn source() -> Value {
    json!({"description": "The vendor of the data.", "const": shared::domain::SOURCE})
}

/// An item of `DailyStats`.
pub(crate) fn daily_stats() -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "An item of the table DailyStats",
        "description": "One patient's day. Key: `patientId` and `day`. Numbers of DynamoDB are numbers here, lists and maps are \
            arrays and objects.",
        "type": "object",
        "additionalProperties": false,
        "required": [
            "patientId", "source", "day", "metrics", "revision", "contentHash", "provisional", "observedAt",
        ],
        "properties": {
            "patientId": patient_id(),
            "source": source(),
            "day": metrics("Day", None),
            "metrics": metrics("DayMetrics", None),
            "revision": revision(),
            "contentHash": content_hash(),
            "provisional": {"description": "True if Oura may still change the day soon.", "type": "boolean"},
            "observedAt": metrics("Instant", Some("Time at which the newest content of the day was observed.")),
            "baselines": metrics(
                "Baselines",
                Some("Absent until they are computed, shortly after the day was first stored."),
            ),
            "baselinesBasis": {
                "description": "Grows with every change of the days that the baselines are computed from.",
                "type": "integer",
                "minimum": 0,
            },
        },
    })
}

/// An item of `WearableData`.
pub(crate) fn wearable_data() -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "An item of the table WearableData",
        "description": "One Oura document in normalized form; the time series give one per local day. Key: `patientId` and \
            `sk`. Numbers of DynamoDB are numbers here, lists and maps are arrays and objects, and binaries are base64.",
        "type": "object",
        "unevaluatedProperties": false,
        "required": [
            "patientId", "sk", "source", "metricType", "dataType", "day", "documentId", "metrics", "observedAt",
            "revision", "contentHash",
        ],
        "properties": {
            "patientId": patient_id(),
            "source": source(),
            "sk": {"description": "`<day>#<data type>#<document id>`.", "type": "string"},
            "metricType": metrics("MetricType", None),
            "dataType": metrics("DataType", None),
            "day": metrics("Day", None),
            "documentId": {
                "description": "Oura's id of the document; derived where Oura gives none.",
                "type": "string",
                "minLength": 1,
            },
            "observedAt": metrics("Instant", Some("Time of the beginning of the request that saw this content.")),
            "ouraUserId": {
                "description": "Oura account of the document; absent in items that were stored before accounts were \
                    recorded.",
                "type": "string",
                "minLength": 1,
            },
            "revision": revision(),
            "contentHash": content_hash(),
        },
        "oneOf": [
            metrics("StoredContent", None),
            {
                "description": "A tombstone: Oura no longer has the document.",
                "required": ["deleted", "metrics"],
                "properties": {"deleted": {"const": true}, "metrics": {"type": "object", "maxProperties": 0}},
            },
        ],
    })
}
