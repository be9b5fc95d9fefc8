//! What a pool needs beside its trees: superblocks, headers of segments, and the segment table.

use engine_base::limits::PAGE_BYTES;
use engine_base::{DatasetId, Location, SegmentId, Slot, to_u32};
use engine_device::{Area, PageBuf, Place};
use engine_format::{
    LostPart, LostRange, SEGMENT_HEADER_BYTES, SUPERBLOCK_BYTES, SegmentTablePage, Superblock,
    superblock_offset,
};

use super::pass::{Ended, Pass};
use crate::space::Segment;

impl Pass<'_> {
    pub(super) fn structures(&mut self) -> Result<(), Ended> {
        self.own_records();
        self.headers()?;
        if !self.table(false)? {
            // Whether it is so for certain: no checkpoint writes another one meanwhile.
            let pool = self.pool;
            let checkpointer = pool.checkpointer.lock();
            self.hurries = true;
            let repaired = self.table(true);
            self.hurries = false;
            drop(checkpointer);
            repaired?;
        }
        self.heads()
    }

    /// What the devices say about themselves.
    fn own_records(&self) {
        let records = self.core().device.scrub_own();
        self.found(records.found);
        self.repaired(records.repaired);
        self.scrubber().state.lock().record.verified += records.bytes;
    }

    /// One of the two superblocks, which the next checkpoint but one writes over.
    pub(super) fn superblock(&mut self, copy: u8) -> Result<(), Ended> {
        if self.bad_superblocks(copy)?.is_empty() {
            return Ok(());
        }
        // It may have been about to be written.
        let pool = self.pool;
        let checkpointer = pool.checkpointer.lock();
        self.hurries = true;
        let bad = self.bad_superblocks(copy);
        self.hurries = false;
        let bad = bad?;
        self.found(bad.len() as u64);
        let place = Place::label(superblock_offset(copy));
        let several = self.core().device.copies(Area::Label) > 1;
        let expected = self.core().superblock(copy);
        match expected {
            // Each device has one of its own: checkpoints write them all.
            Some(_) if several => self.owed += bad.len() as u64,
            Some(expected) => {
                for at in bad {
                    self.repair(at, place, &expected.encode(copy))?;
                }
            }
            None => {}
        }
        drop(checkpointer);
        if several && self.owed > 0 {
            // Over the older one, then over the other.
            self.pool.checkpoint()?;
        }
        Ok(())
    }

    /// The copies of a superblock that are not what was last written there.
    fn bad_superblocks(&mut self, copy: u8) -> Result<Vec<usize>, Ended> {
        let Some(expected) = self.core().superblock(copy) else {
            return Ok(Vec::new());
        };
        let place = Place::label(superblock_offset(copy));
        let mut bad = Vec::new();
        for at in self.core().device.copies_in_service(place.area) {
            let mut bytes = [0; SUPERBLOCK_BYTES];
            let read = self.read(at, place, &mut bytes)?;
            let found = Superblock::decode(&bytes, copy);
            let is_good = |found: &Superblock| {
                (found.checkpoint, found.lsn) == (expected.checkpoint, expected.lsn)
            };
            if !read || !found.is_ok_and(|found| is_good(&found)) {
                bad.push(at);
            }
        }
        Ok(bad)
    }

    /// The headers of all segments that something refers to.
    fn headers(&mut self) -> Result<(), Ended> {
        let known: Vec<(SegmentId, Segment)> = {
            let space = self.core().space.lock();
            space.segments.iter().map(|(id, s)| (*id, *s)).collect()
        };
        for (id, segment) in known {
            let _pin = self.pool.read_pin();
            if let Some(slot) = segment.slot
                && segment.is_used()
                && self.is_same(id, &segment)
            {
                self.header(id, &segment, slot)?;
            }
        }
        Ok(())
    }

    /// Whether a segment is still where it was.
    fn is_same(&self, id: SegmentId, segment: &Segment) -> bool {
        let space = self.core().space.lock();
        let known = space.segments.get(&id);
        known.is_some_and(|known| known.slot == segment.slot && known.is_used())
    }

    fn header(&mut self, id: SegmentId, segment: &Segment, slot: Slot) -> Result<(), Ended> {
        let place = Place::slot(slot, 0);
        let (mut good, mut bad) = (None, Vec::new());
        for copy in self.core().device.copies_in_service(place.area) {
            let mut bytes = PageBuf::recycled(SEGMENT_HEADER_BYTES);
            let read = self.read(copy, place, &mut bytes)?;
            if read && segment.has_header(&bytes, (self.core().pool_id, slot), id) {
                good = Some(bytes);
            } else {
                bad.push(copy);
            }
        }
        if bad.is_empty() || !self.is_same(id, segment) {
            return Ok(());
        }
        self.found(bad.len() as u64);
        let Some(good) = good else {
            self.lose(lost_header(id));
            return Ok(());
        };
        for copy in bad {
            self.repair(copy, place, &good)?;
        }
        Ok(())
    }

    /// The segment table of the newest checkpoint. `false`: something is bad and was left as it is.
    fn table(&mut self, may_repair: bool) -> Result<bool, Ended> {
        let pin = self.pool.read_pin();
        let Some(superblock) = self.core().newest_superblock() else {
            return Ok(true);
        };
        let slot = superblock.segment_table_slot;
        let mut next = superblock.segment_table;
        let mut pages = 0;
        while let Some(pointer) = next.filter(|_| pages <= superblock.slots) {
            let place = |at: Location| Some(Place::slot(slot, u64::from(at.offset)));
            let parts = self.read_parts(&pointer, &place)?;
            if !parts.all_good() {
                if !may_repair {
                    return Ok(false);
                }
                if self.repair_parts(&parts)? > 0 {
                    // The next checkpoint writes the table anew.
                    self.owed += 1;
                }
            }
            let base = parts
                .base
                .as_ref()
                .and_then(|base| base.first_chunk::<PAGE_BYTES>());
            let page = base.map(|base| SegmentTablePage::decode(base, superblock.checkpoint));
            next = page.and_then(Result::ok).and_then(|page| page.next);
            pages += 1;
        }
        drop(pin);
        Ok(true)
    }
}

fn lost_header(segment: SegmentId) -> LostRange {
    LostRange {
        part: LostPart::Header,
        dataset: DatasetId::POOL,
        content: None,
        offset: 0,
        bytes: to_u32(SEGMENT_HEADER_BYTES).into(),
        location: Location { segment, offset: 0 },
        pass: 0,
    }
}
