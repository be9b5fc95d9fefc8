//! A map and extents for the tests.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::ops::{ControlFlow, Range};

use engine_base::{Location, SegmentId, to_usize};
use engine_format::{Checksums, Codec, ExtentBuf, ExtentRef};

use super::super::{EntryMap, Piece, extent_lookup};

/// The simplest map, which counts its calls.
#[derive(Debug, Default)]
pub(super) struct Map {
    pub(super) entries: BTreeMap<Vec<u8>, Vec<u8>>,
    pub(super) floors: Cell<usize>,
    pub(super) scans: Cell<usize>,
    pub(super) puts: usize,
    pub(super) deletes: usize,
    /// Changes that succeed before each further one fails.
    pub(super) changes_left: Option<usize>,
}

/// What [`Map`] fails with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unreachable;

impl Map {
    fn change(&mut self) -> Result<(), Unreachable> {
        if let Some(left) = &mut self.changes_left {
            *left = left.checked_sub(1).ok_or(Unreachable)?;
        }
        Ok(())
    }

    pub(super) fn calls(&self) -> [usize; 4] {
        [self.floors.get(), self.scans.get(), self.puts, self.deletes]
    }
}

impl EntryMap for Map {
    type Error = Unreachable;

    fn floor<R>(
        &self,
        low: &[u8],
        key: &[u8],
        found: impl FnOnce(Option<(&[u8], &[u8])>) -> R,
    ) -> Result<R, Unreachable> {
        assert!(low <= key);
        self.floors.set(self.floors.get() + 1);
        let entry = self.entries.range(low.to_vec()..=key.to_vec()).next_back();
        Ok(found(entry.map(|(key, value)| (&key[..], &value[..]))))
    }

    fn scan(
        &self,
        from: &[u8],
        mut visit: impl FnMut(&[u8], &[u8]) -> ControlFlow<()>,
    ) -> Result<(), Unreachable> {
        self.scans.set(self.scans.get() + 1);
        let _ = self
            .entries
            .range(from.to_vec()..)
            .try_for_each(|(key, value)| visit(key, value));
        Ok(())
    }

    fn put(&mut self, key: &[u8], value: &[u8]) -> Result<(), Unreachable> {
        self.change()?;
        self.puts += 1;
        self.entries.insert(key.to_vec(), value.to_vec());
        Ok(())
    }

    fn delete(&mut self, key: &[u8]) -> Result<bool, Unreachable> {
        self.change()?;
        self.deletes += 1;
        Ok(self.entries.remove(key).is_some())
    }
}

/// Where a byte is stored: its segment and its offset there.
pub(super) type Byte = (u64, u32);

pub(super) fn location((segment, offset): Byte) -> Location {
    let segment = SegmentId::new(segment).unwrap();
    Location { segment, offset }
}

/// The checksum that the block at a location has in these tests.
pub(super) fn checksum(segment: u64, offset: u32) -> u32 {
    (u32::try_from(segment % 65_536).unwrap() << 16) | (offset / 4096)
}

/// An extent of `bytes` bytes that starts `skip` bytes behind `place`.
pub(super) fn extent(place: Byte, bytes: u32, skip: u16) -> ExtentBuf {
    let blocks = (u32::from(skip) + bytes).div_ceil(4096);
    let sums =
        (0..blocks).flat_map(|index| checksum(place.0, place.1 + index * 4096).to_le_bytes());
    let sums: Vec<u8> = sums.collect();
    let sums = Checksums::from_bytes(&sums).unwrap();
    ExtentBuf::new(&ExtentRef::new(location(place), bytes, skip, Codec::None, sums).unwrap())
}

/// What each byte of a range maps to, see [`units_of`].
pub(super) fn bytes_of<M>(map: &M, prefix: &[u8], offset: u64, bytes: u64) -> Vec<Option<Byte>>
where
    M: EntryMap<Error: std::fmt::Debug>,
{
    units_of(map, prefix, offset..offset + bytes, 1)
}

/// What each first byte of `unit` bytes maps to, where all extents start and end at multiples of
/// `unit`; by way of the pieces, which are checked against the rules for them.
pub(super) fn units_of<M>(map: &M, prefix: &[u8], range: Range<u64>, unit: u64) -> Vec<Option<Byte>>
where
    M: EntryMap<Error: std::fmt::Debug>,
{
    let mut seen = Vec::new();
    let mut next = range.start;
    let mut hole_before = false;
    extent_lookup(map, prefix, range.start, range.end - range.start, |piece| {
        let (at, length) = match piece {
            Piece::Hole { offset, bytes } => {
                assert!(!hole_before, "two holes follow each other");
                seen.resize(seen.len() + to_usize(bytes / unit), None);
                (offset, bytes)
            }
            Piece::Data {
                offset,
                bytes,
                extent,
            } => {
                assert_eq!(bytes, extent.bytes());
                check_checksums(&extent);
                let place = extent.location();
                let first = place.offset + u32::from(extent.skip());
                let units = (first..first + bytes).step_by(to_usize(unit));
                seen.extend(units.map(|at| Some((place.segment.get(), at))));
                (offset, u64::from(bytes))
            }
        };
        assert_eq!(at, next, "no gaps");
        assert!(length > 0 && length.is_multiple_of(unit));
        next += length;
        hole_before = matches!(piece, Piece::Hole { .. });
        ControlFlow::Continue(())
    })
    .unwrap();
    assert_eq!(next, range.end, "pieces cover the range");
    seen
}

fn check_checksums(extent: &ExtentRef<'_>) {
    let place = extent.location();
    let mut at = place.offset;
    for found in extent.checksums().iter() {
        assert_eq!(
            found.get(),
            checksum(place.segment.get(), at),
            "checksum of the block at {at}"
        );
        at += 4096;
    }
}
