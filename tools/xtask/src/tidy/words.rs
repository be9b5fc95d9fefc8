//! Words that must not stand in the tree, or not in the engine.

use std::str::FromStr as _;

use proc_macro2::{Delimiter, TokenStream, TokenTree};

use crate::tidy::Finding;
use crate::tidy::tree::Source;

/// What unfinished work leaves behind. In pieces, so that this file may be checked too.
const LEFTOVERS: [&str; 7] = [
    concat!("FIX", "ME"),
    concat!("TO", "DO"),
    concat!("XX", "X:"),
    concat!("HA", "CK"),
    concat!("for", " now"),
    concat!("place", "holder"),
    concat!("unimpl", "emented!"),
];
/// Where one machine keeps its work.
const MACHINE_PATHS: [&str; 2] = [concat!("/wo", "rk/"), concat!("/fa", "rm/")];
/// What system calls answer with, in the one crate that makes them.
const HOST_WORD: &str = "errno";
const HOST_CRATE: &str = "engine/device/";
/// Words of the protocols that frontends speak: the engine serves all and names none.
const PROTOCOL_WORDS: [&str; 5] = ["nbd", "errno", "http", "s3", "fuse"];

pub(crate) fn check(source: &Source, findings: &mut Vec<Finding>) {
    for (number, line) in source.text.lines().enumerate() {
        for word in LEFTOVERS {
            if contains_word(line, word) {
                let message = format!("`{word}` is left over: do it, or say what is and is not so");
                findings.push(Finding::new(source, number + 1, message));
            }
        }
        for path in MACHINE_PATHS {
            if contains_path(line, path) {
                let message = format!("`{path}` is a path of one machine");
                findings.push(Finding::new(source, number + 1, message));
            }
        }
    }
    if source.is_rust() && source.path.starts_with("engine/") {
        // What does not parse is found elsewhere.
        if let Ok(tokens) = TokenStream::from_str(&source.text) {
            protocols(source, tokens, findings);
        }
    }
}

/// `word` with nothing alphanumeric right before or after it.
fn contains_word(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, found)| {
        let before = line[..at].chars().next_back();
        let after = line[at + found.len()..].chars().next();
        let open = |side: Option<char>| !side.is_some_and(char::is_alphanumeric);
        open(before) && (open(after) || !word.ends_with(char::is_alphanumeric))
    })
}

/// `path` at the start of an absolute path: `tests/work/x` is none.
fn contains_path(line: &str, path: &str) -> bool {
    line.match_indices(path).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|character| character.is_alphanumeric() || "_.-/".contains(character))
    })
}

/// Code and strings; comments and documentation may compare.
fn protocols(source: &Source, tokens: TokenStream, findings: &mut Vec<Finding>) {
    for token in tokens {
        let text = match &token {
            TokenTree::Group(group) => {
                if group.delimiter() != Delimiter::Bracket || !is_doc(&group.stream()) {
                    protocols(source, group.stream(), findings);
                }
                continue;
            }
            TokenTree::Punct(_) => continue,
            TokenTree::Ident(ident) => ident.to_string(),
            TokenTree::Literal(literal) => literal.to_string(),
        };
        let words = words(&text);
        for word in PROTOCOL_WORDS {
            let host = word == HOST_WORD && source.path.starts_with(HOST_CRATE);
            if !host && words.iter().any(|found| found == word) {
                let message = format!("`{text}` names a protocol; the engine knows none");
                findings.push(Finding::new(source, token.span().start().line, message));
            }
        }
    }
}

fn is_doc(attribute: &TokenStream) -> bool {
    matches!(
        attribute.clone().into_iter().next(),
        Some(TokenTree::Ident(first)) if first == "doc"
    )
}

/// The words of an identifier or text in lower case: `NbdServer_x` gives `nbd`, `server`, `x`.
fn words(text: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut previous = ' ';
    for character in text.chars() {
        let starts = !character.is_ascii_alphanumeric()
            || (character.is_ascii_uppercase() && !previous.is_ascii_uppercase());
        if starts {
            words.push(String::new());
        }
        if character.is_ascii_alphanumeric()
            && let Some(word) = words.last_mut()
        {
            word.push(character.to_ascii_lowercase());
        }
        previous = character;
    }
    words
}

#[cfg(test)]
mod tests;
