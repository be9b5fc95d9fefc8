//! The public kinds of error: each says what the caller should do next.

/// What a caller should do about an error of the engine.
///
/// Not `non_exhaustive` on purpose: frontends map every kind and must fail to compile when one is
/// added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The named thing does not exist: check the name.
    NotFound,
    /// The name is taken: choose another.
    Exists,
    /// The request itself is wrong: change it.
    Invalid,
    /// The pool is full: delete, trim or add space; what was stored before is intact.
    NoSpace,
    /// Something else uses it now: retry later.
    Busy,
    /// It is encrypted and its key is not here: give the key.
    Locked,
    /// The stored data is wrong and no good copy exists: restore that range.
    Corrupt,
    /// An earlier device error stopped all writing: look at the device, then restart.
    Poisoned,
    /// A device or host call failed: look at the source.
    Io,
    /// The pool is shutting down: reconnect later.
    Closed,
}
