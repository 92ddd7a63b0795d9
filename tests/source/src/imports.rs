//! Imports between the files of a crate.
//!
//! An import leads to the file that declares the imported item: a re-export on the way is followed, and is no import itself
//! unless the re-exporting file uses the name. A `mod` declaration is no import. Calls of methods are not resolved.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};

use crate::crate_tree::{CrateTree, Module, Use, flatten};
use crate::is_test_only;

/// The imports of a crate: importing file, imported file, and one line and path that import.
pub type Imports = BTreeMap<(PathBuf, PathBuf), (usize, String)>;

/// The deepest chain of re-exports that is followed.
const MAX_REEXPORTS: usize = 16;

/// The imports between the files of this crate.
#[must_use]
pub fn imports(tree: &CrateTree) -> Imports {
    let mut imports = Imports::new();
    for (path, module) in &tree.modules {
        let mentioned = Mentioned::of(module);
        let used: BTreeSet<&String> = mentioned.paths.iter().filter_map(|(path, _)| path.first()).collect();
        let own = module
            .uses
            .iter()
            .filter(|import| !import.reexport || import.name.as_ref().is_some_and(|name| used.contains(name)));
        let own = own.chain(&mentioned.uses).map(|import| (import.path.clone(), import.line));
        for (mention, line) in own.chain(mentioned.paths.iter().cloned()) {
            let Some(file) = tree.declaring_file(path, &mention, 0) else { continue };
            if file != module.file {
                let text = mention.join("::");
                imports.entry((module.file.clone(), file)).or_insert((line, text));
            }
        }
    }
    imports
}

/// The paths that a crate's items mention: file, path and line.
#[must_use]
pub fn mentioned_paths(tree: &CrateTree) -> Vec<(PathBuf, Vec<String>, usize)> {
    let mut all = Vec::new();
    for module in tree.modules.values() {
        all.extend(Mentioned::of(module).paths.into_iter().map(|(path, line)| (module.file.clone(), path, line)));
    }
    all
}

impl CrateTree {
    /// The file that declares what this path names in this module, if it is an item of this crate and not a module.
    fn declaring_file(&self, module: &[String], path: &[String], depth: usize) -> Option<PathBuf> {
        let (first, rest) = path.split_first()?;
        if depth > MAX_REEXPORTS {
            return None;
        }
        match first.as_str() {
            "crate" => self.declared_in(&[], rest, depth),
            "self" => self.declared_in(module, rest, depth),
            "super" => self.declared_in(module.split_last()?.1, rest, depth),
            _ => self.declared_in(module, path, depth),
        }
    }

    fn declared_in(&self, module: &[String], path: &[String], depth: usize) -> Option<PathBuf> {
        let (first, rest) = path.split_first()?;
        if first == "super" {
            return self.declared_in(module.split_last()?.1, rest, depth);
        }
        let here: &Module = self.modules.get(module)?;
        if here.declared.contains(first) {
            return Some(here.file.clone());
        }
        let child = [module, std::slice::from_ref(first)].concat();
        if self.modules.contains_key(&child) {
            return self.declared_in(&child, rest, depth);
        }
        let named = here.uses.iter().filter(|import| import.name.as_ref() == Some(first));
        let globs = here.uses.iter().filter(|import| import.name.is_none());
        let onward = named.map(|import| [&import.path, rest].concat());
        let onward = onward.chain(globs.map(|import| [&import.path[..], path].concat()));
        onward
            .filter(|onward| onward.first() != Some(first) || onward.len() > path.len() || onward[..] != *path)
            .find_map(|onward| self.declaring_file(module, &onward, depth + 1))
    }
}

/// The paths that a module's items mention, also inside of macros.
#[derive(Default)]
struct Mentioned {
    paths: Vec<(Vec<String>, usize)>,
    uses: Vec<Use>,
}

impl Mentioned {
    fn of(module: &Module) -> Self {
        let mut mentioned = Self::default();
        module.items.iter().for_each(|item| mentioned.visit_item(item));
        mentioned
    }

    /// Collects `a::b::c` from the tokens of a macro.
    fn tokens(&mut self, tokens: TokenStream) {
        let mut path: Vec<String> = Vec::new();
        let mut line = 0;
        let mut colons = 0;
        for token in tokens {
            match token {
                TokenTree::Ident(ident) => {
                    if colons != 2 {
                        self.add(std::mem::take(&mut path), line);
                        line = ident.span().start().line;
                    }
                    path.push(ident.to_string());
                    colons = 0;
                }
                TokenTree::Punct(punct) if punct.as_char() == ':' => colons += 1,
                other => {
                    self.add(std::mem::take(&mut path), line);
                    colons = 0;
                    if let TokenTree::Group(group) = other {
                        self.tokens(group.stream());
                    }
                }
            }
        }
        self.add(path, line);
    }

    fn add(&mut self, path: Vec<String>, line: usize) {
        if !path.is_empty() {
            self.paths.push((path, line));
        }
    }
}

impl<'ast> Visit<'ast> for Mentioned {
    fn visit_path(&mut self, path: &'ast syn::Path) {
        let line = path.segments.first().map_or(0, |first| first.ident.span().start().line);
        self.add(path.segments.iter().map(|segment| segment.ident.to_string()).collect(), line);
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, called: &'ast syn::Macro) {
        self.tokens(called.tokens.clone());
        visit::visit_macro(self, called);
    }

    fn visit_item_use(&mut self, import: &'ast syn::ItemUse) {
        flatten(&import.tree, &mut Vec::new(), false, &mut self.uses);
    }

    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        if !is_test_only(&function.attrs) {
            visit::visit_impl_item_fn(self, function);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::cycles::circles;

    /// The imports of a crate of these files.
    fn imports_of(files: &[(&str, &str)]) -> Imports {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        imports(&CrateTree::read(&folder.path().join("lib.rs")).unwrap())
    }

    fn pairs(imports: &Imports) -> Vec<String> {
        imports.keys().map(|(from, to)| format!("{} > {}", from.display(), to.display())).collect()
    }

    #[test]
    fn import_leads_through_reexports_and_modules_to_the_declaring_file() {
        let files = [
            ("lib.rs", "mod a; mod b; pub use a::Part; #[cfg(test)] mod tests;"),
            ("a/mod.rs", "mod inner; pub use inner::{Part, Whole as All};"),
            ("a/inner.rs", "pub struct Part; pub struct Whole; #[cfg(test)] fn test() { crate::b::run(); }"),
            ("b.rs", "use crate::a; use crate::Part; fn run(_: Part, _: a::All) {}"),
        ];
        let imports = imports_of(&files);
        assert_eq!(pairs(&imports), ["b.rs > a/inner.rs"]);
        assert_eq!(circles(&imports), []);
    }

    #[test]
    fn import_is_found_in_macros_globs_and_inline_paths() {
        let files = [
            ("lib.rs", "mod a; mod b; mod c;"),
            ("a.rs", "use super::b::*; fn one() { assert!(two()); }"),
            ("b.rs", "pub fn two() -> bool { matches!(crate::c::three(), 3) }"),
            ("c.rs", "pub fn three() -> u8 { self::four() } fn four() -> u8 { super::a::one(); 4 }"),
        ];
        let imports = imports_of(&files);
        assert_eq!(pairs(&imports), ["a.rs > b.rs", "b.rs > c.rs", "c.rs > a.rs"]);
        assert_eq!(circles(&imports), [["a.rs", "b.rs", "c.rs"].map(PathBuf::from).into()]);
    }
}
