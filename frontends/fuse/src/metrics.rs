//! Counters of the mounts, as plain atomics that whoever renders them reads.

use std::sync::atomic::{AtomicU64, Ordering};

/// Kinds of requests of the kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// What a name leads to.
    Lookup,
    /// Attributes are asked for.
    Attributes,
    /// Attributes are set, sizes too.
    SetAttributes,
    /// A file, a directory, a link or a device is made.
    Make,
    /// A name is removed.
    Remove,
    /// A name is moved.
    Rename,
    /// A file or a directory is opened or closed.
    Open,
    /// Bytes of a file, or the target of a symbolic link.
    Read,
    /// Bytes into a file.
    Write,
    /// Space of a file: holes, copies of ranges.
    Space,
    /// Stable storage is asked for.
    Sync,
    /// Entries of a directory.
    List,
    /// Extended attributes.
    Extended,
    /// Anything else.
    Other,
}

impl Kind {
    /// All kinds, in the order of [`Kind::index`].
    pub const ALL: [Self; 14] = [
        Self::Lookup,
        Self::Attributes,
        Self::SetAttributes,
        Self::Make,
        Self::Remove,
        Self::Rename,
        Self::Open,
        Self::Read,
        Self::Write,
        Self::Space,
        Self::Sync,
        Self::List,
        Self::Extended,
        Self::Other,
    ];

    /// Its place in [`Kind::ALL`].
    #[must_use]
    pub fn index(self) -> usize {
        let place = Self::ALL.iter().position(|kind| *kind == self);
        place.unwrap_or(0)
    }

    /// Its name, for labels.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Lookup => "lookup",
            Self::Attributes => "attributes",
            Self::SetAttributes => "set_attributes",
            Self::Make => "make",
            Self::Remove => "remove",
            Self::Rename => "rename",
            Self::Open => "open",
            Self::Read => "read",
            Self::Write => "write",
            Self::Space => "space",
            Self::Sync => "sync",
            Self::List => "list",
            Self::Extended => "extended",
            Self::Other => "other",
        }
    }
}

/// Counts since the server started, over all mounts. All are relaxed: they order nothing.
#[derive(Debug, Default)]
pub struct Metrics {
    requests: [AtomicU64; Kind::ALL.len()],
    /// Requests that were answered with an error, also those that ask whether something is there.
    pub errors: AtomicU64,
    /// Bytes of files sent to the kernel.
    pub read_bytes: AtomicU64,
    /// Bytes of files received from the kernel.
    pub written_bytes: AtomicU64,
    /// Entries, attributes and contents that the kernel was told to forget.
    pub notifications: AtomicU64,
}

impl Metrics {
    /// Requests of one kind.
    #[must_use]
    pub fn requests(&self, kind: Kind) -> u64 {
        self.requests
            .get(kind.index())
            .map_or(0, |count| count.load(Ordering::Relaxed))
    }

    /// Requests of all kinds.
    #[must_use]
    pub fn all_requests(&self) -> u64 {
        Kind::ALL.iter().map(|kind| self.requests(*kind)).sum()
    }

    pub(crate) fn started(&self, kind: Kind) {
        if let Some(count) = self.requests.get(kind.index()) {
            add(count, 1);
        }
    }
}

/// Adds to a counter.
pub(crate) fn add(counter: &AtomicU64, amount: u64) {
    counter.fetch_add(amount, Ordering::Relaxed);
}
