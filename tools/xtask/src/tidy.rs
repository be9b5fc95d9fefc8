//! The rules, and what they find.
//!
//! | rule | file |
//! |---|---|
//! | lines per file, characters per line, ASCII | `lengths.rs` |
//! | lines per function, `#[ignore]` with a reason | `functions.rs` |
//! | leftovers, paths of one machine, words of protocols in the engine | `words.rs` |
//! | which crate may depend on which | `arrows.rs` |

mod arrows;
mod functions;
mod lengths;
mod tree;
mod words;

use std::fmt;
use std::io;
use std::path::Path;

use tree::Source;

/// One thing that is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Finding {
    path: String,
    /// Counted from 1; 0 for the whole file.
    line: usize,
    message: String,
}

impl Finding {
    fn new(source: &Source, line: usize, message: impl Into<String>) -> Self {
        Self {
            path: source.path.clone(),
            line,
            message: message.into(),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.path, self.message),
            line => write!(f, "{}:{line}: {}", self.path, self.message),
        }
    }
}

/// Checks the tree at `root`; the findings are sorted by path and line.
pub(crate) fn check(root: &Path) -> io::Result<Vec<Finding>> {
    let sources = tree::read(root)?;
    let mut findings = Vec::new();
    lengths::check(&sources, &mut findings);
    arrows::check(&sources, &mut findings);
    for source in &sources {
        words::check(source, &mut findings);
        if source.is_rust() {
            functions::check(source, &mut findings);
        }
    }
    findings.sort();
    Ok(findings)
}
