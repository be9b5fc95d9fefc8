//! Reading pages: verify against the pointer, fall back to the second copy.

use engine_base::limits::PAGE_BYTES;
use engine_base::{Checksum, Location, SegmentId, Slot, to_usize};
use engine_device::{Device, PageBuf, Place};
use engine_format::{CheckpointId, FormatError, PagePointer, SegmentTablePage};
use engine_tree::{LoadedPage, Missing, PageError, Tree};

use crate::salvage::LostPages;
use crate::{StoreError, copies};

/// Where segments lie.
pub(crate) trait SlotOf {
    fn slot_of(&self, segment: SegmentId) -> Option<Slot>;
}

/// All segments in one slot: for the segment table, before it was read.
pub(crate) struct InSlot(pub(crate) Slot);

impl SlotOf for InSlot {
    fn slot_of(&self, _: SegmentId) -> Option<Slot> {
        Some(self.0)
    }
}

/// Bytes with a checksum: a page, its second copy, or its delta.
pub(crate) struct Part {
    pub(crate) location: Location,
    pub(crate) bytes: usize,
    pub(crate) checksum: Checksum,
    pub(crate) is_delta: bool,
}

pub(crate) fn parts_of(pointer: &PagePointer) -> impl Iterator<Item = Part> + use<> {
    let checksum = pointer.checksum;
    let page = |location| Part {
        location,
        bytes: PAGE_BYTES,
        checksum,
        is_delta: false,
    };
    let delta = pointer.delta.map(|delta| Part {
        location: delta.location,
        bytes: to_usize(delta.bytes.into()),
        checksum: delta.checksum,
        is_delta: true,
    });
    let pages = [Some(page(pointer.base)), pointer.copy.map(page), delta];
    pages.into_iter().flatten()
}

/// Reads pages, blocking the thread: opening, checkpoints, checks.
#[derive(Clone, Copy)]
pub(crate) struct PageReader<'a> {
    pub(crate) device: &'a dyn Device,
    pub(crate) slots: &'a dyn SlotOf,
    /// Pages without a good copy are passed over and noted there; `None`: they are errors.
    pub(crate) lost: Option<&'a LostPages>,
    /// Whether bad copies are rewritten when they are met.
    pub(crate) repair: bool,
}

pub(crate) fn place_of(slots: &dyn SlotOf, location: Location) -> Result<Place, StoreError> {
    let slot = slots
        .slot_of(location.segment)
        .ok_or_else(|| StoreError::Inconsistent {
            what: format!("{location} is referred to, but that segment is not in use"),
        })?;
    Ok(Place::slot(slot, u64::from(location.offset)))
}

impl PageReader<'_> {
    /// What lies there: on whichever copy it has the checksum that it should; if on none, what was
    /// read first.
    fn bytes(
        &self,
        location: Location,
        bytes: usize,
        checksum: Checksum,
    ) -> Result<PageBuf, StoreError> {
        let mut buf = PageBuf::recycled(bytes);
        let place = place_of(self.slots, location)?;
        copies::read_checked(self.device, place, checksum, &mut buf, self.repair)?;
        Ok(buf)
    }

    /// A page of the segment table.
    pub(crate) fn table_page(
        &self,
        pointer: &PagePointer,
        checkpoint: CheckpointId,
    ) -> Result<SegmentTablePage, StoreError> {
        let first = self.table_copy(pointer, pointer.base, checkpoint);
        match (first, pointer.copy) {
            (Err(_), Some(copy)) => self.table_copy(pointer, copy, checkpoint),
            (result, _) => result,
        }
    }

    pub(crate) fn table_copy(
        &self,
        pointer: &PagePointer,
        location: Location,
        checkpoint: CheckpointId,
    ) -> Result<SegmentTablePage, StoreError> {
        let place = place_of(self.slots, location)?;
        let damaged = |source| StoreError::Damaged {
            what: "segment table",
            place,
            source,
        };
        let buf = self.bytes(location, PAGE_BYTES, pointer.checksum)?;
        let Some(bytes) = buf.first_chunk::<PAGE_BYTES>() else {
            return Err(StoreError::Inconsistent {
                what: "a page was read short".to_owned(),
            });
        };
        let computed = engine_base::Checksum::new(crc32c::crc32c(bytes));
        if computed != pointer.checksum {
            let stored = pointer.checksum;
            let structure = "segment table";
            return Err(damaged(FormatError::Checksum {
                structure,
                stored,
                computed,
            }));
        }
        SegmentTablePage::decode(bytes, checkpoint).map_err(damaged)
    }

    /// A page of a tree.
    pub(crate) fn tree_page(&self, missing: &Missing) -> Result<LoadedPage, StoreError> {
        let pointer = &missing.pointer;
        let delta = match pointer.delta {
            Some(delta) => {
                let bytes = copies::length(delta.bytes);
                Some(self.bytes(delta.location, bytes, delta.checksum)?)
            }
            None => None,
        };
        let first = self
            .bytes(pointer.base, PAGE_BYTES, pointer.checksum)
            .and_then(|base| decode(missing, &base, delta.as_deref()));
        match (first, pointer.copy) {
            (Err(_), Some(copy)) => {
                let base = self.bytes(copy, PAGE_BYTES, pointer.checksum)?;
                decode(missing, &base, delta.as_deref())
            }
            (result, _) => result,
        }
    }

    /// Calls `look` until nothing it needs is missing in `tree`.
    pub(crate) fn with_pages<R>(
        &self,
        tree: &mut Tree,
        mut look: impl FnMut(&mut Tree) -> Result<R, Missing>,
    ) -> Result<R, StoreError> {
        loop {
            match look(tree) {
                Ok(result) => return Ok(result),
                Err(missing) => match (self.tree_page(&missing), self.lost) {
                    (Ok(page), _) => {
                        tree.install(&missing, page);
                    }
                    (Err(_), Some(lost)) => {
                        lost.add(&missing);
                        tree.install_blank(&missing);
                    }
                    (Err(error), None) => return Err(error),
                },
            }
        }
    }
}

pub(crate) fn decode(
    missing: &Missing,
    base: &[u8],
    delta: Option<&[u8]>,
) -> Result<LoadedPage, StoreError> {
    LoadedPage::decode(missing, base, delta).map_err(|source: PageError| StoreError::PageDamaged {
        tree: missing.tree,
        location: missing.pointer.base,
        source: Box::new(source),
    })
}
