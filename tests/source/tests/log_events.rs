//! Log lines carry a stable `event`, and the runbook documents each.

#![expect(clippy::unwrap_used, reason = "a test may stop")]

use std::collections::BTreeSet;

use source_checks::macros::{LogCall, log_calls};
use source_checks::production::{documented_names, production_crates};

/// The log calls of `shared` and the functions.
fn production_log_calls() -> Vec<LogCall> {
    let mut calls = Vec::new();
    for one in production_crates().unwrap() {
        let place = |call: &LogCall| format!("{}/{}", one.folder, call.place);
        calls.extend(log_calls(&one.tree).into_iter().map(|call| LogCall { place: place(&call), ..call }));
    }
    assert!(calls.len() > 50, "only {} log calls", calls.len());
    calls
}

/// True for `component.what_happened`.
fn is_event(name: &str) -> bool {
    let is_word =
        |word: &str| !word.is_empty() && word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    let is_file = [".json", ".md", ".toml", ".yaml"].iter().any(|extension| name.ends_with(extension));
    name.contains('.') && !is_file && name.split('.').all(is_word)
}

#[test]
fn log_calls_have_an_event() {
    let without = |call: LogCall| match call.event {
        Some(event) if is_event(&event) => None,
        Some(event) => Some(format!("{}: {event:?} is not of the form component.what_happened", call.place)),
        None => Some(call.place),
    };
    let without: Vec<_> = production_log_calls().into_iter().filter_map(without).collect();
    assert!(without.is_empty(), "{} log calls without an event:\n  {}", without.len(), without.join("\n  "));
}

#[test]
fn runbook_documents_each_log_event() {
    let written: BTreeSet<_> = production_log_calls().into_iter().filter_map(|call| call.event).collect();
    let documented: BTreeSet<_> = documented_names().unwrap().into_iter().filter(|name| is_event(name)).collect();
    let missing: Vec<_> = written.difference(&documented).collect();
    let unknown: Vec<_> = documented.difference(&written).collect();
    assert!(missing.is_empty() && unknown.is_empty(), "not documented: {missing:#?}\nnot in the code: {unknown:#?}");
}
