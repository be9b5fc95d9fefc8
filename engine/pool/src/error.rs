//! The one error of the pool and the models above it.

use engine_base::{ByteCount, ErrorKind, Location, Slot};
use engine_device::{DeviceError, Place};
use engine_format::{FormatError, MasterKeyId, NameError, SealError, SessionId};
use engine_log::LogError;
use engine_tree::PageError;

use crate::CopyError;

/// A failure of the pool. [`StoreError::kind`] says what to do about it.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// There is no such dataset.
    #[error("there is no {what} {name:?}; list them to see the names")]
    NotFound {
        /// Kind of thing.
        what: &'static str,
        /// The name that was asked for.
        name: String,
    },
    /// The name is taken.
    #[error("{what} {name:?} exists already; choose another name or delete it first")]
    Exists {
        /// Kind of thing.
        what: &'static str,
        /// The name.
        name: String,
    },
    /// The request breaks a rule.
    #[error("{what}: {why}")]
    Invalid {
        /// What was asked for.
        what: String,
        /// Which rule it breaks, and what would do.
        why: String,
    },
    /// A name breaks the rules for names.
    #[error("the name {name:?} is refused")]
    Name {
        /// The name.
        name: String,
        /// The rule.
        #[source]
        source: NameError,
    },
    /// The pool is full.
    #[error(
        "the pool is full: {wanted} more do not fit beside the reserve; delete or trim something"
    )]
    NoSpace {
        /// What was wanted.
        wanted: ByteCount,
    },
    /// Stored data is wrong, and no good copy exists.
    #[error(
        "the data at {location}{} is damaged: block {block} has another checksum; restore that \
         range",
        .slot.map_or_else(String::new, |slot| format!(" ({slot})"))
    )]
    DataDamaged {
        /// The extent's location.
        location: Location,
        /// Where that is on the device.
        slot: Option<Slot>,
        /// Which 4 KiB block of it.
        block: u32,
    },
    /// Stored data is what its checksum says, but not what was sealed.
    #[error(
        "block {number} of {session} does not authenticate: it was changed on purpose, or this is \
         a bug; restore that range"
    )]
    NotAuthentic {
        /// In which it should have been sealed.
        session: SessionId,
        /// Its number there.
        number: u64,
        /// That it does not.
        #[source]
        source: SealError,
    },
    /// The key of an encrypted dataset is not here.
    #[error(
        "it is encrypted, and master key {master} is not here: serve the pool with that key file \
         (its family is {family})"
    )]
    Locked {
        /// The dataset that its family began with.
        family: engine_base::DatasetId,
        /// The master key that opens its key.
        master: MasterKeyId,
    },
    /// A tree page is wrong, and no good copy exists.
    #[error(
        "a page of {tree} at {location} is damaged; restore the device, or open an older checkpoint"
    )]
    PageDamaged {
        /// Which tree.
        tree: engine_base::DatasetId,
        /// Where the page lies.
        location: Location,
        /// What is wrong with it.
        #[source]
        source: Box<PageError>,
    },
    /// Another structure is wrong.
    #[error("the {what} at {place} is damaged")]
    Damaged {
        /// Which structure.
        what: &'static str,
        /// Where it lies.
        place: Place,
        /// What is wrong with it.
        #[source]
        source: FormatError,
    },
    /// A structure refers to something that is not there.
    #[error("the pool is inconsistent: {what}; run a check and restore what it names")]
    Inconsistent {
        /// What does not fit.
        what: String,
    },
    /// No superblock is valid.
    #[error(
        "{device}: no valid superblock: copy 0: {first}; copy 1: {second}; this is no pool, or its \
         label is destroyed"
    )]
    NoSuperblock {
        /// Path of the device.
        device: String,
        /// What is wrong with copy 0.
        first: Box<CopyError>,
        /// What is wrong with copy 1.
        #[source]
        second: Box<CopyError>,
    },
    /// The log failed.
    #[error(transparent)]
    Log(#[from] LogError),
    /// A device call failed.
    #[error(transparent)]
    Device(#[from] DeviceError),
}

impl StoreError {
    /// Whether something stored is not what it was: what else is stored may be fine.
    #[must_use]
    pub const fn is_damage(&self) -> bool {
        matches!(
            self,
            Self::DataDamaged { .. }
                | Self::NotAuthentic { .. }
                | Self::PageDamaged { .. }
                | Self::Damaged { .. }
                | Self::Inconsistent { .. }
        )
    }

    /// What the caller should do.
    #[must_use]
    pub const fn kind(&self) -> ErrorKind {
        match self {
            Self::NotFound { .. } => ErrorKind::NotFound,
            Self::Exists { .. } => ErrorKind::Exists,
            Self::Invalid { .. } | Self::Name { .. } => ErrorKind::Invalid,
            Self::NoSpace { .. } => ErrorKind::NoSpace,
            Self::Locked { .. } => ErrorKind::Locked,
            Self::DataDamaged { .. }
            | Self::NotAuthentic { .. }
            | Self::PageDamaged { .. }
            | Self::Damaged { .. }
            | Self::Inconsistent { .. }
            | Self::NoSuperblock { .. } => ErrorKind::Corrupt,
            Self::Log(error) => log_kind(error),
            Self::Device(error) => device_kind(error),
        }
    }
}

const fn log_kind(error: &LogError) -> ErrorKind {
    match error {
        LogError::NoSpace | LogError::HostNoSpace(_) => ErrorKind::NoSpace,
        LogError::Poisoned(_) => ErrorKind::Poisoned,
        LogError::Closed => ErrorKind::Closed,
        LogError::BatchTooLarge { .. } => ErrorKind::Invalid,
        LogError::Device(error) | LogError::Unreadable { source: error, .. } => device_kind(error),
        LogError::Damaged { .. } | LogError::Format { .. } => ErrorKind::Corrupt,
    }
}

const fn device_kind(error: &DeviceError) -> ErrorKind {
    match error {
        DeviceError::NoSpace { .. } => ErrorKind::NoSpace,
        DeviceError::Io { .. } => ErrorKind::Io,
        DeviceError::Unusable { .. } => ErrorKind::Invalid,
    }
}
