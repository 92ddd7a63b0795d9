//! Log lines carry a stable `event`, and the runbook documents each.

#![expect(clippy::unwrap_used, reason = "a test may stop")]

use std::collections::BTreeSet;
use std::fs;

use source_checks::crate_tree::CrateTree;
use source_checks::macros::{LogCall, log_calls};
use source_checks::project;

/// The log calls of `shared` and the functions.
fn production_log_calls() -> Vec<LogCall> {
    let functions = fs::read_dir(project("functions")).unwrap().map(|entry| entry.unwrap().path().join("src"));
    let folders = functions.chain([project("shared/src")]);
    let roots = folders.flat_map(|folder| [folder.join("lib.rs"), folder.join("main.rs")]).filter(|root| root.exists());
    roots
        .flat_map(|root| {
            let crate_name = root.strip_prefix(project("")).unwrap().parent().unwrap().display().to_string();
            let calls = log_calls(&CrateTree::read(&root).unwrap()).into_iter();
            calls.map(move |call| LogCall { place: format!("{crate_name}/{}", call.place), ..call })
        })
        .collect()
}

/// The first column of the runbook's tables, where it is a dotted name in backticks.
fn documented_events() -> BTreeSet<String> {
    let texts =
        ["infra/README.md", "infra/RUNBOOK.md"].map(|file| fs::read_to_string(project(file)).unwrap_or_default());
    let rows = texts.iter().flat_map(|text| text.lines()).filter_map(|line| line.strip_prefix("| `"));
    let names = rows.filter_map(|row| row.split('`').next());
    let is_word =
        |word: &str| !word.is_empty() && word.chars().all(|c| c.is_ascii_lowercase() || c == '_' || c.is_ascii_digit());
    let is_event = |name: &&str| {
        let is_file = [".json", ".md", ".toml", ".yaml"].iter().any(|extension| name.ends_with(extension));
        name.contains('.') && !is_file && name.split('.').all(is_word)
    };
    names.filter(is_event).map(str::to_owned).collect()
}

#[test]
#[ignore = "until every log line has an event"]
fn log_calls_have_an_event() {
    let calls = production_log_calls();
    assert!(calls.len() > 50, "only {} log calls", calls.len());
    let without: Vec<_> = calls.into_iter().filter(|call| call.event.is_none()).map(|call| call.place).collect();
    assert!(without.is_empty(), "{} log calls without an event:\n  {}", without.len(), without.join("\n  "));
}

#[test]
#[ignore = "until every log line has an event"]
fn runbook_documents_each_log_event() {
    let written: BTreeSet<_> = production_log_calls().into_iter().filter_map(|call| call.event).collect();
    let documented = documented_events();
    let missing: Vec<_> = written.difference(&documented).collect();
    let unknown: Vec<_> = documented.difference(&written).collect();
    assert!(missing.is_empty() && unknown.is_empty(), "not documented: {missing:#?}\nnot in the code: {unknown:#?}");
}
