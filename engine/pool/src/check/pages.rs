//! Every page of a tree, with second copy and delta.

use std::convert::Infallible;

use engine_base::limits::PAGE_BYTES;
use engine_base::{Checksum, DatasetId, Location, Sixteenths, to_usize};
use engine_device::PageBuf;
use engine_format::{PagePointer, SegmentKind, SegmentState};
use engine_tree::{LoadedPage, Missing, walk};

use super::report::chain;
use super::{Check, Segments, Sums};
use crate::StoreError;
use crate::pages::{decode, place_of};

/// A tree to walk.
pub(super) struct TreeToCheck<'a> {
    pub(super) id: DatasetId,
    pub(super) root: Option<PagePointer>,
    /// Whose it is, for findings.
    pub(super) owner: &'a str,
    /// Leaves have a second copy, too.
    pub(super) two_copies: bool,
    /// What lies before this place belongs to a snapshot, and is counted there.
    pub(super) counted_from: Option<Location>,
}

impl Check<'_> {
    /// Visits every page of a tree that can be read, in key order.
    pub(super) fn tree(
        &mut self,
        tree: &TreeToCheck<'_>,
        segments: &Segments,
        sums: &mut Sums,
        visit: &mut dyn FnMut(&mut Self, &LoadedPage, &mut Sums),
    ) {
        let walked = walk::<Infallible>(tree.id, tree.root, |missing| {
            let page = self.page(tree, missing, segments, sums);
            match &page {
                Some(page) => visit(self, page, sums),
                None => sums.incomplete = true,
            }
            Ok(page)
        });
        match walked {
            Ok(()) => {}
        }
    }

    /// Reads and verifies one page in all its parts; `None` if no copy is good.
    fn page(
        &mut self,
        tree: &TreeToCheck<'_>,
        missing: &Missing,
        segments: &Segments,
        sums: &mut Sums,
    ) -> Option<LoadedPage> {
        let pointer = &missing.pointer;
        let owner = owner(tree, missing);
        for (location, bytes) in pointer.parts() {
            if tree.counted_from.is_none_or(|from| location >= from) {
                sums.add_live(location.segment, Sixteenths::of_bytes(bytes.into()));
            }
            self.page_place(&owner, location, bytes, segments);
        }
        let delta = match pointer.delta {
            None => None,
            Some(delta) => match self.part(
                &owner,
                delta.location,
                (to_usize(u64::from(delta.bytes)), delta.checksum),
                segments,
            ) {
                Ok(bytes) => Some(bytes),
                Err(error) => {
                    self.bad_part(&owner, "delta", delta.location, &error, false);
                    return None;
                }
            },
        };
        let page = (PAGE_BYTES, pointer.checksum);
        let base = self
            .part(&owner, pointer.base, page, segments)
            .and_then(|base| decode(missing, &base, delta.as_deref()));
        let delta_is_bad = matches!(&base, Err(StoreError::PageDamaged { source, .. })
            if !source.is_base());
        let copy = pointer.copy.map(|copy| {
            let bytes = self.part(&owner, copy, page, segments);
            bytes.and_then(|bytes| decode(missing, &bytes, delta.as_deref()))
        });
        let has_spare = matches!(copy, Some(Ok(_)));
        if let Err(error) = &base {
            match (delta_is_bad, pointer.delta) {
                (true, Some(delta)) => {
                    self.bad_part(&owner, "delta", delta.location, error, false);
                }
                _ => self.bad_part(&owner, "page", pointer.base, error, has_spare),
            }
        }
        if let (Some(location), Some(Err(error))) = (pointer.copy, &copy) {
            self.bad_part(
                &owner,
                "second copy of the page",
                location,
                error,
                base.is_ok(),
            );
        }
        let page = base.ok().or_else(|| copy.and_then(Result::ok))?;
        if pointer.copy.is_none() && (tree.two_copies || page.level() > 0) {
            self.damage(format!(
                "the page of {owner} at {} has no second copy, but must have one",
                pointer.base
            ));
        }
        self.report.counts.pages += if pointer.copy.is_some() { 2 } else { 1 };
        self.report.counts.deltas += u64::from(pointer.delta.is_some());
        self.verified(pointer.parts().map(|(_, bytes)| u64::from(bytes)).sum());
        Some(page)
    }

    fn page_place(&mut self, owner: &str, location: Location, bytes: u32, segments: &Segments) {
        let end = u64::from(location.offset) + u64::from(bytes);
        let fits = segments.all.get(&location.segment).is_some_and(|segment| {
            segment.kind == SegmentKind::Index
                && segment.state != SegmentState::Dead
                && end <= u64::from(segment.written)
        });
        if !fits {
            self.damage(format!(
                "a page of {owner} is said to be at {location}, where no index segment was \
                 written; restore the pool from a backup"
            ));
        }
    }

    /// Bytes of one part, as a good copy has them if there is one.
    fn part(
        &mut self,
        owner: &str,
        location: Location,
        (bytes, checksum): (usize, Checksum),
        segments: &Segments,
    ) -> Result<PageBuf, StoreError> {
        let place = place_of(segments, location)?;
        let is_good = |found: &[u8]| crc32c::crc32c(found) == checksum.get();
        let mut buf = self.read_any(place, bytes, is_good)?;
        let what = format!("a page of {owner} at {location}");
        self.every_copy_of(&what, place, checksum, &mut buf);
        Ok(buf)
    }

    fn bad_part(
        &mut self,
        owner: &str,
        part: &str,
        location: Location,
        error: &StoreError,
        has_spare: bool,
    ) {
        let advice = if has_spare {
            "the other copy is good and is used: look at the device"
        } else {
            "there is no good copy: restore that range from a backup, or open the checkpoint \
             before this one (rewind)"
        };
        self.damage(format!(
            "the {part} of {owner} at {location} is damaged ({}); {advice}",
            chain(error)
        ));
    }
}

/// Whose page it is: of volumes the byte range that its entries map.
fn owner(tree: &TreeToCheck<'_>, missing: &Missing) -> String {
    if tree.id == DatasetId::POOL || tree.id == DatasetId::ROOTS {
        return tree.owner.to_owned();
    }
    let low = offset_of(&missing.low);
    if missing.high.is_empty() {
        return format!("{}, bytes from {low} on,", tree.owner);
    }
    format!("{}, bytes {low}..{},", tree.owner, offset_of(&missing.high))
}

/// The offset that a fence stands for. Fences may be cut short; missing bytes count as zero.
fn offset_of(key: &[u8]) -> u64 {
    let mut bytes = [0; 8];
    for (to, from) in bytes.iter_mut().zip(key) {
        *to = *from;
    }
    u64::from_be_bytes(bytes)
}
