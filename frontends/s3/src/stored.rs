//! Checksums and parts of an object, as they are stored with it.
//!
//! Text of at most 256 bytes: fields with `;` between them. `crc32=BASE64` and the like is a
//! checksum of the whole; `composite=N` says that it is one of the checksums of N parts;
//! `parts=3x5242880+1x17` are the sizes of the parts of an upload, left out where it is too long.

use std::fmt::Write as _;

use s3s::dto::{Checksum, ChecksumType};

use crate::digest::Algorithm;
use crate::text::{base64, base64_decode};

/// A part of an answer of this kind with the checksums `$sums` and these other fields.
macro_rules! with_sums {
    ($kind:ident, $sums:expr, { $($rest:tt)* }) => {{
        let sums: s3s::dto::Checksum = $sums;
        $kind {
            checksum_crc32: sums.checksum_crc32,
            checksum_crc32c: sums.checksum_crc32c,
            checksum_crc64nvme: sums.checksum_crc64nvme,
            checksum_sha1: sums.checksum_sha1,
            checksum_sha256: sums.checksum_sha256,
            $($rest)*
        }
    }};
}
pub(crate) use with_sums;

/// Bytes that the engine takes.
const BYTES_MAX: usize = 256;

/// What is kept of an object's or a part's bytes besides its entity tag.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Stored {
    pub(crate) values: Vec<(Algorithm, Vec<u8>)>,
    /// The checksum is one of the checksums of so many parts.
    pub(crate) composite: Option<usize>,
    /// Sizes of the parts: how many times, bytes.
    pub(crate) parts: Vec<(u64, u64)>,
}

impl Stored {
    pub(crate) fn of_one(checksum: Option<(Algorithm, Vec<u8>)>) -> Self {
        Self {
            values: checksum.into_iter().collect(),
            ..Self::default()
        }
    }

    /// What stands there; fields that are not known are passed over.
    pub(crate) fn decode(text: Option<&[u8]>) -> Self {
        let mut stored = Self::default();
        let text = text.and_then(|text| std::str::from_utf8(text).ok());
        for field in text.unwrap_or_default().split(';') {
            let Some((name, value)) = field.split_once('=') else {
                continue;
            };
            match (name, Algorithm::named(name)) {
                ("composite", _) => stored.composite = value.parse().ok(),
                ("parts", _) => stored.parts = decode_parts(value).unwrap_or_default(),
                (_, Some(algorithm)) => {
                    let value = base64_decode(value.as_bytes());
                    let value = value.filter(|value| value.len() == algorithm.bytes());
                    stored.values.extend(value.map(|value| (algorithm, value)));
                }
                _ => {}
            }
        }
        stored
    }

    /// `None`: there is nothing to keep.
    pub(crate) fn encode(&self) -> Option<Vec<u8>> {
        let mut fields: Vec<String> = self
            .values
            .iter()
            .map(|(algorithm, value)| format!("{}={}", algorithm.name(), base64(value)))
            .collect();
        fields.extend(self.composite.map(|parts| format!("composite={parts}")));
        let text = fields.join(";");
        let parts = encode_parts(&self.parts);
        let with_parts = format!("{text};parts={parts}");
        let text = if parts.is_empty() || with_parts.len() > BYTES_MAX {
            text
        } else {
            with_parts
        };
        (!text.is_empty()).then(|| text.into_bytes())
    }

    /// How the API says a value: that of a composite one names the number of parts.
    pub(crate) fn value_text(&self, value: &[u8]) -> String {
        let text = base64(value);
        match self.composite {
            Some(parts) => format!("{text}-{parts}"),
            None => text,
        }
    }

    pub(crate) fn shown(&self) -> Checksum {
        let mut shown = Checksum::default();
        for (algorithm, value) in &self.values {
            let slot = match algorithm {
                Algorithm::Crc32 => &mut shown.checksum_crc32,
                Algorithm::Crc32c => &mut shown.checksum_crc32c,
                Algorithm::Crc64Nvme => &mut shown.checksum_crc64nvme,
                Algorithm::Sha1 => &mut shown.checksum_sha1,
                Algorithm::Sha256 => &mut shown.checksum_sha256,
            };
            *slot = Some(self.value_text(value));
        }
        if !self.values.is_empty() {
            let kind = match self.composite {
                Some(_) => ChecksumType::COMPOSITE,
                None => ChecksumType::FULL_OBJECT,
            };
            shown.checksum_type = Some(ChecksumType::from_static(kind));
        }
        shown
    }

    /// How many parts it has; 0: it was not uploaded in parts, or they are not known.
    pub(crate) fn parts_count(&self) -> u64 {
        self.parts.iter().map(|(times, _)| times).sum()
    }

    /// Where a part begins, counted from 1, and its bytes.
    pub(crate) fn part(&self, number: u64) -> Option<(u64, u64)> {
        let mut before = 0;
        let mut at = 0;
        for (times, bytes) in &self.parts {
            if number > before && number <= before + times {
                let skipped = (number - before - 1).saturating_mul(*bytes);
                return Some((u64::saturating_add(at, skipped), *bytes));
            }
            before += times;
            at = at.saturating_add(times.saturating_mul(*bytes));
        }
        None
    }

    /// Notes parts that begin at `starts` in an object of `size` bytes, `count` in all: a last one
    /// without bytes has no beginning. `false`: they are not those.
    pub(crate) fn set_parts(&mut self, starts: &[u64], size: u64, count: usize) -> bool {
        let empty = count.wrapping_sub(starts.len());
        if empty > 1 {
            return false;
        }
        self.parts.clear();
        let ends = starts.iter().skip(1).chain([&size]);
        for (start, end) in starts.iter().zip(ends) {
            self.add_part(end.saturating_sub(*start));
        }
        (0..empty).for_each(|_| self.add_part(0));
        true
    }

    /// Notes that a part of so many bytes follows.
    pub(crate) fn add_part(&mut self, bytes: u64) {
        match self.parts.last_mut() {
            Some((times, last)) if *last == bytes => *times += 1,
            _ => self.parts.push((1, bytes)),
        }
    }
}

fn encode_parts(parts: &[(u64, u64)]) -> String {
    let mut text = String::new();
    for (times, bytes) in parts {
        if !text.is_empty() {
            text.push('+');
        }
        // Writing to a string does not fail.
        let _ = write!(text, "{times}x{bytes}");
        if text.len() > BYTES_MAX {
            break;
        }
    }
    text
}

fn decode_parts(text: &str) -> Option<Vec<(u64, u64)>> {
    let part = |part: &str| {
        let (times, bytes) = part.split_once('x')?;
        let (times, bytes): (u64, u64) = (times.parse().ok()?, bytes.parse().ok()?);
        (times <= 10_000 && bytes <= 1 << 50).then_some((times, bytes))
    };
    text.split('+').map(part).collect()
}

#[cfg(test)]
mod tests;
