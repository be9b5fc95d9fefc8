//! Errors as the protocol knows them: a few numbers and nothing else.
//!
//! `ENOMEM` is allowed too, but servers are asked not to send it, and we have no use for it.

use engine_base::ErrorKind;

/// An error value that may be sent to a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum ErrorCode {
    /// Writing to a read-only export; an export whose key is withheld.
    NotPermitted,
    /// The request failed here.
    Io,
    /// The request is wrong.
    Invalid,
    /// Writing past the end, or the pool is full.
    NoSpace,
    /// The length is more than the server handles at once.
    Overflow,
    /// A fast zeroing would not be fast.
    NotSupported,
    /// The server is shutting down.
    Shutdown,
}

impl ErrorCode {
    /// The number on the wire. These are the protocol's, equal on every platform.
    #[must_use]
    pub(crate) const fn number(self) -> u32 {
        match self {
            Self::NotPermitted => 1,
            Self::Io => 5,
            Self::Invalid => 22,
            Self::NoSpace => 28,
            Self::Overflow => 75,
            Self::NotSupported => 95,
            Self::Shutdown => 108,
        }
    }

    /// How a failure of the engine looks to a client.
    #[must_use]
    pub(crate) const fn of(kind: ErrorKind) -> Self {
        match kind {
            ErrorKind::Invalid => Self::Invalid,
            ErrorKind::NoSpace => Self::NoSpace,
            ErrorKind::Closed => Self::Shutdown,
            // The volume was deleted under the client: to a disk, that is as final as a dead
            // medium.
            ErrorKind::NotFound => Self::Io,
            // No data request creates a name; should one say so, the client can do nothing about
            // it.
            ErrorKind::Exists => Self::Io,
            // The protocol has no "try again"; clients retry EIO or give up, as with a busy disk.
            ErrorKind::Busy => Self::Io,
            // The key is withheld on purpose: no medium failed.
            ErrorKind::Locked => Self::NotPermitted,
            // Not EPERM for `Poisoned`: the export is not read-only by intent, and file systems
            // treat EIO as what it is.
            ErrorKind::Corrupt | ErrorKind::Poisoned | ErrorKind::Io => Self::Io,
        }
    }

    /// What a structured error says beside the number. It names no path and no device: those are
    /// in the server's log.
    #[must_use]
    pub(crate) const fn explain(kind: ErrorKind) -> &'static str {
        match kind {
            ErrorKind::NotFound => "the volume does not exist any more; reconnect",
            ErrorKind::Exists => "the name is taken",
            ErrorKind::Invalid => "the request is not valid for this volume",
            ErrorKind::NoSpace => "the pool is full; delete or trim something",
            ErrorKind::Busy => "the volume is busy; retry later",
            ErrorKind::Locked => "the volume is encrypted and its key is not here",
            ErrorKind::Corrupt => {
                "stored data is damaged and no good copy exists; restore this range"
            }
            ErrorKind::Poisoned => {
                "a device failed and the pool is read-only; see the server's log"
            }
            ErrorKind::Io => "a device failed; see the server's log",
            ErrorKind::Closed => "the server is shutting down; reconnect later",
        }
    }
}

#[cfg(test)]
mod tests;
