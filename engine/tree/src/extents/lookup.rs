//! Reading an extent map.

use std::ops::ControlFlow;

use engine_format::ExtentRef;

use super::key::{lowest_start, offset_of};
use super::put::{end_of, small};
use super::{EntryMap, ExtentError, ExtentKey};

/// A part of a range of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Piece<'a> {
    /// Nothing is mapped: the bytes read as zeroes.
    Hole {
        /// Its first byte in the object.
        offset: u64,
        /// Its length.
        bytes: u64,
    },
    /// The bytes are stored.
    Data {
        /// Their first byte in the object.
        offset: u64,
        /// Their number, which is that of `extent`.
        bytes: u32,
        /// Where, cut to this piece: `skip` bytes of the first block come before the piece's first
        /// byte.
        extent: ExtentRef<'a>,
    },
}

/// Calls `visit` for the parts of `bytes` bytes of the object from `offset` on, in order and
/// without gaps, until it breaks. No two holes follow each other.
///
/// # Errors
/// [`ExtentError`]: the parts before were visited. Errors of the map do not happen if the leaves of
/// [`super::extent_key_span`] are in memory.
///
/// # Panics
/// If the range is empty or ends behind byte 2^64 - 1 (programmer error).
pub fn extent_lookup<M: EntryMap>(
    map: &M,
    prefix: &[u8],
    offset: u64,
    bytes: u64,
    visit: impl FnMut(Piece<'_>) -> ControlFlow<()>,
) -> Result<(), ExtentError<M::Error>> {
    assert!(bytes > 0, "a range is not empty");
    let end = offset
        .checked_add(bytes)
        .expect("a range ends at byte 2^64 - 1 at most");
    let mut pieces = Pieces {
        prefix,
        position: offset,
        end,
        visit,
    };
    let mut key = ExtentKey::new(prefix, end - 1);
    let low = ExtentKey::new(prefix, lowest_start(offset));
    // The extent that starts last is the only one, or tells where to stop: not to want a page
    // behind it.
    let last = map
        .floor(&low, &key, |entry| pieces.add_first(entry))
        .map_err(ExtentError::Map)??;
    let flow = match last {
        Seen::Done(flow) => flow,
        Seen::Later(last) => {
            key.set_offset(offset);
            let first = map.floor(&low, &key, |entry| pieces.add_first(entry));
            match first.map_err(ExtentError::Map)?? {
                Seen::Done(ControlFlow::Continue(())) => {
                    key.set_offset(pieces.position);
                    pieces.add_up_to(map, &key, last)?
                }
                Seen::Done(flow) => flow,
                Seen::Later(_) => unreachable!("it starts at or before the range"),
            }
        }
    };
    if flow.is_continue() {
        let _ = pieces.hole_up_to(end);
    }
    Ok(())
}

/// The entry found by a lookup.
enum Seen {
    /// There is none that starts within the range but at its first byte: what it covers was
    /// visited.
    Done(ControlFlow<()>),
    /// It starts here, behind the first byte of the range, and was not visited.
    Later(u64),
}

struct Pieces<'a, F> {
    prefix: &'a [u8],
    /// The first byte that was not visited.
    position: u64,
    end: u64,
    visit: F,
}

impl<F: FnMut(Piece<'_>) -> ControlFlow<()>> Pieces<'_, F> {
    fn add_first<E>(&mut self, entry: Option<(&[u8], &[u8])>) -> Result<Seen, ExtentError<E>> {
        let Some((key, value)) = entry else {
            return Ok(Seen::Done(ControlFlow::Continue(())));
        };
        match offset_of(self.prefix, key)? {
            None => Ok(Seen::Done(ControlFlow::Continue(()))),
            Some(start) if start > self.position => Ok(Seen::Later(start)),
            Some(start) => self.add(start, value).map(Seen::Done),
        }
    }

    /// Visits the extents from `from` to the one that starts at `last`.
    fn add_up_to<M: EntryMap>(
        &mut self,
        map: &M,
        from: &ExtentKey,
        last: u64,
    ) -> Result<ControlFlow<()>, ExtentError<M::Error>> {
        let mut result = Ok(ControlFlow::Continue(()));
        map.scan(from, |key, value| {
            result = match offset_of(self.prefix, key) {
                Ok(Some(start)) => {
                    let flow = self.add(start, value);
                    let more = start < last && matches!(flow, Ok(ControlFlow::Continue(())));
                    if more {
                        return ControlFlow::Continue(());
                    }
                    flow
                }
                Ok(None) => Ok(ControlFlow::Continue(())),
                Err(error) => Err(error),
            };
            ControlFlow::Break(())
        })
        .map_err(ExtentError::Map)?;
        result
    }

    /// Visits what an extent covers of the range from `position` on, and the hole before it.
    fn add<E>(&mut self, start: u64, value: &[u8]) -> Result<ControlFlow<()>, ExtentError<E>> {
        let damaged = |source| ExtentError::Entry {
            offset: start,
            source,
        };
        let extent = ExtentRef::decode(value).map_err(damaged)?;
        let extent_end = end_of(start, &extent).map_err(damaged)?;
        if extent_end <= self.position || start >= self.end {
            return Ok(ControlFlow::Continue(()));
        }
        if self.hole_up_to(start).is_break() {
            return Ok(ControlFlow::Break(()));
        }
        let offset = self.position;
        let bytes = small(extent_end.min(self.end) - offset);
        let extent = extent.cut(small(offset - start), bytes);
        self.position += u64::from(bytes);
        Ok((self.visit)(Piece::Data {
            offset,
            bytes,
            extent,
        }))
    }

    fn hole_up_to(&mut self, end: u64) -> ControlFlow<()> {
        let offset = self.position;
        if offset >= end {
            return ControlFlow::Continue(());
        }
        self.position = end;
        (self.visit)(Piece::Hole {
            offset,
            bytes: end - offset,
        })
    }
}
