//! Files import each other without circles, and the crate `shared` imports downwards only.

#![expect(clippy::unwrap_used, reason = "a test may stop")]

use std::path::Path;

use source_checks::crate_tree::CrateTree;
use source_checks::cycles::{circles, describe};
use source_checks::imports::{Imports, imports};
use source_checks::project;

/// The parts of `shared`, and those each may import beside itself.
const LAYERS: [(&str, &[&str]); 5] = [
    ("domain", &[]),
    ("oura", &["domain"]),
    ("normalize", &["domain", "oura"]),
    ("aws", &["domain", "oura", "normalize", "env", "telemetry"]),
    ("vault", &["domain", "oura", "aws", "env", "telemetry"]),
];

fn imports_of(folder: &str) -> Imports {
    let imports = imports(&CrateTree::read(&project(folder).join("lib.rs")).unwrap());
    assert!(imports.len() > 10, "{folder}: only {} imports", imports.len());
    imports
}

/// The part of `shared` that a file belongs to: its first folder, or its own name.
fn part(file: &Path) -> String {
    Path::new(file.iter().next().unwrap()).file_stem().unwrap().to_string_lossy().into_owned()
}

fn refuse_circles(folder: &str) {
    let imports = imports_of(folder);
    let circles = circles(&imports);
    let text: Vec<_> = circles.iter().map(|circle| describe(circle, &imports)).collect();
    assert!(circles.is_empty(), "{} circles of files in {folder}:\n{}", circles.len(), text.join("\n"));
}

#[test]
fn worker_has_no_circle_of_files() {
    refuse_circles("functions/worker/src");
}

#[test]
fn shared_has_no_circle_of_files() {
    refuse_circles("shared/src");
}

#[test]
fn simulator_has_no_circle_of_files() {
    refuse_circles("infra/oura-simulator/src");
}

#[test]
fn shared_imports_downwards() {
    let mut upward = String::new();
    for ((from, to), (line, path)) in imports_of("shared/src") {
        let (part_of_from, part_of_to) = (part(&from), part(&to));
        let below = LAYERS.iter().find(|(layer, _)| *layer == part_of_from);
        let allowed = below.is_none_or(|(_, below)| part_of_from == part_of_to || below.contains(&&*part_of_to));
        if !allowed {
            upward += &format!("  {}:{line} imports {path} of {}\n", from.display(), to.display());
        }
    }
    assert!(upward.is_empty(), "upward imports in shared:\n{upward}");
}
