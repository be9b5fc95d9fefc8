//! The segment table, with both copies of each page, and the headers of the segments in use.

use std::collections::{BTreeMap, HashSet};

use engine_base::limits::PAGE_BYTES;
use engine_base::{Location, Lsn, SegmentId, Slot};
use engine_device::{PageBuf, Place};
use engine_format::{
    FormatError, PagePointer, SEGMENT_HEADER_BYTES, SegmentEntry, SegmentHeader, SegmentKind,
    SegmentState, SegmentTablePage, Superblock,
};

use super::report::{chain, slot_name};
use super::{Check, Segments};
use crate::copies::Range;
use crate::pages::{InSlot, PageReader};
use crate::space::Segment;

impl Check<'_> {
    /// The segments of the checkpoint; `None` if the table cannot be read.
    pub(super) fn segments(&mut self, superblock: &Superblock) -> Option<Segments> {
        let mut segments = Segments {
            all: BTreeMap::new(),
            table: BTreeMap::new(),
        };
        let mut slots = HashSet::new();
        let mut next = superblock.segment_table;
        let home = next.map(|pointer| pointer.base.segment);
        let mut pages = 0;
        while let Some(pointer) = next {
            let page = self.table_page(superblock, &pointer)?;
            for entry in &page.entries {
                self.table_entry(superblock, entry, &mut slots);
                if segments.all.insert(entry.segment, known(entry)).is_some() {
                    self.inconsistent(format!("the segment table names {} twice", entry.segment));
                }
            }
            for (location, bytes) in pointer.parts() {
                *segments.table.entry(location.segment).or_default() += u64::from(bytes);
                if Some(location.segment) != home {
                    self.inconsistent(format!(
                        "the page of the segment table at {location} is not in the segment that \
                         the superblock names"
                    ));
                }
            }
            pages += 1;
            if pages > superblock.slots {
                self.inconsistent(format!(
                    "the segment table does not end behind {}",
                    pointer.base
                ));
                return None;
            }
            next = page.next;
        }
        self.table_home(superblock, &segments);
        self.headers(superblock, &segments);
        Some(segments)
    }

    /// Both copies of a page; whichever is good.
    fn table_page(
        &mut self,
        superblock: &Superblock,
        pointer: &PagePointer,
    ) -> Option<SegmentTablePage> {
        let device = std::sync::Arc::clone(&self.device);
        let slot = superblock.segment_table_slot;
        let slots = InSlot(slot);
        let reader = PageReader {
            device: &*device,
            slots: &slots,
            lost: None,
            repair: false,
        };
        for location in [Some(pointer.base), pointer.copy].into_iter().flatten() {
            let place = Place::slot(slot, u64::from(location.offset));
            let what = format!("the segment table's page at {location}");
            // Where no copy is good, reading it says so.
            let mut buf = PageBuf::zeroed(PAGE_BYTES);
            if device.copies(place.area) > 1 {
                self.every_copy_of(&what, place, pointer.checksum, &mut buf);
            }
        }
        let mut good = None;
        let mut read =
            |check: &mut Self, location: Location, other: &str| {
                match reader.table_copy(
            pointer,
            location,
            superblock.checkpoint,
        ) {
            Ok(page) => good = Some(page),
            Err(error) => check.damage(format!(
                "the segment table's page at {location} ({slot}) is damaged ({}); its {other} is \
                 used if it is good: look at the device",
                chain(&error)
            )),
        }
            };
        read(self, pointer.base, "second copy");
        match pointer.copy {
            Some(copy) => read(self, copy, "first copy"),
            None => self.damage(format!(
                "the segment table's page at {} has no second copy",
                pointer.base
            )),
        }
        let bytes = if pointer.copy.is_some() {
            2 * PAGE_BYTES
        } else {
            PAGE_BYTES
        };
        self.report.counts.pages += (bytes / PAGE_BYTES) as u64;
        self.verified(bytes as u64);
        if good.is_none() {
            self.damage(format!(
                "the segment table of checkpoint {} is lost, and with it this checkpoint: open the \
                 one before it (rewind), or restore the pool from a backup",
                superblock.checkpoint.get()
            ));
        }
        good
    }

    fn table_entry(
        &mut self,
        superblock: &Superblock,
        entry: &SegmentEntry,
        slots: &mut HashSet<u32>,
    ) {
        let (segment, slot) = (entry.segment, entry.slot);
        let dead_but_live = entry.state == SegmentState::Dead && entry.live_bytes > 0;
        let rules = [
            (
                slot.is_none_or(|slot| slot.get() < superblock.slots),
                "lies behind the device",
            ),
            (
                entry.written_bytes <= superblock.segment_bytes,
                "has more bytes than a segment",
            ),
            (
                segment < superblock.next_segment,
                "has an id that was never given out",
            ),
            (
                entry.last_lsn <= superblock.lsn,
                "is ahead of the checkpoint",
            ),
            (!dead_but_live, "is dead but has live bytes"),
            (
                slot.is_none_or(|slot| slots.insert(slot.get())),
                "lies in the slot of another segment",
            ),
        ];
        for (holds, what) in rules {
            if !holds {
                self.inconsistent(format!(
                    "the segment table says that {segment} in {} {what}",
                    slot_name(slot)
                ));
            }
        }
    }

    fn table_home(&mut self, superblock: &Superblock, segments: &Segments) {
        for id in segments.table.keys() {
            let slot = segments.all.get(id).and_then(|known| known.slot);
            if slot != Some(superblock.segment_table_slot) {
                self.inconsistent(format!(
                    "the segment table lies in {id}, which it does not name in {}",
                    superblock.segment_table_slot
                ));
            }
        }
    }

    /// Something that does not fit together, so that the journal had better not be applied to it.
    pub(super) fn inconsistent(&mut self, what: String) {
        self.replayable = false;
        self.damage(format!("{what}; restore the pool from a backup"));
    }

    fn headers(&mut self, superblock: &Superblock, segments: &Segments) {
        for (id, segment) in &segments.all {
            if let Some(slot) = segment.slot
                && is_in_use(superblock, *id, segment)
            {
                self.header(superblock, *id, segment, slot);
            }
        }
    }

    /// The header of a segment that something refers to.
    pub(super) fn header(
        &mut self,
        superblock: &Superblock,
        id: SegmentId,
        segment: &Segment,
        slot: Slot,
    ) {
        let is_good = |bytes: &[u8]| {
            let header = header_in(bytes, superblock, slot);
            header.is_ok_and(|header| disagreement(&header, id, segment).is_none())
        };
        let place = Place::slot(slot, 0);
        let read = self.read_any(place, SEGMENT_HEADER_BYTES, is_good);
        let kind = match segment.kind {
            SegmentKind::Journal => "journal",
            SegmentKind::Index => "index",
            SegmentKind::Pack => "pack",
        };
        let wrong = match read {
            Err(error) => chain(&error),
            Ok(mut bytes) => match header_in(&bytes, superblock, slot) {
                Err(error) => chain(&error),
                Ok(header) => match disagreement(&header, id, segment) {
                    Some(what) => what,
                    None => {
                        let range = Range {
                            place,
                            unit: SEGMENT_HEADER_BYTES,
                            is_good: &|_, bytes| is_good(bytes),
                        };
                        self.every_copy(&format!("the header of {id}"), &range, &mut bytes);
                        self.report.counts.segments += 1;
                        self.verified(SEGMENT_HEADER_BYTES as u64);
                        return;
                    }
                },
            },
        };
        self.damage(format!(
            "the header of {id} ({kind}) at {} is damaged ({wrong}); what lies behind it has \
             checksums of its own and is checked, too: look at the device",
            Place::slot(slot, 0)
        ));
    }
}

