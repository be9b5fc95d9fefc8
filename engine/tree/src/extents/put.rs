//! Changing an extent map.
//!
//! Both operations go through the old extents of the range from its end to its start, one lookup
//! each. After each step every byte outside the range is mapped as before (bytes of a cut extent by
//! two entries until the old one is shortened, which say the same), so that after an error the
//! whole call can be repeated.

use std::cmp::Ordering;

use engine_base::{Location, to_u32, to_usize};
use engine_format::{ExtentBuf, ExtentRef, FormatError};

use super::key::{lowest_start, offset_of};
use super::{EntryMap, ExtentError, ExtentKey, FreedExtent, SharedExtent};

/// Maps the bytes of the object from `offset` on to `extent`, whatever they mapped to before.
///
/// `freed` is called with each byte range that is no longer referred to from there: the first
/// stored block that holds a byte of it, and the number of logical bytes.
///
/// Overwriting one extent by another of the same range, or writing into a hole, is one lookup and
/// one put and allocates nothing.
///
/// # Errors
/// [`ExtentError`]: bytes outside the range are mapped as before, and what `freed` was called for
/// is freed; repeat the call. Errors of the map do not happen if the leaves of
/// [`super::extent_key_span`] are in memory.
///
/// # Panics
/// If the range ends behind byte 2^64 - 1 (programmer error).
pub fn extent_put<M: EntryMap>(
    map: &mut M,
    prefix: &[u8],
    offset: u64,
    extent: &ExtentRef<'_>,
    freed: &mut impl FnMut(Location, u32),
) -> Result<(), ExtentError<M::Error>> {
    let mut freed = |old: &FreedExtent| freed(old.location, old.bytes);
    extent_put_over(map, prefix, offset, extent, &mut freed)
}

/// As [`extent_put`], for objects whose extents may be shared.
///
/// # Errors
/// As [`extent_put`].
///
/// # Panics
/// As [`extent_put`].
pub fn extent_put_over<M: EntryMap>(
    map: &mut M,
    prefix: &[u8],
    offset: u64,
    extent: &ExtentRef<'_>,
    freed: &mut impl FnMut(&FreedExtent),
) -> Result<(), ExtentError<M::Error>> {
    let mut range = Range::new(prefix, offset, extent.bytes().into());
    let replaced = range.clear(map, true, freed)?;
    range.key.set_offset(offset);
    map.put(&range.key, ExtentBuf::new(extent).as_bytes())
        .map_err(ExtentError::Map)?;
    if let Some(replaced) = replaced {
        freed(&replaced);
    }
    Ok(())
}

/// Makes `bytes` bytes of the object from `offset` on a hole. `freed` is as for [`extent_put`].
///
/// # Errors
/// As [`extent_put`].
///
/// # Panics
/// If the range is empty or ends behind byte 2^64 - 1 (programmer error).
pub fn extent_clear<M: EntryMap>(
    map: &mut M,
    prefix: &[u8],
    offset: u64,
    bytes: u64,
    freed: &mut impl FnMut(Location, u32),
) -> Result<(), ExtentError<M::Error>> {
    let mut freed = |old: &FreedExtent| freed(old.location, old.bytes);
    extent_clear_over(map, prefix, offset, bytes, &mut freed)
}

/// As [`extent_clear`], for objects whose extents may be shared.
///
/// # Errors
/// As [`extent_put`].
///
/// # Panics
/// As [`extent_clear`].
pub fn extent_clear_over<M: EntryMap>(
    map: &mut M,
    prefix: &[u8],
    offset: u64,
    bytes: u64,
    freed: &mut impl FnMut(&FreedExtent),
) -> Result<(), ExtentError<M::Error>> {
    let mut range = Range::new(prefix, offset, bytes);
    let kept = range.clear(map, false, freed)?;
    assert!(
        kept.is_none(),
        "nothing takes the place of what was cleared"
    );
    Ok(())
}

/// The range of one operation.
struct Range<'a> {
    prefix: &'a [u8],
    start: u64,
    /// Behind the last byte.
    end: u64,
    /// Room for the keys that are looked up and changed.
    key: ExtentKey,
    /// The lowest key of an extent that reaches into the range.
    low: ExtentKey,
}

/// An old extent that reaches into the range.
struct Found {
    /// Its first byte.
    start: u64,
    /// What of it is freed.
    inside: FreedExtent,
}

impl<'a> Range<'a> {
    fn new(prefix: &'a [u8], start: u64, bytes: u64) -> Self {
        assert!(bytes > 0, "a range is not empty");
        let end = start
            .checked_add(bytes)
            .expect("a range ends at byte 2^64 - 1 at most");
        let key = ExtentKey::new(prefix, end - 1);
        let low = ExtentKey::new(prefix, lowest_start(start));
        Self {
            prefix,
            start,
            end,
            key,
            low,
        }
    }

