//! The rules that the tree is built by, held by a machine.

use std::fs;
use std::path::{Path, PathBuf};

fn sources(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

#[test]
fn the_oura_client_the_domain_and_normalization_know_no_aws() {
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/src");
    let inner: Vec<_> = ["oura", "domain", "normalize"].iter().flat_map(|dir| sources(&shared.join(dir))).collect();
    assert!(inner.len() > 15, "the folders are where they were");
    for path in inner {
        let text = fs::read_to_string(&path).unwrap();
        for word in ["aws_sdk", "aws_config", "crate::aws", "lambda_", "crate::http", "crate::vault"] {
            assert!(!text.contains(word), "{} mentions {word}", path.display());
        }
    }
}

#[test]
fn a_main_only_composes() {
    let functions = Path::new(env!("CARGO_MANIFEST_DIR")).join("../functions");
    for entry in fs::read_dir(functions).unwrap() {
        let main = entry.unwrap().path().join("src/main.rs");
        let lines = fs::read_to_string(&main).unwrap().lines().count();
        assert!(lines <= 45, "{} has {lines} lines", main.display());
    }
}
