//! What a client can do so wrong that nothing it sends later can be understood.

/// Why a connection is closed without an answer. Its text is the one line that the log gets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Breach {
    /// A word that has to be a certain one is not.
    #[error("{what} starts with {found:#x} instead of its magic")]
    Magic {
        /// Option or request.
        what: &'static str,
        /// What stood there.
        found: u64,
    },
    /// Flags that the server never offered.
    #[error("client flags {found:#x} contain unknown ones")]
    ClientFlags {
        /// All flags.
        found: u32,
    },
    /// More than will be read.
    #[error("{what} is {found} and the limit is {limit}")]
    TooLarge {
        /// Of what.
        what: &'static str,
        /// As announced or counted.
        found: u64,
        /// The bound.
        limit: u64,
    },
    /// The client sends nothing any more and owes the rest of a message.
    #[error("the client's stream ended within {what}")]
    CutShort {
        /// Option, request or payload.
        what: &'static str,
    },
    /// `EXPORT_NAME` cannot be answered with an error.
    #[error("export {name:?} cannot be opened and EXPORT_NAME has no error reply: {reason}")]
    ExportName {
        /// What was asked for.
        name: String,
        /// Why not.
        reason: String,
    },
}