    /// Unmaps the range. With `keep_first`, an entry with the key of its first byte is left to be
    /// overwritten: what it maps in the range is returned and was not reported to `freed`.
    fn clear<M: EntryMap>(
        &mut self,
        map: &mut M,
        keep_first: bool,
        freed: &mut impl FnMut(&FreedExtent),
    ) -> Result<Option<FreedExtent>, ExtentError<M::Error>> {
        let mut last = self.end - 1;
        let mut cut = None;
        loop {
            self.key.set_offset(last);
            let Some(found) = self.find(map, &mut cut)? else {
                return Ok(None);
            };
            if let Some(old) = &cut {
                self.keep_right(map, &found, &old.extent())?;
            }
            match found.start.cmp(&self.start) {
                Ordering::Less => {
                    let old = cut.as_ref().expect("its bytes before the range stay");
                    self.keep_left(map, &found, &old.extent())?;
                    freed(&found.inside);
                    return Ok(None);
                }
                Ordering::Equal if keep_first => return Ok(Some(found.inside)),
                Ordering::Equal | Ordering::Greater => {
                    self.key.set_offset(found.start);
                    map.delete(&self.key).map_err(ExtentError::Map)?;
                    freed(&found.inside);
                }
            }
            if found.start == self.start {
                return Ok(None);
            }
            last = found.start - 1;
        }
    }

    /// The extent that starts last among those up to `self.key`, if it reaches into the range; in
    /// `cut` the whole of it, if a part of it stays.
    fn find<M: EntryMap>(
        &self,
        map: &M,
        cut: &mut Option<ExtentBuf>,
    ) -> Result<Option<Found>, ExtentError<M::Error>> {
        let found = map.floor(&self.low, &self.key, |entry| {
            let Some((key, value)) = entry else {
                return Ok(None);
            };
            let Some(start) = offset_of(self.prefix, key)? else {
                return Ok(None);
            };
            self.overlap(start, value, cut)
                .map_err(|source| ExtentError::Entry {
                    offset: start,
                    source,
                })
        });
        found.map_err(ExtentError::Map)?
    }

    fn overlap(
        &self,
        start: u64,
        value: &[u8],
        cut: &mut Option<ExtentBuf>,
    ) -> Result<Option<Found>, FormatError> {
        let extent = ExtentRef::decode(value)?;
        let end = end_of(start, &extent)?;
        if end <= self.start {
            return Ok(None);
        }
        let from = start.max(self.start);
        let bytes = small(end.min(self.end) - from);
        let part = extent.cut(small(from - start), bytes);
        let unit = extent.codec().unit();
        let skip = unit.map_or(extent.skip(), |_| 0);
        let shared = SharedExtent {
            start,
            bytes: extent.bytes(),
            position: extent.location().offset + u32::from(skip),
            part: unit.map(|unit| (unit, extent.skip())),
            from: small(from - start),
        };
        let inside = FreedExtent {
            location: part.location(),
            counted_from: part.counted().start,
            offset: from,
            bytes,
            weight: part.weight(),
            shared: extent.is_shared().then_some(shared),
        };
        let stays = start < self.start || end > self.end;
        *cut = stays.then(|| ExtentBuf::new(&extent));
        Ok(Some(Found { start, inside }))
    }

    /// Gives the part of `old` behind the range an entry of its own. It is put before the old entry
    /// is shortened or replaced: the other way round, an error between the two would lose it.
    fn keep_right<M: EntryMap>(
        &mut self,
        map: &mut M,
        found: &Found,
        old: &ExtentRef<'_>,
    ) -> Result<(), ExtentError<M::Error>> {
        let behind = (found.start + u64::from(old.bytes())).saturating_sub(self.end);
        if behind == 0 {
            return Ok(());
        }
        let right = old.cut(old.bytes() - small(behind), small(behind));
        self.key.set_offset(self.end);
        map.put(&self.key, ExtentBuf::new(&right).as_bytes())
            .map_err(ExtentError::Map)
    }

    /// Shortens the entry of `old` to its part before the range.
    fn keep_left<M: EntryMap>(
        &mut self,
        map: &mut M,
        found: &Found,
        old: &ExtentRef<'_>,
    ) -> Result<(), ExtentError<M::Error>> {
        let left = old.cut(0, small(self.start - found.start));
        self.key.set_offset(found.start);
        map.put(&self.key, ExtentBuf::new(&left).as_bytes())
            .map_err(ExtentError::Map)
    }
}

/// Behind the last byte of an extent that starts at `start`.
pub(super) fn end_of(start: u64, extent: &ExtentRef<'_>) -> Result<u64, FormatError> {
    start
        .checked_add(extent.bytes().into())
        .ok_or(FormatError::Field {
            structure: "extent",
            name: "length",
            value: extent.bytes().into(),
            why: "the extent would end behind byte 2^64 - 1",
        })
}

/// Lengths and positions within one extent.
pub(super) fn small(bytes: u64) -> u32 {
    to_u32(to_usize(bytes))
}
