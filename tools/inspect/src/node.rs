//! What is printed: a tree of structures with fields, as text or as JSON.

use std::fmt::Write as _;

use serde_json::{Map, Value};

/// A structure.
#[derive(Debug, Default)]
pub(crate) struct Node {
    /// What it is and where.
    pub(crate) title: String,
    /// What is wrong with it.
    pub(crate) problems: Vec<String>,
    pub(crate) fields: Vec<Field>,
    /// What it consists of or leads to.
    pub(crate) parts: Vec<Node>,
}

/// One field.
#[derive(Debug)]
pub(crate) struct Field {
    /// The name in FORMAT.md.
    pub(crate) name: String,
    /// Bytes from the start of the structure; `None` if it does not lie there but was computed.
    pub(crate) offset: Option<usize>,
    pub(crate) value: Value,
    /// The value in words.
    pub(crate) meaning: Option<String>,
}

impl Node {
    pub(crate) fn new(title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            ..Self::default()
        }
    }

    pub(crate) fn problem(&mut self, what: impl Into<String>) {
        self.problems.push(what.into());
    }

    /// Notes the error of a decoder.
    pub(crate) fn judge<T, E: std::error::Error>(&mut self, decoded: Result<T, E>) -> Option<T> {
        match decoded {
            Ok(value) => Some(value),
            Err(error) => {
                self.problem(chain(&error));
                None
            }
        }
    }

    /// A value that was computed.
    pub(crate) fn computed(&mut self, name: impl Into<String>, value: impl Into<Value>) {
        self.fields.push(Field {
            name: name.into(),
            offset: None,
            value: value.into(),
            meaning: None,
        });
    }

    /// Indented lines.
    pub(crate) fn text(&self) -> String {
        let mut out = String::new();
        self.write_text(&mut out, 0);
        out
    }

    fn write_text(&self, out: &mut String, depth: usize) {
        let indent = "  ".repeat(depth);
        // Writing to a String cannot fail.
        let _ = writeln!(out, "{indent}{}", self.title);
        for problem in &self.problems {
            let _ = writeln!(out, "{indent}  WRONG: {problem}");
        }
        let width = self.fields.iter().map(|field| field.name.len()).max();
        let width = width.unwrap_or(0);
        for field in &self.fields {
            let offset = field
                .offset
                .map_or_else(String::new, |offset| offset.to_string());
            let meaning = field
                .meaning
                .as_ref()
                .map_or_else(String::new, |meaning| format!("  ({meaning})"));
            let value = plain(&field.value);
            let name = &field.name;
            let _ = writeln!(
                out,
                "{indent}  {offset:>6}  {name:<width$}  {value}{meaning}"
            );
        }
        for part in &self.parts {
            part.write_text(out, depth + 1);
        }
    }

    /// One object; `valid` says whether anything is wrong here or below.
    pub(crate) fn json(&self) -> String {
        let mut text = format!("{:#}", self.value());
        text.push('\n');
        text
    }

    fn value(&self) -> Value {
        let mut object = Map::new();
        object.insert("what".to_owned(), self.title.clone().into());
        object.insert("valid".to_owned(), self.is_valid().into());
        if !self.problems.is_empty() {
            object.insert("problems".to_owned(), self.problems.clone().into());
        }
        let fields = self
            .fields
            .iter()
            .map(|field| (field.name.clone(), field.value.clone()));
        let fields: Map<String, Value> = fields.collect();
        object.insert("fields".to_owned(), fields.into());
        if !self.parts.is_empty() {
            let parts: Vec<Value> = self.parts.iter().map(Self::value).collect();
            object.insert("parts".to_owned(), parts.into());
        }
        object.into()
    }

    pub(crate) fn is_valid(&self) -> bool {
        self.problems.is_empty() && self.parts.iter().all(Self::is_valid)
    }
}

/// Text without quotes; control characters would let a name write to the terminal.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text
            .chars()
            .map(|c| if c.is_control() { '?' } else { c })
            .collect(),
        other => other.to_string(),
    }
}

/// An error and what caused it, outermost first.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
