//! The checks that every structure repeats. Each returns the error of the structure that it is
//! given.

use engine_base::{Checksum, SegmentId};

use crate::{FormatError, Identity, SegmentKind};

/// `Ok` if `valid`, else [`FormatError::Field`].
pub(crate) fn field(
    valid: bool,
    structure: &'static str,
    name: &'static str,
    value: impl Into<u64>,
    why: &'static str,
) -> Result<(), FormatError> {
    if valid {
        return Ok(());
    }
    let value = value.into();
    Err(FormatError::Field {
        structure,
        name,
        value,
        why,
    })
}

/// Refuses reserved or padding bytes that are not zero.
pub(crate) fn zero(
    bytes: &[u8],
    structure: &'static str,
    name: &'static str,
) -> Result<(), FormatError> {
    match bytes.iter().find(|byte| **byte != 0) {
        None => Ok(()),
        Some(byte) => {
            let value = u64::from(*byte);
            Err(FormatError::Field {
                structure,
                name,
                value,
                why: "it must be zero",
            })
        }
    }
}

/// Compares the first bytes with the structure's magic.
pub(crate) fn magic<const N: usize>(
    found: &[u8; N],
    expected: &[u8; N],
    structure: &'static str,
) -> Result<(), FormatError> {
    if found == expected {
        return Ok(());
    }
    let mut shown = [0; 8];
    for (to, from) in shown.iter_mut().zip(found) {
        *to = *from;
    }
    Err(FormatError::BadMagic {
        structure,
        found: shown,
    })
}

/// Compares a stored checksum with that of the bytes.
pub(crate) fn checksum(
    stored: u32,
    computed: u32,
    structure: &'static str,
) -> Result<(), FormatError> {
    if stored == computed {
        return Ok(());
    }
    let (stored, computed) = (Checksum::new(stored), Checksum::new(computed));
    Err(FormatError::Checksum {
        structure,
        stored,
        computed,
    })
}

/// Compares the format version.
pub(crate) fn version(found: u32, structure: &'static str) -> Result<(), FormatError> {
    let supported = crate::FORMAT_VERSION;
    if found == supported {
        return Ok(());
    }
    Err(FormatError::UnsupportedVersion {
        structure,
        found,
        supported,
    })
}

/// Compares a counted identity.
pub(crate) fn number(
    found: u64,
    expected: u64,
    structure: &'static str,
    name: &'static str,
) -> Result<(), FormatError> {
    if found == expected {
        return Ok(());
    }
    let (found, expected) = (Identity::Number(found), Identity::Number(expected));
    Err(FormatError::Misplaced {
        structure,
        name,
        found,
        expected,
    })
}

/// Refuses a random id that was never drawn.
pub(crate) fn drawn(
    id: [u8; 16],
    structure: &'static str,
    name: &'static str,
) -> Result<(), FormatError> {
    field(
        id != [0; 16],
        structure,
        name,
        0u64,
        "zero means that there is none",
    )
}

/// Refuses the segment id zero.
pub(crate) fn segment(
    id: u64,
    structure: &'static str,
    name: &'static str,
) -> Result<SegmentId, FormatError> {
    let why = "there is no segment 0";
    SegmentId::new(id).ok_or(FormatError::Field {
        structure,
        name,
        value: id,
        why,
    })
}

/// Reads the kind of a segment.
pub(crate) fn kind(kind: u8, structure: &'static str) -> Result<SegmentKind, FormatError> {
    SegmentKind::try_from(kind).map_err(|kind| FormatError::Field {
        structure,
        name: "kind",
        value: kind.into(),
        why: "the kinds are 1 (journal), 2 (index) and 3 (pack)",
    })
}
