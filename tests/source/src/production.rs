//! The crates that are deployed, and the runbook that explains their logs and metrics.

use std::collections::BTreeSet;
use std::{fs, io};

use crate::crate_tree::CrateTree;
use crate::project;

/// A deployed crate or binary: its folder within the project, and its modules.
pub struct ProductionCrate {
    /// Source folder, relative to the project.
    pub folder: String,
    /// The modules.
    pub tree: CrateTree,
}

/// `shared` and the functions, libraries and binaries.
///
/// # Errors
///
/// A source that cannot be read or parsed.
pub fn production_crates() -> io::Result<Vec<ProductionCrate>> {
    let mut folders = vec!["shared/src".to_owned()];
    for function in fs::read_dir(project("functions"))? {
        folders.push(format!("functions/{}/src", function?.file_name().to_string_lossy()));
    }
    let mut crates = Vec::new();
    for folder in folders {
        for root in ["lib.rs", "main.rs"] {
            let root = project(&folder).join(root);
            if root.exists() {
                crates.push(ProductionCrate { folder: folder.clone(), tree: CrateTree::read(&root)? });
            }
        }
    }
    Ok(crates)
}

/// The names in backticks that begin a row of a table in the runbook.
///
/// # Errors
///
/// A runbook that cannot be read.
pub fn documented_names() -> io::Result<BTreeSet<String>> {
    let runbook = fs::read_to_string(project("infra/RUNBOOK.md"))?;
    let rows = runbook.lines().filter_map(|line| line.strip_prefix("| `"));
    Ok(rows.filter_map(|row| row.split('`').next()).map(str::to_owned).collect())
}
