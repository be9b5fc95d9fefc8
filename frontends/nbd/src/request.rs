//! Requests: parsed from bytes and checked against what the handshake settled. No state.

use crate::error_code::ErrorCode;
use crate::limits::{EXTENTS_MAX, REQUEST_COST_BYTES};

mod check;
mod header;

pub(crate) use check::check_status_payload;
pub(crate) use header::Header;

/// Kinds of request, for counting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Read.
    Read,
    /// Write.
    Write,
    /// Flush.
    Flush,
    /// Trim.
    Trim,
    /// Write zeroes.
    WriteZeroes,
    /// Cache.
    Cache,
    /// Block status.
    BlockStatus,
}

impl Kind {
    /// All of them, in the order of [`Kind::index`].
    pub const ALL: [Self; 7] = [
        Self::Read,
        Self::Write,
        Self::Flush,
        Self::Trim,
        Self::WriteZeroes,
        Self::Cache,
        Self::BlockStatus,
    ];

    /// Position in [`Kind::ALL`].
    #[must_use]
    pub const fn index(self) -> usize {
        self as usize
    }

    /// A word for metrics and logs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Flush => "flush",
            Self::Trim => "trim",
            Self::WriteZeroes => "write_zeroes",
            Self::Cache => "cache",
            Self::BlockStatus => "block_status",
        }
    }
}

/// What a reply repeats of its request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tag {
    /// The client's name for the request; opaque.
    pub(crate) cookie: u64,
    /// The offset as the client sent it.
    pub(crate) offset: u64,
}

/// What to do, with its options.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    /// `one_chunk`: at most one content chunk.
    Read {
        /// The client asked for it (`DF`).
        one_chunk: bool,
    },
    /// The payload follows the header.
    Write {
        /// Durable before it is answered.
        fua: bool,
    },
    /// No range.
    Flush,
    /// Gives space back.
    Trim {
        /// Durable before it is answered.
        fua: bool,
    },
    /// Zeroes a range.
    WriteZeroes {
        /// Durable before it is answered.
        fua: bool,
        /// Keep space for the range.
        no_hole: bool,
        /// Only if it is faster than writing.
        fast: bool,
    },
    /// A hint.
    Cache,
    /// Asks how a range is stored.
    BlockStatus {
        /// Only the first extent.
        one: bool,
    },
}

impl Operation {
    /// The kind, for counting.
    #[must_use]
    pub(crate) const fn kind(self) -> Kind {
        match self {
            Self::Read { .. } => Kind::Read,
            Self::Write { .. } => Kind::Write,
            Self::Flush => Kind::Flush,
            Self::Trim { .. } => Kind::Trim,
            Self::WriteZeroes { .. } => Kind::WriteZeroes,
            Self::Cache => Kind::Cache,
            Self::BlockStatus { .. } => Kind::BlockStatus,
        }
    }

    /// Whether it makes a batch of the journal.
    #[must_use]
    pub(crate) const fn commits(self) -> bool {
        match self {
            Self::Write { .. } | Self::Trim { .. } | Self::WriteZeroes { .. } => true,
            Self::Read { .. } | Self::Flush | Self::Cache | Self::BlockStatus { .. } => false,
        }
    }
}

/// A request that passed every check: its range lies in the export.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Request {
    /// For the reply.
    pub(crate) tag: Tag,
    /// Where it begins.
    pub(crate) offset: u64,
    /// How long it is.
    pub(crate) bytes: u64,
    /// What to do.
    pub(crate) operation: Operation,
}

impl Request {
    /// What it costs the budgets from its start until its answer was sent.
    #[must_use]
    pub(crate) const fn cost(&self) -> u64 {
        const STATUS_COST: u64 = (EXTENTS_MAX * 2 * size_of::<[u64; 2]>()) as u64;
        match self.operation {
            Operation::Read { .. } | Operation::Write { .. } => self.bytes + REQUEST_COST_BYTES,
            Operation::BlockStatus { one: false } => STATUS_COST,
            Operation::BlockStatus { one: true }
            | Operation::Flush
            | Operation::Trim { .. }
            | Operation::WriteZeroes { .. }
            | Operation::Cache => REQUEST_COST_BYTES,
        }
    }
}

/// A request that is answered with an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// For the reply.
    pub(crate) tag: Tag,
    /// Bytes that follow the header and have to be read and forgotten.
    pub(crate) payload: u64,
    /// The error.
    pub(crate) code: ErrorCode,
    /// The message beside it.
    pub(crate) why: &'static str,
}

/// What a checked header means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Carry it out.
    Run(Request),
    /// Carry it out if this many bytes that follow are right: see [`check_status_payload`].
    RunAfterPayload(Request, usize),
    /// Answer with an error.
    Refuse(Refusal),
    /// The client is done.
    Disconnect,
}

#[cfg(test)]
mod tests;
