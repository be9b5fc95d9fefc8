//! What a check is told and what it finds.

use engine_base::{ByteCount, Lsn, Slot};
use engine_format::CheckpointId;

use crate::MEMORY_DEFAULT;

/// Findings that a report keeps; more are only counted, so that a destroyed device does not fill
/// the memory.
const FINDINGS_MAX: usize = 10_000;

/// How a pool is checked.
#[derive(Debug, Clone, Copy)]
pub struct CheckOptions {
    /// Bytes for tree pages in memory.
    pub memory: ByteCount,
    /// Check the older of the two checkpoints, as opening with a rewind would use it.
    pub rewind: bool,
}

impl Default for CheckOptions {
    fn default() -> Self {
        Self {
            memory: MEMORY_DEFAULT,
            rewind: false,
        }
    }
}

/// How far a check is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CheckProgress {
    /// Bytes verified.
    pub verified: ByteCount,
    /// Bytes to verify in all. An estimate until the journal was replayed.
    pub total: ByteCount,
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Severity {
    /// Stored bytes are not what was written, or do not fit together.
    Damage,
    /// Something that a power cut leaves behind, and that nobody has to repair.
    Warning,
}

/// One thing that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// Which structure, where, whose, what is wrong with it, and what to do.
    pub what: String,
}

/// What was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CheckCounts {
    /// Segments in use whose headers were verified.
    pub segments: u64,
    /// Pages of trees and of the segment table, each copy counted.
    pub pages: u64,
    /// Deltas.
    pub deltas: u64,
    /// Groups of the journal behind the checkpoint.
    pub groups: u64,
    /// Datasets.
    pub datasets: u64,
    /// Extents after replay.
    pub extents: u64,
    /// Bytes verified.
    pub bytes: ByteCount,
}

/// The result of a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckReport {
    /// What is wrong, in the order in which it was found.
    pub findings: Vec<Finding>,
    /// Findings that are not listed because there were too many; at least one of them is damage.
    pub left_out: u64,
    /// What was looked at.
    pub counts: CheckCounts,
    /// The checkpoint that was checked.
    pub checkpoint: CheckpointId,
    /// The end of the history that opening the pool would accept.
    pub lsn: Lsn,
}

impl Default for CheckReport {
    fn default() -> Self {
        Self {
            findings: Vec::new(),
            left_out: 0,
            counts: CheckCounts::default(),
            checkpoint: CheckpointId::new(0),
            lsn: Lsn::ZERO,
        }
    }
}

impl CheckReport {
    /// Whether no stored byte was found to be wrong. Warnings do not count.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        let is_damage = |finding: &Finding| finding.severity == Severity::Damage;
        self.left_out == 0 && !self.findings.iter().any(is_damage)
    }

    pub(super) fn add(&mut self, severity: Severity, what: String) {
        if self.findings.len() < FINDINGS_MAX {
            self.findings.push(Finding { severity, what });
        } else {
            self.left_out += 1;
        }
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

/// A slot in words.
pub(super) fn slot_name(slot: Option<Slot>) -> String {
    slot.map_or_else(|| "no slot".to_owned(), |slot| slot.to_string())
}
