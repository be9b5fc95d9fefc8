//! Lines per function, and `#[ignore]` with a reason.

use proc_macro2::Span;
use syn::spanned::Spanned as _;
use syn::visit::{self, Visit};
use syn::{Attribute, Block, ImplItemFn, ItemFn, Meta, TraitItemFn};

use crate::tidy::Finding;
use crate::tidy::tree::Source;

/// Lines of a body that are neither blank nor comments, as clippy counts them. Here too, because
/// clippy can be told to look away.
const LINES_MAX: usize = 70;

pub(crate) fn check(source: &Source, findings: &mut Vec<Finding>) {
    match syn::parse_file(&source.text) {
        Ok(file) => {
            let lines = source.text.lines().collect();
            Visitor {
                source,
                lines,
                findings,
            }
            .visit_file(&file);
        }
        Err(error) => {
            let line = error.span().start().line;
            findings.push(Finding::new(source, line, format!("is not Rust: {error}")));
        }
    }
}

struct Visitor<'a> {
    source: &'a Source,
    lines: Vec<&'a str>,
    findings: &'a mut Vec<Finding>,
}

impl Visitor<'_> {
    fn function(&mut self, name: &syn::Ident, body: &Block) {
        let first = body.span().start().line;
        let last = body.span().end().line;
        // Lines count from 1; those of the braces are left out.
        let inner = self
            .lines
            .get(first..last.saturating_sub(1))
            .unwrap_or_default();
        let lines = inner.iter().filter(|line| is_code(line)).count();
        if lines > LINES_MAX {
            let message = format!("fn {name} has {lines} lines; {LINES_MAX} is the most");
            self.finding(name.span(), message);
        }
    }

    fn attributes(&mut self, attributes: &[Attribute]) {
        for attribute in attributes {
            if attribute.path().is_ident("ignore") && matches!(attribute.meta, Meta::Path(_)) {
                let message = "a test is ignored without a reason: write #[ignore = \"...\"]";
                self.finding(attribute.span(), message.to_owned());
            }
        }
    }

    fn finding(&mut self, at: Span, message: String) {
        self.findings
            .push(Finding::new(self.source, at.start().line, message));
    }
}

impl<'ast> Visit<'ast> for Visitor<'_> {
    fn visit_item_fn(&mut self, item: &'ast ItemFn) {
        self.function(&item.sig.ident, &item.block);
        self.attributes(&item.attrs);
        visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast ImplItemFn) {
        self.function(&item.sig.ident, &item.block);
        visit::visit_impl_item_fn(self, item);
    }

    fn visit_trait_item_fn(&mut self, item: &'ast TraitItemFn) {
        if let Some(body) = &item.default {
            self.function(&item.sig.ident, body);
        }
        visit::visit_trait_item_fn(self, item);
    }
}

fn is_code(line: &str) -> bool {
    let line = line.trim_start();
    !line.is_empty() && !line.starts_with("//")
}

#[cfg(test)]
mod tests;
