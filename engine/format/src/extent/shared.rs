//! Which stored bytes an extent refers to.

use std::ops::Range;

use engine_base::Sixteenths;

use super::{Codec, ExtentRef};

/// As [`ExtentRef::position`] of an extent that begins with a byte of the unit at this offset of
/// its segment.
#[must_use]
pub fn position_in_unit(offset: u32, from: u16) -> u64 {
    // Behind all that is stored as it is, and so far apart that no two units meet.
    (u64::from(offset) << 20) + u64::from(from)
}

impl ExtentRef<'_> {
    /// The same extent as one of several that refer to the same stored bytes: each of them is
    /// recorded under those, too.
    #[must_use]
    pub const fn shared(self) -> Self {
        Self {
            is_shared: true,
            ..self
        }
    }

    /// What of the stored bytes it counts for.
    #[must_use]
    pub fn weight(&self) -> Sixteenths {
        let counted = self.counted();
        Sixteenths::new(counted.end - counted.start)
    }

    /// That, as a range of its segment, in sixteenths of a byte: its bytes, or its share of the
    /// unit's.
    #[must_use]
    pub fn counted(&self) -> Range<u64> {
        let (offset, skip) = (self.location.offset, u32::from(self.skip));
        match self.codec {
            Codec::None => {
                let from = u64::from(offset + skip);
                let sixteenths = |at| Sixteenths::of_bytes(at).get();
                sixteenths(from)..sixteenths(from + u64::from(self.bytes))
            }
            Codec::Lz4(unit) => unit.counted(offset, &(skip..skip + self.bytes)),
        }
    }

    /// Where its first byte is stored in its segment, as a number that is only good for comparing:
    /// two extents of a segment that have the same bytes differ in it as much as the bytes of the
    /// objects do, and others never do.
    #[must_use]
    pub fn position(&self) -> u64 {
        let (block, skip) = (u64::from(self.location.offset), u64::from(self.skip));
        match self.codec {
            Codec::None => block + skip,
            Codec::Lz4(_) => position_in_unit(self.location.offset, self.skip),
        }
    }

    /// Whether others may refer to the same stored bytes.
    #[must_use]
    pub const fn is_shared(&self) -> bool {
        self.is_shared
    }
}
