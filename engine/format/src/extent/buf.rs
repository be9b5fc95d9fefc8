//! Values of extents, owned.

use std::fmt;

use engine_base::limits::BLOCK;

use super::{Codec, EXTENT_VALUE_BYTES_MAX, ExtentRef, HAS_SKIP, IN_BYTES, SEALED, SHARED};
use crate::{FormatError, SealRef, varint};

/// The value of one extent, owned and without allocation.
#[derive(Clone)]
pub struct ExtentBuf {
    bytes: [u8; EXTENT_VALUE_BYTES_MAX],
    len: usize,
}

impl ExtentBuf {
    /// Encodes `extent`.
    #[must_use]
    pub fn new(extent: &ExtentRef<'_>) -> Self {
        let mut bytes = [0; EXTENT_VALUE_BYTES_MAX];
        let in_bytes = !u64::from(extent.bytes).is_multiple_of(BLOCK);
        let length = match in_bytes {
            true => u64::from(extent.bytes),
            false => u64::from(extent.bytes) / BLOCK,
        };
        let mut tag = extent.codec.get();
        tag |= if in_bytes { IN_BYTES } else { 0 };
        tag |= if extent.skip > 0 { HAS_SKIP } else { 0 };
        tag |= if extent.is_shared { SHARED } else { 0 };
        tag |= if extent.seal.is_some() { SEALED } else { 0 };
        let (first, rest) = bytes.split_first_mut().expect("the buffer is not empty");
        *first = tag;
        let rest = varint::put(extent.location.segment.get(), rest);
        let rest = varint::put(u64::from(extent.location.offset) / BLOCK, rest);
        let rest = varint::put(length, rest);
        let rest = match extent.skip {
            0 => rest,
            skip => varint::put(skip.into(), rest),
        };
        let rest = match extent.codec {
            Codec::None => rest,
            Codec::Lz4(unit) => {
                let rest = varint::put(unit.bytes().into(), rest);
                varint::put(unit.stored().into(), rest)
            }
        };
        let rest = match &extent.seal {
            None => rest,
            Some(seal) => varint::put(seal.first(), varint::put(seal.session().get().into(), rest)),
        };
        let checksums = extent.checksums.as_bytes();
        let (target, rest) = rest.split_at_mut(checksums.len());
        target.copy_from_slice(checksums);
        let tags = extent.seal.as_ref().map_or(&[][..], SealRef::tag_bytes);
        let (target, rest) = rest.split_at_mut(tags.len());
        target.copy_from_slice(tags);
        let len = EXTENT_VALUE_BYTES_MAX - rest.len();
        Self { bytes, len }
    }

    /// Copies a value of a tree, so that the tree can be changed while the extent is in use.
    ///
    /// # Errors
    /// As [`ExtentRef::decode`].
    pub fn copy_of(value: &[u8]) -> Result<Self, FormatError> {
        ExtentRef::decode(value).map(|extent| Self::new(&extent))
    }

    /// The value.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        let (value, _) = self.bytes.split_at(self.len);
        value
    }

    /// The extent.
    #[must_use]
    pub fn extent(&self) -> ExtentRef<'_> {
        ExtentRef::decode(self.as_bytes()).expect("it was encoded from a valid extent")
    }
}

impl fmt::Debug for ExtentBuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.extent().fmt(f)
    }
}

impl PartialEq for ExtentBuf {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for ExtentBuf {}
