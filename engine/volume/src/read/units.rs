//! Reading what is compressed: each unit once, however many pieces of it are wanted.

use engine_base::{to_u32, to_usize};
use engine_device::{PageBuf, without_blocking};
use engine_format::ExtentRef;
use engine_pool::{ExtentRead, StoreError};

use crate::Volume;

/// A unit, and where in the buffer which bytes of it go.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct UnitPart {
    pub(crate) read: ExtentRead,
    pieces: Vec<Piece>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Piece {
    from: usize,
    bytes: usize,
    to: usize,
}

/// Units among which one is looked for before it is read again: pieces of one follow each other
/// closely.
const UNITS_LOOKED_AT: usize = 4;

/// Adds a piece of a unit.
pub(super) fn add(units: &mut Vec<UnitPart>, to: usize, extent: &ExtentRef<'_>) {
    let piece = Piece {
        from: extent.skip().into(),
        bytes: to_usize(extent.bytes().into()),
        to,
    };
    let mut last = units.iter_mut().rev().take(UNITS_LOOKED_AT);
    match last.find(|unit| unit.read.location == extent.location()) {
        Some(unit) => unit.pieces.push(piece),
        None => units.push(UnitPart {
            read: ExtentRead::new(extent),
            pieces: vec![piece],
        }),
    }
}

impl Volume {
    /// Reads the units, those that take I/O all at once, and puts their pieces in their places.
    pub(super) async fn fill_from_units(
        &self,
        units: &[UnitPart],
        mut buf: PageBuf,
    ) -> Result<PageBuf, StoreError> {
        let missed = self.fill_from_cached(units, &mut buf)?;
        let started: Vec<_> = without_blocking(|| {
            let missed = missed.iter();
            missed
                .map(|unit| self.pool.start_extent(&unit.read))
                .collect()
        });
        for (unit, read) in missed.iter().zip(started) {
            let stored = read?.finish().await?;
            self.place(unit, &stored, &mut buf)?;
        }
        Ok(buf)
    }

    /// The same of the units that take no I/O; the others.
    pub(crate) fn fill_from_cached<'a>(
        &self,
        units: &'a [UnitPart],
        buf: &mut PageBuf,
    ) -> Result<Vec<&'a UnitPart>, StoreError> {
        let mut missed = Vec::new();
        for unit in units {
            let mut stored = PageBuf::recycled(unit.read.bytes());
            if self.pool.read_extent_cached(&unit.read, &mut stored)? {
                self.place(unit, &stored, buf)?;
            } else {
                missed.push(unit);
            }
        }
        Ok(missed)
    }

    /// Decompresses a unit; right to its place if all of it is wanted there.
    fn place(&self, unit: &UnitPart, stored: &[u8], buf: &mut PageBuf) -> Result<(), StoreError> {
        let outside = || StoreError::Inconsistent {
            what: "a piece of a unit beyond its range".to_owned(),
        };
        let bytes = unit.read.unit().map_or(0, |unit| unit.bytes());
        if let [piece] = unit.pieces[..]
            && to_u32(piece.bytes) == bytes
        {
            let to = buf.get_mut(piece.to..piece.to + piece.bytes);
            return self
                .pool
                .decode_unit(&unit.read, stored, to.ok_or_else(outside)?);
        }
        let mut whole = PageBuf::recycled(to_usize(bytes.into()));
        self.pool.decode_unit(&unit.read, stored, &mut whole)?;
        for piece in &unit.pieces {
            let from = whole.get(piece.from..piece.from + piece.bytes);
            let to = buf.get_mut(piece.to..piece.to + piece.bytes);
            let (from, to) = from.zip(to).ok_or_else(outside)?;
            to.copy_from_slice(from);
        }
        Ok(())
    }
}
