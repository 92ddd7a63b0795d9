//! Reads the workspace's own sources: a crate's modules, the imports between its files, and the macros it calls.
//!
//! Parts under `#[cfg(test)]` are skipped.

pub mod crate_tree;
pub mod cycles;
pub mod imports;
pub mod macros;
pub mod production;

use std::path::{Path, PathBuf};

/// A file or folder of the workspace.
#[must_use]
pub fn project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

/// True if an item with these attributes is compiled for tests only.
fn is_test_only(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let syn::Meta::List(list) = &attribute.meta else { return attribute.path().is_ident("test") };
        let condition = list.tokens.to_string();
        let words: Vec<_> = condition.split(|c: char| !c.is_alphanumeric()).collect();
        list.path.is_ident("cfg") && words.contains(&"test") && !words.contains(&"not")
    })
}
