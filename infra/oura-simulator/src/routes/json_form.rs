//! JSON bodies, read as FastAPI does, with its 422.

use axum::response::Response;
use http::{HeaderMap, StatusCode, header};
use serde_json::{Map, Value, json};

use crate::answers::json_text;

/// A JSON object, and its errors so far.
pub(crate) struct JsonForm {
    fields: Map<String, Value>,
    errors: Vec<Value>,
}

impl JsonForm {
    pub(crate) fn parse(headers: &HeaderMap, body: &[u8]) -> Result<Self, Box<Response>> {
        let refused = |error: Value| Err(Box::new(unprocessable(&[error])));
        if body.is_empty() {
            return refused(json!({ "type": "missing", "loc": ["body"], "msg": "Field required" }));
        }
        // Without a JSON content type the body is taken for text.
        let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let essence = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let parsed = if essence == "application/json" {
            match serde_json::from_slice(body) {
                Ok(value) => value,
                Err(error) => {
                    // As in Python the place is counted in characters; in one line it is the column.
                    let loc = json!(["body", error.column()]);
                    return refused(json!({ "type": "json_invalid", "loc": loc, "msg": "JSON decode error" }));
                }
            }
        } else {
            Value::Null
        };
        match parsed {
            Value::Object(fields) => Ok(Self { fields, errors: vec![] }),
            _ => refused(json!({
                "type": "model_attributes_type",
                "loc": ["body"],
                "msg": "Input should be a valid dictionary or object to extract fields from",
            })),
        }
    }

    /// A required text.
    pub(crate) fn text(&mut self, name: &str) -> Option<String> {
        match self.fields.get(name) {
            Some(Value::String(text)) => Some(text.clone()),
            Some(_) => {
                // The input is not repeated, as FastAPI would: it may be a secret.
                self.refuse(name, "string_type", "Input should be a valid string");
                None
            }
            None => {
                self.refuse(name, "missing", "Field required");
                None
            }
        }
    }

    /// A required word of a set.
    pub(crate) fn word<T>(&mut self, name: &str, words: &str, parse: impl Fn(&str) -> Option<T>) -> Option<T> {
        let Some(given) = self.fields.get(name) else {
            self.refuse(name, "missing", "Field required");
            return None;
        };
        let meant = given.as_str().and_then(parse);
        if meant.is_none() {
            self.refuse(name, "enum", &format!("Input should be {words}"));
        }
        meant
    }

    /// An optional text; null counts as absent. The outer `None` is an error.
    pub(crate) fn optional_text(&mut self, name: &str) -> Option<Option<String>> {
        if self.is_absent(name) { Some(None) } else { self.text(name).map(Some) }
    }

    /// An optional word of a set; null counts as absent. The outer `None` is an error.
    pub(crate) fn optional_word<T>(
        &mut self,
        name: &str,
        words: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Option<Option<T>> {
        if self.is_absent(name) { Some(None) } else { self.word(name, words, parse).map(Some) }
    }

    fn is_absent(&self, name: &str) -> bool {
        self.fields.get(name).is_none_or(Value::is_null)
    }

    fn refuse(&mut self, name: &str, kind: &str, message: &str) {
        self.errors.push(json!({ "type": kind, "loc": ["body", name], "msg": message }));
    }

    /// The 422 with all errors.
    pub(crate) fn refused(self) -> Box<Response> {
        Box::new(unprocessable(&self.errors))
    }
}

fn unprocessable(errors: &[Value]) -> Response {
    json_text(StatusCode::UNPROCESSABLE_ENTITY, json!({ "detail": errors }).to_string())
}
