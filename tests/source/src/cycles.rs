//! Circles of files that import each other.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::imports::Imports;

/// The groups of files of which each imports, over others, each other one; a file alone is none.
#[must_use]
pub fn circles(imports: &Imports) -> Vec<BTreeSet<PathBuf>> {
    let mut next: BTreeMap<&Path, Vec<&Path>> = BTreeMap::new();
    for (from, to) in imports.keys() {
        next.entry(from).or_default().push(to);
    }
    let reached: BTreeMap<&Path, BTreeSet<&Path>> = next.keys().map(|from| (*from, reachable(&next, from))).collect();
    let mut found: Vec<BTreeSet<PathBuf>> = Vec::new();
    for (from, to) in &reached {
        if to.contains(from) && !found.iter().any(|circle| circle.contains(*from)) {
            let back = |file: &&Path| reached.get(*file).is_some_and(|to| to.contains(from));
            found.push(to.iter().copied().filter(back).map(Path::to_path_buf).collect());
        }
    }
    found
}

fn reachable<'g>(next: &BTreeMap<&'g Path, Vec<&'g Path>>, from: &Path) -> BTreeSet<&'g Path> {
    let mut seen = BTreeSet::new();
    let mut open = next.get(from).cloned().unwrap_or_default();
    while let Some(file) = open.pop() {
        if seen.insert(file) {
            open.extend(next.get(file).into_iter().flatten());
        }
    }
    seen
}

/// The imports inside of a circle, as text for people.
#[must_use]
pub fn describe(circle: &BTreeSet<PathBuf>, imports: &Imports) -> String {
    let inside = imports.iter().filter(|((from, to), _)| circle.contains(from) && circle.contains(to));
    inside
        .map(|((from, to), (line, path))| format!("  {}:{line} imports {path} of {}\n", from.display(), to.display()))
        .collect()
}
