//! Answers that differ from Oura's own data.

use axum::body::Body;
use axum::response::Response;
use http::{StatusCode, header};
use serde_json::{Value, json};

use crate::answers::detail;
use crate::edits::edit::{edited, edited_list};

use super::fault::Fault;
use super::pages::Pages;

/// The answer as faults change it. Only a JSON answer of status 200 has documents to change. `page` is the number of the
/// page of a list that never ends.
pub(crate) async fn rewritten(response: Response, faults: &[Fault], page: u64) -> Response {
    if faults.is_empty() || response.status() != StatusCode::OK {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    parts.headers.remove(header::CONTENT_LENGTH);
    let whole = axum::body::to_bytes(body, usize::MAX).await.unwrap_or_default();
    let Ok(mut value) = serde_json::from_slice::<Value>(&whole) else {
        return Response::from_parts(parts, Body::from(whole));
    };
    for fault in faults {
        match rewrite(value, fault, page) {
            Some(changed) => value = changed,
            None => return detail(StatusCode::NOT_FOUND, "Document not found."),
        }
    }
    Response::from_parts(parts, Body::from(value.to_string()))
}

/// `None` for a single document that is omitted.
fn rewrite(mut value: Value, fault: &Fault, page: u64) -> Option<Value> {
    let Some(list) = value.get_mut("data").and_then(Value::as_array_mut) else {
        return if fault.documents.contains(0, &value) {
            edited(value, &fault.edit).into_iter().next()
        } else {
            Some(value)
        };
    };
    let mut documents = edited_list(std::mem::take(list), &fault.documents, &fault.edit);
    if page > 0 && fault.pages == Some(Pages::Empty) {
        documents.clear();
    }
    documents.truncate(fault.keep.unwrap_or(usize::MAX));
    *list = documents;
    if let Value::Object(fields) = &mut value {
        if fault.keep.is_some() {
            fields.insert("next_token".to_owned(), Value::Null);
        }
        if let Some(pages) = fault.pages {
            fields.insert("next_token".to_owned(), json!(pages.token(page)));
        }
    }
    Some(value)
}
