//! Each metric is emitted and documented, and alarms watch none but these.

#![expect(clippy::unwrap_used, reason = "a test may stop")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use source_checks::imports::mentioned_paths;
use source_checks::production::{documented_names, production_crates};
use source_checks::project;
use syn::Item;

/// The file that declares the metrics, within `shared`.
const DECLARATION: &str = "telemetry/metrics.rs";

/// The variants of `Metric`.
fn declared() -> BTreeSet<String> {
    let file = syn::parse_file(&fs::read_to_string(project("shared/src").join(DECLARATION)).unwrap()).unwrap();
    let metrics = file.items.into_iter().find_map(|item| match item {
        Item::Enum(item) if item.ident == "Metric" => Some(item.variants),
        _ => None,
    });
    metrics.unwrap().into_iter().map(|variant| variant.ident.to_string()).collect()
}

/// The metrics of this project that the templates name: those of alarms, and those of filters of the logs.
fn watched_and_filtered() -> (BTreeSet<String>, BTreeSet<String>) {
    let texts = ["template.yaml", "infra/monitoring.yaml"].map(|file| fs::read_to_string(project(file)).unwrap());
    let names = |namespace: &str| -> BTreeSet<String> {
        let rest = texts.iter().flat_map(|text| text.split(namespace).skip(1));
        let names = rest.filter_map(|rest| rest.split_once("MetricName: "));
        names.map(|(_, rest)| rest.split(['\n', ',', '}', ' ']).next().unwrap().to_owned()).collect()
    };
    (names(" Namespace: !Ref MetricsNamespace"), names("MetricNamespace: !Ref MetricsNamespace"))
}

#[test]
fn metrics_are_emitted() {
    let mut emitted = BTreeSet::new();
    for one in production_crates().unwrap() {
        for (file, path, _) in mentioned_paths(&one.tree) {
            if let [.., of, name] = &path[..]
                && of == "Metric"
                && file != Path::new(DECLARATION)
            {
                emitted.insert(name.clone());
            }
        }
    }
    let declared = declared();
    assert!(declared.len() > 20, "{declared:?}");
    let unused: Vec<_> = declared.difference(&emitted).collect();
    assert!(unused.is_empty(), "never emitted: {unused:?}");
}

#[test]
fn alarms_watch_metrics_that_exist() {
    let (watched, filtered) = watched_and_filtered();
    assert!(watched.len() > 5 && !filtered.is_empty(), "{watched:?} {filtered:?}");
    let counted: BTreeSet<_> = declared().union(&filtered).cloned().collect();
    let unknown: Vec<_> = watched.difference(&counted).collect();
    assert!(unknown.is_empty(), "alarms watch metrics that are never written: {unknown:?}");
}

#[test]
fn runbook_documents_each_metric() {
    let (_, filtered) = watched_and_filtered();
    let written: BTreeSet<_> = declared().union(&filtered).cloned().collect();
    let is_metric = |name: &String| {
        name.starts_with(|c: char| c.is_ascii_uppercase())
            && name.chars().all(char::is_alphanumeric)
            && !name.ends_with("Alarm")
    };
    let documented: BTreeSet<_> = documented_names().unwrap().into_iter().filter(is_metric).collect();
    let missing: Vec<_> = written.difference(&documented).collect();
    let unknown: Vec<_> = documented.difference(&written).collect();
    assert!(missing.is_empty() && unknown.is_empty(), "not documented: {missing:#?}\nnot in the code: {unknown:#?}");
}
