//! What the tests of all structures share.

use crate::FormatError;

/// Expected bytes, written down field by field as FORMAT.md's tables are.
pub(crate) struct Golden(Vec<u8>);

impl Golden {
    /// `size` zero bytes.
    pub(crate) fn zeroed(size: usize) -> Self {
        Self(vec![0; size])
    }

    /// The field at `offset`, in hex as it lies on disk.
    pub(crate) fn at(mut self, offset: usize, hex: &str) -> Self {
        let field = unhex(hex);
        self.0[offset..offset + field.len()].copy_from_slice(&field);
        self
    }

    pub(crate) fn bytes(self) -> Vec<u8> {
        self.0
    }
}

/// The bytes of a text in hex; blanks do not count.
pub(crate) fn unhex(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex
        .bytes()
        .filter(|byte| !byte.is_ascii_whitespace())
        .collect();
    let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.chunks(2).map(pair).collect()
}

/// CRC32C bit by bit, so that the golden checksums do not depend on the crate in use.
pub(crate) fn reference_crc32c(bytes: &[u8]) -> u32 {
    let mut crc = !0u32;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            let carry = crc & 1;
            crc = (crc >> 1) ^ (0x82f6_3b78 * carry);
        }
    }
    !crc
}

/// Every single flipped bit of `bytes` must make `decode` refuse them.
pub(crate) fn refuses_every_flipped_bit<T>(
    bytes: &[u8],
    decode: impl Fn(&[u8]) -> Result<T, FormatError>,
) {
    assert!(decode(bytes).is_ok(), "the sample itself is valid");
    let mut bytes = bytes.to_vec();
    for bit in 0..bytes.len() * 8 {
        bytes[bit / 8] ^= 1 << (bit % 8);
        assert!(decode(&bytes).is_err(), "bit {bit} flipped is accepted");
        bytes[bit / 8] ^= 1 << (bit % 8);
    }
}

/// Every single flipped bit must be refused or give another value.
pub(crate) fn notices_every_flipped_bit<T: PartialEq + std::fmt::Debug>(
    bytes: &[u8],
    decode: impl Fn(&[u8]) -> Result<T, FormatError>,
) {
    let right = decode(bytes).unwrap();
    let mut bytes = bytes.to_vec();
    for bit in 0..bytes.len() * 8 {
        bytes[bit / 8] ^= 1 << (bit % 8);
        if let Ok(value) = decode(&bytes) {
            assert_ne!(value, right, "bit {bit} flipped is not noticed");
        }
        bytes[bit / 8] ^= 1 << (bit % 8);
    }
}

/// Every proper prefix of `bytes` must be refused.
pub(crate) fn refuses_every_truncation<T>(
    bytes: &[u8],
    decode: impl Fn(&[u8]) -> Result<T, FormatError>,
) {
    assert!(decode(bytes).is_ok(), "the sample itself is valid");
    for length in 0..bytes.len() {
        assert!(
            decode(&bytes[..length]).is_err(),
            "{length} bytes are accepted"
        );
    }
}

/// Every torn write of `bytes` over older ones (sectors of 512 bytes, either half first) must be
/// refused.
pub(crate) fn refuses_every_torn_write<T>(
    new: &[u8],
    old: &[u8],
    decode: impl Fn(&[u8]) -> Result<T, FormatError>,
) {
    for cut in (512..new.len()).step_by(512) {
        let head_first = [&new[..cut], &old[cut..]].concat();
        let tail_first = [&old[..cut], &new[cut..]].concat();
        for torn in [head_first, tail_first] {
            let whole = torn == new || torn == old;
            assert!(whole || decode(&torn).is_err(), "torn at {cut} is accepted");
        }
    }
}

/// The name of the field that a value was refused for, or the kind of the error.
pub(crate) fn refused<T: std::fmt::Debug>(result: Result<T, FormatError>) -> &'static str {
    match result {
        Err(FormatError::Field { name, .. } | FormatError::Misplaced { name, .. }) => name,
        Err(FormatError::BadMagic { .. }) => "magic",
        Err(FormatError::Checksum { .. }) => "crc32c",
        Err(FormatError::UnsupportedVersion { .. }) => "version",
        Err(FormatError::UnsupportedFeatures { .. }) => "features_incompatible",
        Err(FormatError::Unit { .. }) => "unit",
        Err(FormatError::Truncated { .. }) => "truncated",
        Err(FormatError::Name { .. }) => "name",
        Ok(value) => panic!("accepted: {value:?}"),
    }
}
