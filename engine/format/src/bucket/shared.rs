//! The records of extents that refer to shared bytes.

use std::mem::offset_of;

use engine_base::limits::EXTENT_BYTES_MAX;
use engine_base::{to_u32, to_usize};
use zerocopy::little_endian::{U16, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::records::VERSION;
use crate::{FormatError, Unit, check};

const NAME: &str = "shared extent";
/// Form of an extent whose bytes are stored as they are.
const PLAIN: u8 = 0;
/// Form of a part of a unit.
const IN_UNIT: u8 = 1;

/// A small record that uses its reserved bytes.
#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned, Clone, Copy)]
#[repr(C)]
struct RawShared {
    version: u8,
    form: u8,
    from: U16,
    /// Less 1.
    unit_bytes: U16,
    stored: U16,
    bytes: U64,
}

const _: () = assert!(size_of::<RawShared>() == 16);
const _: () = assert!(offset_of!(RawShared, bytes) == 8);

/// An extent that refers to shared bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shared {
    /// How many: 1 to 1 MiB.
    pub bytes: u32,
    /// The unit that it is a part of, and its first byte in that.
    pub part: Option<(Unit, u16)>,
}

impl Shared {
    /// The value.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let (form, unit_bytes, stored, from) = match self.part {
            None => (PLAIN, 0, 0, 0),
            Some((unit, from)) => (IN_UNIT, unit.bytes() - 1, unit.stored(), from),
        };
        let raw = RawShared {
            version: VERSION,
            form,
            from: U16::new(from),
            unit_bytes: U16::new(u16::try_from(unit_bytes).expect("units have up to 64 KiB")),
            stored: U16::new(stored),
            bytes: U64::new(self.bytes.into()),
        };
        raw.as_bytes().to_vec()
    }

    /// Checks a value.
    ///
    /// # Errors
    /// [`FormatError`].
    pub fn decode(value: &[u8]) -> Result<Self, FormatError> {
        let raw = RawShared::ref_from_bytes(value).map_err(|_| FormatError::Truncated {
            structure: NAME,
            needed: size_of::<RawShared>(),
            available: value.len(),
        })?;
        check::field(
            raw.version == VERSION,
            NAME,
            "version",
            raw.version,
            "it is 1",
        )?;
        let number = raw.bytes.get();
        let valid = (1..=EXTENT_BYTES_MAX).contains(&number);
        let why = "an extent maps 1 byte to 1 MiB";
        check::field(valid, NAME, "bytes", number, why)?;
        let bytes = to_u32(to_usize(number));
        let (from, unit_bytes) = (raw.from.get(), raw.unit_bytes.get());
        let part = match raw.form {
            PLAIN => {
                let reserved = u64::from(from | unit_bytes | raw.stored.get());
                check::field(reserved == 0, NAME, "reserved", reserved, "it must be zero")?;
                None
            }
            IN_UNIT => {
                let unit = Unit::new(NAME, u32::from(unit_bytes) + 1, raw.stored.get().into())?;
                let valid = u32::from(from) + bytes <= unit.bytes();
                check::field(valid, NAME, "from", from, "it lies inside the unit")?;
                Some((unit, from))
            }
            form => {
                return Err(FormatError::Field {
                    structure: NAME,
                    name: "form",
                    value: form.into(),
                    why: "there is no such form",
                });
            }
        };
        Ok(Self { bytes, part })
    }
}
