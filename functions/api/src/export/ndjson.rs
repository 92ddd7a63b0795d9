//! Lines in this project's own shapes, each with its `type`.

use serde::Serialize;
use serde_json::json;
use shared::domain::{DailyStats, PatientId, StoredRecord};
use shared::http::HttpError;

use super::page::Page;
use crate::daily::ShownDay;
use crate::records::{Shown, unwritable};
use crate::{Deps, connections, unavailable};

/// One more when a line's shape changes so that readers have to know.
const VERSION: u32 = 1;

#[derive(Serialize)]
struct Line<T> {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(flatten)]
    content: T,
}

/// Writes the first lines: the kind of the export, the connection if there ever was one, the consents and the profile.
///
/// # Errors
/// 503.
pub(super) async fn begin(deps: &Deps, patient: &PatientId, page: &mut Page) -> Result<(), HttpError> {
    let frame = json!({"version": VERSION, "patientId": patient, "exportedAt": deps.clock.now()});
    page.frame(&line("export", frame)?);
    for connection in connections::of_patient(deps, patient).await? {
        page.frame(&line("connection", connection)?);
    }
    for consent in deps.connections.consents(patient).await.map_err(unavailable)? {
        page.frame(&line("consent", consent)?);
    }
    if let Some(profile) = deps.connections.profile(patient).await.map_err(unavailable)? {
        page.frame(&line("profile", profile)?);
    }
    Ok(())
}

/// Writes the last line of a page, so that a truncated page is noticed.
///
/// # Errors
/// 500.
pub(super) fn end(cursor: Option<&str>, page: &mut Page) -> Result<(), HttpError> {
    page.frame(&line("end", json!({"complete": cursor.is_none(), "cursor": cursor}))?);
    Ok(())
}

/// # Errors
/// 500.
pub(super) fn day(stats: &DailyStats) -> Result<String, HttpError> {
    line("day", ShownDay::of(stats, None))
}

/// # Errors
/// 500.
pub(super) fn record(stored: &StoredRecord) -> Result<String, HttpError> {
    line("record", Shown::from(stored))
}

fn line(kind: &'static str, content: impl Serialize) -> Result<String, HttpError> {
    let mut line = serde_json::to_string(&Line { kind, content }).map_err(unwritable)?;
    line.push('\n');
    Ok(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_begins_with_its_type() {
        assert_eq!(line("end", json!({"cursor": null})).unwrap(), "{\"type\":\"end\",\"cursor\":null}\n");
    }
}
