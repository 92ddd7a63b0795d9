//! The log macros that a crate calls, and their `event` fields.

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};

use crate::crate_tree::CrateTree;
use crate::is_test_only;

const LOG_MACROS: [&str; 5] = ["error", "warn", "info", "debug", "trace"];

/// One call of a log macro.
#[derive(Debug)]
pub struct LogCall {
    /// File and line, for people.
    pub place: String,
    /// The literal of its `event` field.
    pub event: Option<String>,
}

/// The calls of `tracing`'s log macros in a crate, test code excluded.
#[must_use]
pub fn log_calls(tree: &CrateTree) -> Vec<LogCall> {
    let mut found = Vec::new();
    for module in tree.modules.values() {
        let mut calls = Calls::default();
        for item in &module.items {
            calls.visit_item(item);
        }
        let file = module.file.display();
        found.extend(calls.0.into_iter().map(|(line, event)| LogCall { place: format!("{file}:{line}"), event }));
    }
    found
}

#[derive(Default)]
struct Calls(Vec<(usize, Option<String>)>);

impl Calls {
    /// Finds `tracing::warn!(…)` among the tokens of another macro.
    fn tokens(&mut self, tokens: TokenStream) {
        let tokens: Vec<_> = tokens.into_iter().collect();
        for (n, token) in tokens.iter().enumerate() {
            let TokenTree::Group(group) = token else { continue };
            match &tokens[n.saturating_sub(5)..n] {
                [TokenTree::Ident(tracing), _, _, TokenTree::Ident(name), TokenTree::Punct(mark)]
                    if *tracing == "tracing" && mark.as_char() == '!' && LOG_MACROS.iter().any(|log| name == log) =>
                {
                    self.0.push((name.span().start().line, event_of(group.stream())));
                }
                _ => self.tokens(group.stream()),
            }
        }
    }
}

impl<'ast> Visit<'ast> for Calls {
    fn visit_macro(&mut self, called: &'ast syn::Macro) {
        let segments: Vec<_> = called.path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        match &segments[..] {
            [path @ .., name] if LOG_MACROS.contains(&name.as_str()) && path.iter().all(|one| one == "tracing") => {
                let line = called.path.segments[0].ident.span().start().line;
                self.0.push((line, event_of(called.tokens.clone())));
            }
            _ => self.tokens(called.tokens.clone()),
        }
        visit::visit_macro(self, called);
    }

    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        if !is_test_only(&function.attrs) {
            visit::visit_impl_item_fn(self, function);
        }
    }
}

/// The literal behind `event =`.
fn event_of(tokens: TokenStream) -> Option<String> {
    let tokens: Vec<_> = tokens.into_iter().collect();
    tokens.windows(3).find_map(|three| match three {
        [TokenTree::Ident(name), TokenTree::Punct(equals), TokenTree::Literal(value)]
            if *name == "event" && equals.as_char() == '=' =>
        {
            syn::parse_str::<syn::LitStr>(&value.to_string()).ok().map(|literal| literal.value())
        }
        _ => None,
    })
}