fn header_in(
    bytes: &[u8],
    superblock: &Superblock,
    slot: Slot,
) -> Result<SegmentHeader, FormatError> {
    let bytes = bytes.first_chunk::<SEGMENT_HEADER_BYTES>();
    let bytes = bytes.expect("a whole header was read");
    SegmentHeader::decode(bytes, superblock.pool_id, slot)
}

/// Whether the checkpoint's state or its journal refers to the segment. Segments that were only
/// prepared are free again after a restart, and the next opening may have used their slots before
/// its first checkpoint.
fn is_in_use(superblock: &Superblock, id: SegmentId, segment: &Segment) -> bool {
    let is_home = superblock
        .segment_table
        .is_some_and(|pointer| pointer.base.segment == id);
    let is_start = superblock.journal.location.segment == id;
    let was_used =
        segment.live > 0 || segment.last_lsn > Lsn::ZERO || segment.state == SegmentState::Sealed;
    let is_left = matches!(segment.state, SegmentState::Dead | SegmentState::Moved);
    is_home || is_start || (was_used && !is_left)
}

fn disagreement(header: &SegmentHeader, id: SegmentId, segment: &Segment) -> Option<String> {
    if header.segment != id {
        return Some(format!("it is that of {}", header.segment));
    }
    if header.kind != segment.kind {
        return Some("it is of another kind".to_owned());
    }
    if segment.last_lsn > Lsn::ZERO && header.first_lsn > segment.last_lsn {
        return Some(format!(
            "its first {} is behind its last {}",
            header.first_lsn, segment.last_lsn
        ));
    }
    None
}

fn known(entry: &SegmentEntry) -> Segment {
    Segment {
        slot: entry.slot,
        kind: entry.kind,
        state: entry.state,
        written: entry.written_bytes,
        live: entry.live_bytes,
        live_excess: entry.live_excess,
        last_lsn: entry.last_lsn,
    }
}
