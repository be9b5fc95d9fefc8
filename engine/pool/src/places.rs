//! Where stored bytes lie: from names, which stay, to slots.
//!
//! A location is the name of bytes for life. Most segments lie in a slot as they were written. Of
//! one that was packed, what is live lies in packs, and only a redirect says where. Everybody who
//! reads data goes through [`Core::run_at`]; pages are never packed.
//!
//! Whoever looked a location up before its bytes died, and reads it now, finds it in the older home
//! of its segment: that is kept as it is until nobody is left who may know of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use engine_base::limits::{BLOCK, BLOCK_BYTES};
use engine_base::{Location, SegmentId, Slot, to_usize};
use engine_device::Place;
use engine_format::{REDIRECT_BLOCKS, Redirect};

use crate::StoreError;
use crate::core::Core;

/// Where the survivors of a segment lie, by stretches of [`REDIRECT_BLOCKS`] blocks.
pub(crate) type Stretches = BTreeMap<u32, Redirect>;

/// Where the bytes of a segment are.
#[derive(Debug, Clone)]
pub(crate) enum Home {
    /// As they were written.
    Slot(Slot),
    /// Those that are live, in packs.
    Packed(Arc<Packed>),
}

/// The home of a segment that was packed.
#[derive(Debug)]
pub(crate) struct Packed {
    pub(crate) stretches: Arc<Stretches>,
    /// Where its bytes were before, as long as somebody may read them there.
    pub(crate) older: Option<Home>,
}

/// Where a block lies: in a slot, or in a pack.
enum Found {
    Place(Place),
    Pack(Location),
}

/// Where a block of a packed segment lies.
pub(crate) fn locate(stretches: &Stretches, block: u32) -> Option<Location> {
    let redirect = stretches.get(&(block / REDIRECT_BLOCKS))?;
    redirect.locate(block % REDIRECT_BLOCKS)
}

/// All survivors of a packed segment, ascending, with their places.
pub(crate) fn survivors(stretches: &Stretches) -> impl Iterator<Item = (u32, Location)> {
    stretches.iter().flat_map(|(stretch, redirect)| {
        let first = stretch * REDIRECT_BLOCKS;
        redirect
            .survivors()
            .map(move |(block, at)| (first + block, at))
    })
}

impl Home {
    fn find(&self, block: u32) -> Option<Found> {
        let mut home = self;
        loop {
            match home {
                Self::Slot(slot) => {
                    return Some(Found::Place(Place::slot(*slot, u64::from(block) * BLOCK)));
                }
                Self::Packed(packed) => match locate(&packed.stretches, block) {
                    Some(at) => return Some(Found::Pack(at)),
                    None => home = packed.older.as_ref()?,
                },
            }
        }
    }
}

impl Core {
    /// Where the bytes at a location lie, and how many of `bytes` lie there in one piece.
    ///
    /// # Errors
    /// [`StoreError::Inconsistent`] if nothing is known of them.
    pub(crate) fn run_at(
        &self,
        location: Location,
        bytes: usize,
    ) -> Result<(Place, usize), StoreError> {
        let homes = self.homes.read();
        let unknown = || StoreError::Inconsistent {
            what: format!("{location} is referred to, but nothing in use has that name"),
        };
        let home = homes.get(&location.segment).ok_or_else(unknown)?;
        if let Home::Slot(slot) = home {
            return Ok((Place::slot(*slot, u64::from(location.offset)), bytes));
        }
        let place_of = |offset: u64| {
            let block = u32::try_from(offset / BLOCK).ok()?;
            let mut place = match home.find(block)? {
                Found::Place(place) => place,
                Found::Pack(at) => match homes.get(&at.segment)? {
                    Home::Slot(slot) => Place::slot(*slot, u64::from(at.offset)),
                    Home::Packed(_) => return None,
                },
            };
            place.offset += offset % BLOCK;
            Some(place)
        };
        let start = u64::from(location.offset);
        let first = place_of(start).ok_or_else(unknown)?;
        // The first block may be cut.
        let mut run = BLOCK_BYTES - to_usize(start % BLOCK);
        while run < bytes {
            let next = place_of(start + run as u64).ok_or_else(unknown)?;
            if (next.area, next.offset) != (first.area, first.offset + run as u64) {
                break;
            }
            run += BLOCK_BYTES;
        }
        Ok((first, run.min(bytes)))
    }

    /// The runs in which the bytes at a location lie, in order.
    ///
    /// # Errors
    /// As [`Core::run_at`].
    pub(crate) fn runs_at(
        &self,
        location: Location,
        bytes: usize,
    ) -> Result<Vec<(Place, usize)>, StoreError> {
        let mut runs = Vec::new();
        let (mut at, mut left) = (location, bytes);
        while left > 0 {
            let (place, run) = self.run_at(at, left)?;
            runs.push((place, run));
            at.offset += engine_base::to_u32(run);
            left -= run;
        }
        Ok(runs)
    }

    /// Fills `buf` with the stored bytes at a location, blocking the thread.
    ///
    /// # Errors
    /// As [`Core::run_at`]; [`StoreError::Device`].
    pub(crate) fn read_stored(&self, location: Location, buf: &mut [u8]) -> Result<(), StoreError> {
        let mut rest = buf;
        for (place, run) in self.runs_at(location, rest.len())? {
            let (now, later) = rest.split_at_mut(run);
            self.device.read(place, now)?;
            rest = later;
        }
        Ok(())
    }

    /// The slot of a segment that lies in one; pages are looked up by it.
    pub(crate) fn whole_slot(&self, segment: SegmentId) -> Option<Slot> {
        match self.homes.read().get(&segment)? {
            Home::Slot(slot) => Some(*slot),
            Home::Packed(_) => None,
        }
    }
}
