//! What was done.

use std::collections::BTreeMap;
use std::fmt;

/// Events by name. Equal runs have equal ones.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally(BTreeMap<String, u64>);

impl Tally {
    pub(crate) fn count(&mut self, what: impl Into<String>) {
        self.add(what, 1);
    }

    pub(crate) fn add(&mut self, what: impl Into<String>, number: u64) {
        *self.0.entry(what.into()).or_default() += number;
    }

    /// How often it happened.
    #[must_use]
    pub fn get(&self, what: &str) -> u64 {
        self.0.get(what).copied().unwrap_or(0)
    }
}

impl std::ops::AddAssign<&Self> for Tally {
    fn add_assign(&mut self, other: &Self) {
        for (what, number) in &other.0 {
            self.add(what.clone(), *number);
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = self
            .0
            .iter()
            .map(|(what, number)| format!("{number} {what}"));
        f.write_str(&list.collect::<Vec<_>>().join(", "))
    }
}
