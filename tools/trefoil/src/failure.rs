//! How a command fails: one line on stderr, and an exit status.

use std::error::Error;
use std::fmt::{self, Display, Write as _};
use std::process::ExitCode;

/// A command that did not do what it was asked.
#[derive(Debug)]
pub(crate) struct Failure {
    line: String,
    status: u8,
}

impl Failure {
    /// Exit status 1: the command was right and could not be done. `line` says what failed, on
    /// what, why, and what to do.
    pub(crate) fn error(line: impl Display) -> Self {
        Self {
            line: one_line(&line.to_string()),
            status: 1,
        }
    }

    /// Exit status 1 with the whole chain of causes of `cause` behind `what`.
    pub(crate) fn because(what: impl Display, cause: &dyn Error) -> Self {
        Self::error(format!("{what}: {}", chain(cause)))
    }

    /// Exit status 2: the command itself is wrong.
    pub(crate) fn usage(line: impl Display) -> Self {
        Self {
            line: one_line(&line.to_string()),
            status: 2,
        }
    }

    /// Prints the line and gives the status.
    pub(crate) fn report(&self) -> ExitCode {
        eprintln!("trefoil: {}", self.line);
        ExitCode::from(self.status)
    }
}

impl Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.line)
    }
}

/// An error and its sources in one text, outermost first. A source whose text its wrapper already
/// quotes is not repeated.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            // Writing to a String cannot fail.
            let _ = write!(text, ": {cause_text}");
        }
        source = cause.source();
    }
    text
}

fn one_line(text: &str) -> String {
    let lines: Vec<&str> = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    escaped(&lines.join("; "))
}

/// Names come from clients, and a terminal acts on the control characters in them.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() {
            out.extend(character.escape_default());
        } else {
            out.push(character);
        }
    }
    out
}

#[cfg(test)]
mod tests;
