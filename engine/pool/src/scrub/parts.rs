//! All copies of the parts of a page.

use engine_base::Location;
use engine_device::{PageBuf, Place};
use engine_format::PagePointer;

use super::pass::{Ended, Pass};
use crate::pages::parts_of;

/// A copy that is not what it should be.
struct Bad {
    place: Place,
    copy: usize,
    is_delta: bool,
}

/// What was read of a page.
#[derive(Default)]
pub(super) struct Parts {
    bad: Vec<Bad>,
    /// The page, if a copy of it is good.
    pub(super) base: Option<PageBuf>,
    /// Its delta, if a copy of it is good; `None` also if it has none.
    pub(super) delta: Option<PageBuf>,
}

impl Parts {
    pub(super) fn all_good(&self) -> bool {
        self.bad.is_empty()
    }

    /// Whether the page can be put together.
    pub(super) fn is_whole(&self, pointer: &PagePointer) -> bool {
        self.base.is_some() && (pointer.delta.is_none() || self.delta.is_some())
    }
}

impl Pass<'_> {
    /// Reads every copy of all parts of a page.
    pub(super) fn read_parts(
        &mut self,
        pointer: &PagePointer,
        place_of: &dyn Fn(Location) -> Option<Place>,
    ) -> Result<Parts, Ended> {
        let mut parts = Parts::default();
        for part in parts_of(pointer) {
            // The segment was given back, so the page is of no interest any more.
            let Some(place) = place_of(part.location) else {
                continue;
            };
            for copy in self.core().device.copies_in_service(place.area) {
                let mut buf = PageBuf::recycled(part.bytes);
                let read = self.read(copy, place, &mut buf)?;
                let is_good = read && crc32c::crc32c(&buf) == part.checksum.get();
                if !is_good {
                    parts.bad.push(Bad {
                        place,
                        copy,
                        is_delta: part.is_delta,
                    });
                } else if part.is_delta {
                    parts.delta = Some(buf);
                } else {
                    parts.base = Some(buf);
                }
            }
        }
        Ok(parts)
    }

    /// Writes bad copies over with good ones. How many there is no good one for.
    pub(super) fn repair_parts(&mut self, parts: &Parts) -> Result<u64, Ended> {
        let mut left = 0;
        for bad in &parts.bad {
            self.found(1);
            let good = if bad.is_delta {
                &parts.delta
            } else {
                &parts.base
            };
            match good {
                Some(good) => self.repair(bad.copy, bad.place, good)?,
                None => left += 1,
            }
        }
        Ok(left)
    }
}
