//! The Prometheus text format, version 0.0.4.

use std::fmt::Write as _;

/// How a family is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Only grows, from the start of the process; the name ends in `_total`.
    Counter,
    /// Goes up and down.
    Gauge,
}

impl Kind {
    const fn word(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
        }
    }
}

/// A number that is exact where it is whole.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value {
    /// A count or a number of bytes.
    Whole(u64),
    /// A share or a number of seconds.
    Real(f64),
}

/// One line: labels and a value.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// Label names and values; the values may hold anything.
    pub labels: Vec<(&'static str, String)>,
    /// The value.
    pub value: Value,
}

/// One metric with its help and its lines.
#[derive(Debug, Clone, PartialEq)]
pub struct Family {
    /// `trefoil_*`, with the unit in it.
    pub name: &'static str,
    /// One sentence.
    pub help: &'static str,
    /// How it is read.
    pub kind: Kind,
    /// Its lines; may be empty.
    pub samples: Vec<Sample>,
}

impl Family {
    /// A counter without labels.
    #[must_use]
    pub fn counter(name: &'static str, help: &'static str, value: u64) -> Self {
        Self::single(name, help, Kind::Counter, Value::Whole(value))
    }

    /// A gauge without labels.
    #[must_use]
    pub fn gauge(name: &'static str, help: &'static str, value: u64) -> Self {
        Self::single(name, help, Kind::Gauge, Value::Whole(value))
    }

    /// A gauge without labels that is not whole.
    #[must_use]
    pub fn gauge_real(name: &'static str, help: &'static str, value: f64) -> Self {
        Self::single(name, help, Kind::Gauge, Value::Real(value))
    }

    /// A family whose lines differ in one label.
    #[must_use]
    pub fn labelled(
        name: &'static str,
        help: &'static str,
        kind: Kind,
        label: &'static str,
        lines: &[(&str, u64)],
    ) -> Self {
        let sample = |&(of, value): &(&str, u64)| Sample {
            labels: vec![(label, of.to_owned())],
            value: Value::Whole(value),
        };
        Self {
            name,
            help,
            kind,
            samples: lines.iter().map(sample).collect(),
        }
    }

    fn single(name: &'static str, help: &'static str, kind: Kind, value: Value) -> Self {
        Self {
            name,
            help,
            kind,
            samples: vec![Sample {
                labels: Vec::new(),
                value,
            }],
        }
    }
}

/// The families as `/metrics` prints them.
#[must_use]
pub fn render_metrics(families: &[Family]) -> String {
    let mut out = String::new();
    for family in families {
        // Writing to a String cannot fail.
        let _ = writeln!(
            out,
            "# HELP {} {}",
            family.name,
            escaped(family.help, false)
        );
        let _ = writeln!(out, "# TYPE {} {}", family.name, family.kind.word());
        for sample in &family.samples {
            out.push_str(family.name);
            render_labels(&mut out, &sample.labels);
            let _ = match sample.value {
                Value::Whole(value) => writeln!(out, " {value}"),
                Value::Real(value) => writeln!(out, " {value}"),
            };
        }
    }
    out
}

fn render_labels(out: &mut String, labels: &[(&'static str, String)]) {
    if labels.is_empty() {
        return;
    }
    out.push('{');
    for (position, (name, value)) in labels.iter().enumerate() {
        let comma = if position == 0 { "" } else { "," };
        let _ = write!(out, "{comma}{name}=\"{}\"", escaped(value, true));
    }
    out.push('}');
}

/// Backslash and newline are escaped everywhere, quotes in label values only.
fn escaped(text: &str, quotes: bool) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '"' if quotes => out.push_str("\\\""),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests;
