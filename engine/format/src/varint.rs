//! LEB128 varints: 7 bits a byte, lowest first, shortest form only, at most 10 bytes.

use crate::FormatError;

/// Bytes of the longest varint.
pub(crate) const VARINT_BYTES_MAX: usize = 10;

const MORE: u8 = 0x80;

/// Writes `value` to the start of `out` and returns what is left of `out`.
///
/// # Panics
/// If `out` is too short (programmer error).
pub(crate) fn put(mut value: u64, mut out: &mut [u8]) -> &mut [u8] {
    loop {
        let (first, rest) = out
            .split_first_mut()
            .expect("the buffer holds the longest encoding");
        let low = (value & 0x7f).to_le_bytes()[0];
        value >>= 7;
        if value == 0 {
            *first = low;
            return rest;
        }
        *first = low | MORE;
        out = rest;
    }
}

/// Reads a varint from the start of `bytes` and returns it and what follows it.
///
/// # Errors
/// [`FormatError::Truncated`] or [`FormatError::Field`] with the given names.
pub(crate) fn take<'a>(
    bytes: &'a [u8],
    structure: &'static str,
    name: &'static str,
) -> Result<(u64, &'a [u8]), FormatError> {
    let mut value = 0u64;
    let mut rest = bytes;
    for index in 0..VARINT_BYTES_MAX {
        let Some((byte, tail)) = rest.split_first() else {
            let (needed, available) = (index + 1, bytes.len());
            return Err(FormatError::Truncated {
                structure,
                needed,
                available,
            });
        };
        rest = tail;
        let bits = u64::from(byte & !MORE);
        // The tenth byte holds bit 63 only.
        if index == VARINT_BYTES_MAX - 1 && *byte > 1 {
            break;
        }
        value |= bits << (7 * index);
        if byte & MORE == 0 {
            if *byte == 0 && index > 0 {
                let why = "a varint has the shortest form";
                return Err(FormatError::Field {
                    structure,
                    name,
                    value,
                    why,
                });
            }
            return Ok((value, rest));
        }
    }
    Err(FormatError::Field {
        structure,
        name,
        value,
        why: "a varint has at most 64 bits",
    })
}

#[cfg(test)]
mod tests;
