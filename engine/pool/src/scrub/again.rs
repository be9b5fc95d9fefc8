//! Data that did not match: looked at again, block by block, and repaired or listed.

use engine_base::Location;
use engine_base::limits::BLOCK_BYTES;
use engine_device::PageBuf;

use super::data::{Item, are_good};
use super::pass::{Ended, Pass};
use super::records::Stored;
use crate::block_on;

impl Pass<'_> {
    /// Looks at what an extent maps now, and at every copy of that.
    pub(super) fn look_at_data_again(&mut self, item: &Item) -> Result<(), Ended> {
        let _pin = self.pool.read_pin();
        let Some(dataset) = self.core().catalog.get(item.dataset) else {
            return Ok(());
        };
        let (start, bytes) = (item.start, u64::from(item.bytes));
        let found = block_on(self.pool.stored(&dataset, item.content, start, bytes))?;
        for stored in found {
            // What was written since is of the next pass.
            if stored.location.segment != item.location.segment {
                continue;
            }
            for block in 0..stored.blocks() {
                self.look_at_block_again(item, &stored, block)?;
            }
        }
        Ok(())
    }

    fn look_at_block_again(
        &mut self,
        item: &Item,
        stored: &Stored,
        block: usize,
    ) -> Result<(), Ended> {
        let location = Location {
            segment: stored.location.segment,
            offset: stored.location.offset + engine_base::to_u32(block * BLOCK_BYTES),
        };
        let (place, _) = self.core().run_at(location, BLOCK_BYTES)?;
        let checksum = stored.checksums.get(block * 4..block * 4 + 4);
        let (mut good, mut bad) = (None, Vec::new());
        for copy in self.core().device.copies_in_service(place.area) {
            let mut buf = PageBuf::recycled(BLOCK_BYTES);
            let read = self.read(copy, place, &mut buf)?;
            if read && checksum.is_some_and(|checksum| are_good(&buf, checksum)) {
                good = Some(buf);
            } else {
                bad.push(copy);
            }
        }
        self.found(bad.len() as u64);
        match good {
            Some(good) => {
                for copy in bad {
                    self.repair(copy, place, &good)?;
                }
                Ok(())
            }
            None => self.lose_block(item, stored, block),
        }
    }

    /// Lists a block for all members of the family that refer to it.
    fn lose_block(&mut self, item: &Item, stored: &Stored, block: usize) -> Result<(), Ended> {
        let Some(dataset) = self.core().catalog.get(item.dataset) else {
            return Ok(());
        };
        let family = dataset.descent().family;
        let mut range = stored.of_block(block);
        range.content = item.content;
        for member in self.core().catalog.all() {
            if member.descent().family != family {
                continue;
            }
            let found = self
                .pool
                .stored(&member, item.content, range.offset, range.bytes);
            let refers = block_on(found)?.iter().any(|other| {
                let at = u64::from(other.location.offset) + u64::from(other.skip);
                other.location.segment == range.location.segment
                    && at == u64::from(range.location.offset) + (other.offset - range.offset)
            });
            if refers {
                range.dataset = member.id();
                self.lose(range);
            }
        }
        Ok(())
    }
}
