//! Identities. Fields are private; what cannot be zero cannot be made zero.

use std::fmt;
use std::num::NonZeroU64;

/// Name of one segment's bytes, never used again for other bytes. Journal ids ascend with the LSN.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SegmentId(NonZeroU64);

impl SegmentId {
    /// The first segment of a pool.
    pub const FIRST: Self = Self(NonZeroU64::MIN);

    /// `None` for zero, which on disk means "no segment".
    #[must_use]
    pub const fn new(value: u64) -> Option<Self> {
        match NonZeroU64::new(value) {
            Some(value) => Some(Self(value)),
            None => None,
        }
    }

    /// The number, for encoding.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0.get()
    }

    /// The id after this one.
    ///
    /// # Panics
    /// After 2^64 segments.
    #[must_use]
    pub fn next(self) -> Self {
        Self(
            self.0
                .checked_add(1)
                .expect("segment ids are not exhausted in the life of a pool"),
        )
    }
}

impl fmt::Display for SegmentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "segment {}", self.0)
    }
}

/// A place for one segment on a device: segment-sized, reused for segment after segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slot(u32);

impl Slot {
    /// The slot at `index`.
    #[must_use]
    pub const fn new(index: u32) -> Self {
        Self(index)
    }

    /// The index, for encoding and for device arithmetic.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "slot {}", self.0)
    }
}

/// A volume, a bucket, or the pool's own tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DatasetId(u64);

impl DatasetId {
    /// The pool's own tree: dataset records by id.
    pub const POOL: Self = Self(1);
    /// The tree of roots, written by checkpoints only.
    pub const ROOTS: Self = Self(2);
    /// The first id that a user's dataset gets.
    pub const FIRST_USER: Self = Self(16);

    /// The dataset with this number.
    #[must_use]
    pub const fn new(value: u64) -> Self {
        Self(value)
    }

    /// The number, for encoding.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The id after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for DatasetId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "dataset {}", self.0)
    }
}

macro_rules! random_id {
    ($name:ident, $doc:literal) => {
        #[doc = $doc]
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; 16]);

        impl $name {
            /// All zero: "none".
            pub const NONE: Self = Self([0; 16]);

            /// The id with these bytes.
            #[must_use]
            pub const fn new(bytes: [u8; 16]) -> Self {
                Self(bytes)
            }

            /// The bytes, for encoding.
            #[must_use]
            pub const fn get(self) -> [u8; 16] {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }
    };
}

random_id!(PoolId, "Identity of a pool, drawn when it is created.");
random_id!(
    DeviceId,
    "Identity of one device of a pool, drawn when it is added."
);
random_id!(
    EpochId,
    "One opening of the pool: 128 random bits, chained to its parent's in the superblock."
);
