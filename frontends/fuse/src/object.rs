//! Which metadata an object can have.

use fuser::Errno;

use crate::door::Answer;

/// Bytes of all names and values of an object's metadata.
pub(crate) const OBJECT_BYTES_MAX: usize = 2048;
/// First bytes of the names that users choose.
const CHOSEN: &[u8] = b"meta.";
/// Names besides those.
const KNOWN: [&[u8]; 8] = [
    b"content-type",
    b"cache-control",
    b"content-disposition",
    b"content-encoding",
    b"content-language",
    b"expires",
    b"website-redirect-location",
    b"tags",
];

/// A character of a token as HTTP has it, in lower case.
const fn is_token(byte: u8) -> bool {
    byte.is_ascii_lowercase()
        || byte.is_ascii_digit()
        || matches!(
            byte,
            b'!' | b'#'
                | b'$'
                | b'%'
                | b'&'
                | b'\''
                | b'*'
                | b'+'
                | b'-'
                | b'.'
                | b'^'
                | b'_'
                | b'`'
                | b'|'
                | b'~'
        )
}

/// Refuses a name that an object's metadata cannot have, and values that are not printable text.
pub(crate) fn check_object_attribute(name: &[u8], value: &[u8]) -> Answer<()> {
    let is_name = match name.strip_prefix(CHOSEN) {
        Some(chosen) => !chosen.is_empty() && chosen.iter().all(|byte| is_token(*byte)),
        None => KNOWN.contains(&name),
    };
    let text = std::str::from_utf8(value);
    let is_printable = text.is_ok_and(|text| !text.chars().any(char::is_control));
    if is_name && is_printable {
        return Ok(());
    }
    Err(Errno::EINVAL)
}

#[cfg(test)]
mod tests;
