//! The module tree of one crate, read from its files.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{fs, io};

use syn::{Item, UseTree, Visibility};

use crate::is_test_only;

/// Modules by their path, `[]` being the crate's root.
#[derive(Default)]
pub struct CrateTree {
    /// Every module of the crate.
    pub modules: BTreeMap<Vec<String>, Module>,
}

/// One module, of a file or inline.
pub struct Module {
    /// The file that holds the module's items, relative to the crate's source folder.
    pub file: PathBuf,
    /// The module's items but for `mod` and `use`.
    pub items: Vec<Item>,
    /// Names of the items declared here, modules excluded.
    pub declared: Vec<String>,
    /// The module's `use` declarations.
    pub uses: Vec<Use>,
}

/// One name that a `use` declaration brings into a module.
#[derive(Debug, Clone)]
pub struct Use {
    /// `None` for a glob.
    pub name: Option<String>,
    /// The path as it is written.
    pub path: Vec<String>,
    /// True for `pub use` and `pub(…) use`.
    pub reexport: bool,
    /// Line of the declaration in its file.
    pub line: usize,
}

impl CrateTree {
    /// Reads the crate whose root is this file.
    ///
    /// # Errors
    ///
    /// A file that cannot be read, or that is not Rust.
    pub fn read(root: &Path) -> io::Result<Self> {
        let mut tree = Self::default();
        let folder = root.parent().unwrap_or(Path::new("")).to_path_buf();
        tree.read_file(root, &folder, &folder, Vec::new())?;
        Ok(tree)
    }

    fn read_file(&mut self, file: &Path, source: &Path, children: &Path, path: Vec<String>) -> io::Result<()> {
        let text = fs::read_to_string(file)?;
        let parsed =
            syn::parse_file(&text).map_err(|error| io::Error::other(format!("{}: {error}", file.display())))?;
        if is_test_only(&parsed.attrs) {
            return Ok(());
        }
        self.read_module(parsed.items, file, source, children, path)
    }

    fn read_module(
        &mut self,
        items: Vec<Item>,
        file: &Path,
        source: &Path,
        children: &Path,
        path: Vec<String>,
    ) -> io::Result<()> {
        let relative = file.strip_prefix(source).unwrap_or(file).to_path_buf();
        let mut module = Module { file: relative, items: Vec::new(), declared: Vec::new(), uses: Vec::new() };
        for item in items {
            if is_test_only(attributes(&item)) {
                continue;
            }
            match item {
                Item::Mod(child) => {
                    let name = child.ident.to_string();
                    let below = children.join(&name);
                    let mut path = path.clone();
                    path.push(name.clone());
                    if let Some((_, items)) = child.content {
                        self.read_module(items, file, source, &below, path)?;
                    } else if let Some(explicit) = explicit_path(&child.attrs) {
                        let file = file.parent().unwrap_or(source).join(explicit);
                        self.read_file(&file, source, &below, path)?;
                    } else {
                        let single = children.join(format!("{name}.rs"));
                        let file = if single.exists() { single } else { below.join("mod.rs") };
                        self.read_file(&file, source, &below, path)?;
                    }
                }
                Item::Use(import) => {
                    let reexport = !matches!(import.vis, Visibility::Inherited);
                    flatten(&import.tree, &mut Vec::new(), reexport, &mut module.uses);
                }
                other => {
                    module.declared.extend(declared_name(&other));
                    module.items.push(other);
                }
            }
        }
        self.modules.insert(path, module);
        Ok(())
    }
}

fn attributes(item: &Item) -> &[syn::Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

fn declared_name(item: &Item) -> Option<String> {
    Some(match item {
        Item::Const(item) => item.ident.to_string(),
        Item::Enum(item) => item.ident.to_string(),
        Item::Fn(item) => item.sig.ident.to_string(),
        Item::Macro(item) => item.ident.as_ref()?.to_string(),
        Item::Static(item) => item.ident.to_string(),
        Item::Struct(item) => item.ident.to_string(),
        Item::Trait(item) => item.ident.to_string(),
        Item::Type(item) => item.ident.to_string(),
        _ => return None,
    })
}

/// The value of `#[path = "…"]`.
fn explicit_path(attributes: &[syn::Attribute]) -> Option<String> {
    attributes.iter().find_map(|attribute| match &attribute.meta {
        syn::Meta::NameValue(pair) if pair.path.is_ident("path") => match &pair.value {
            syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }) => Some(text.value()),
            _ => None,
        },
        _ => None,
    })
}

/// The names of a `use` declaration, each with its whole path.
pub(crate) fn flatten(tree: &UseTree, prefix: &mut Vec<String>, reexport: bool, into: &mut Vec<Use>) {
    let mut add = |name: Option<String>, last: Option<&syn::Ident>, line: usize| {
        let mut path = prefix.clone();
        path.extend(last.map(ToString::to_string).filter(|last| last != "self"));
        into.push(Use { name, path, reexport, line });
    };
    match tree {
        UseTree::Path(part) => {
            prefix.push(part.ident.to_string());
            flatten(&part.tree, prefix, reexport, into);
            prefix.pop();
        }
        UseTree::Name(last) if last.ident == "self" => {
            add(prefix.last().cloned(), None, last.ident.span().start().line)
        }
        UseTree::Name(last) => add(Some(last.ident.to_string()), Some(&last.ident), last.ident.span().start().line),
        UseTree::Rename(last) => {
            add(Some(last.rename.to_string()), Some(&last.ident), last.ident.span().start().line);
        }
        UseTree::Glob(star) => add(None, None, star.star_token.spans[0].start().line),
        UseTree::Group(group) => {
            for part in &group.items {
                flatten(part, prefix, reexport, into);
            }
        }
    }
}
