//! Lines per file, characters per line, ASCII.
//!
//! Files have up to [`TARGET`] lines. Those that are longer are listed in `ratchet.txt` with their
//! length, and may only become shorter; past [`HARD`] there is no exception.

use std::collections::BTreeMap;

use crate::tidy::Finding;
use crate::tidy::tree::Source;

const TARGET: usize = 300;
const HARD: usize = 500;
const WIDTH: usize = 100;
/// The list: a path and a number of lines per line.
const RATCHET: &str = "tools/xtask/ratchet.txt";

pub(crate) fn check(sources: &[Source], findings: &mut Vec<Finding>) {
    let mut listed = ratchet(sources, findings);
    for source in sources {
        ascii(source, findings);
        if source.is_code() {
            file(source, listed.remove(source.path.as_str()), findings);
            widths(source, findings);
        }
    }
    for path in listed.into_keys() {
        let message = format!("{path} is listed and does not exist; take it off the list");
        findings.push(Finding {
            path: RATCHET.to_owned(),
            line: 0,
            message,
        });
    }
}

fn ratchet<'a>(sources: &'a [Source], findings: &mut Vec<Finding>) -> BTreeMap<&'a str, usize> {
    let mut listed = BTreeMap::new();
    let Some(list) = sources.iter().find(|source| source.path == RATCHET) else {
        return listed;
    };
    for (number, line) in list.text.lines().enumerate() {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let entry = line
            .split_once(' ')
            .map(|(path, lines)| (path, lines.parse()));
        match entry {
            Some((path, Ok(lines))) => {
                listed.insert(path, lines);
            }
            _ => findings.push(Finding::new(
                list,
                number + 1,
                "is no path and number of lines",
            )),
        }
    }
    listed
}

fn file(source: &Source, listed: Option<usize>, findings: &mut Vec<Finding>) {
    let lines = source.text.lines().count();
    let message = match listed {
        _ if lines > HARD => format!("{lines} lines; {HARD} is the most: split it by role"),
        None if lines > TARGET => format!("{lines} lines; split it to {TARGET} or fewer"),
        Some(_) if lines <= TARGET => format!("is short enough now; take it off {RATCHET}"),
        Some(limit) if lines > limit => format!("{lines} lines; it may only shrink from {limit}"),
        Some(limit) if lines < limit => format!("write {lines} instead of {limit} in {RATCHET}"),
        _ => return,
    };
    findings.push(Finding::new(source, 0, message));
}

fn widths(source: &Source, findings: &mut Vec<Finding>) {
    for (number, line) in source.text.lines().enumerate() {
        let width = line.chars().count();
        if width > WIDTH {
            let message = format!("{width} characters; {WIDTH} is the most");
            findings.push(Finding::new(source, number + 1, message));
        }
    }
}

fn ascii(source: &Source, findings: &mut Vec<Finding>) {
    for (number, line) in source.text.lines().enumerate() {
        if let Some(character) = line.chars().find(|character| !character.is_ascii()) {
            let message = format!("{character:?} is not ASCII; write it in ASCII or escape it");
            findings.push(Finding::new(source, number + 1, message));
        }
    }
}

#[cfg(test)]
mod tests;
