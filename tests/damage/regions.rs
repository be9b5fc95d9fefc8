//! Where the structures of a pool lie: found by following the format, without the pool's own code.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::ops::ControlFlow;
use std::sync::Arc;

use engine_base::limits::{BLOCK_BYTES, PAGE_BYTES};
use engine_base::{DatasetId, Location, Lsn, SegmentId, Slot};
use engine_device::{Area, Device, Place};
use engine_format::{
    ExtentRef, PagePointer, REDIRECT_BLOCKS, Redirect, RootsKey, RootsRecord, SUPERBLOCK_BYTES,
    SegmentHeader, SegmentTablePage, Superblock, decode_head, superblock_offset,
};
use engine_pool::{Pool, block_on};
use engine_tree::{LoadedPage, walk};

use crate::decode::Decode;
use crate::device::{Fault, Image, ImageDevice};
use crate::history::options;

/// What damage to a structure may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Superblock,
    SegmentHeader,
    TablePage,
    TreePage,
    Delta,
    Head,
    Data,
}

/// A structure.
#[derive(Debug, Clone)]
pub(crate) struct Region {
    pub(crate) kind: Kind,
    pub(crate) place: Place,
    pub(crate) bytes: usize,
    /// Part of the last sync round: damage may be taken for its end.
    pub(crate) unvouched: bool,
    /// How the engine reads it.
    pub(crate) decode: Decode,
}

/// All structures that opening a pool and reading its volumes needs, superblocks first.
pub(crate) fn regions(image: &Arc<Image>) -> Vec<Region> {
    let mut finder = Finder::new(image);
    finder.table();
    finder.trees();
    finder.journal();
    finder.data();
    finder.regions
}

struct Finder<'a> {
    image: &'a Arc<Image>,
    superblock: Superblock,
    slots: BTreeMap<SegmentId, Slot>,
    /// Of segments that were packed, by stretch.
    redirects: BTreeMap<(SegmentId, u32), Redirect>,
    regions: Vec<Region>,
    /// From where on in the journal nothing vouches.
    unvouched_from: Vec<(SegmentId, std::ops::Range<u32>)>,
}

impl<'a> Finder<'a> {
    fn new(image: &'a Arc<Image>) -> Self {
        let mut regions = Vec::new();
        let mut newest: Option<Superblock> = None;
        for copy in 0..2 {
            let place = Place::label(superblock_offset(copy));
            let bytes = image.read(place, SUPERBLOCK_BYTES).first_chunk().unwrap();
            let superblock = Superblock::decode(bytes, copy).unwrap();
            let decode = Decode::Superblock(copy);
            regions.push(region(Kind::Superblock, place, SUPERBLOCK_BYTES, decode));
            if newest
                .as_ref()
                .is_none_or(|known| known.checkpoint < superblock.checkpoint)
            {
                newest = Some(superblock);
            }
        }
        let superblock = newest.unwrap();
        let mut slots = BTreeMap::new();
        for slot in image.slots.keys().map(|slot| Slot::new(*slot)) {
            let bytes = image.read(Place::slot(slot, 0), 4096).first_chunk();
            let header = SegmentHeader::decode(bytes.unwrap(), superblock.pool_id, slot);
            if let Ok(header) = header {
                slots.insert(header.segment, slot);
            }
        }
        Self {
            image,
            superblock,
            slots,
            redirects: BTreeMap::new(),
            regions,
            unvouched_from: Vec::new(),
        }
    }

    fn place(&self, location: Location) -> Place {
        let block = location.offset / 4096;
        let key = (location.segment, block / REDIRECT_BLOCKS);
        let moved = self.redirects.get(&key);
        let location = match moved.and_then(|found| found.locate(block % REDIRECT_BLOCKS)) {
            Some(at) => at,
            None => location,
        };
        Place::slot(self.slots[&location.segment], location.offset.into())
    }

    fn read(&self, location: Location, bytes: usize) -> &'a [u8] {
        self.image.read(self.place(location), bytes)
    }

    fn add(&mut self, kind: Kind, location: Location, bytes: usize, decode: Decode) {
        let place = self.place(location);
        let header = Place { offset: 0, ..place };
        let known = |region: &Region| region.place == header;
        if !self.regions.iter().any(known) {
            let Area::Segment(slot) = header.area else {
                unreachable!("segments lie in slots");
            };
            let decode = Decode::SegmentHeader(self.superblock.pool_id, slot);
            self.regions
                .push(region(Kind::SegmentHeader, header, 4096, decode));
        }
        let mut region = region(kind, place, bytes, decode);
        let within = |(segment, range): &(SegmentId, std::ops::Range<u32>)| {
            *segment == location.segment && range.contains(&location.offset)
        };
        region.unvouched = self.unvouched_from.iter().any(within);
        self.regions.push(region);
    }

    fn add_page(&mut self, kind: Kind, pointer: &PagePointer, decode: &Decode) {
        self.add(kind, pointer.base, PAGE_BYTES, decode.clone());
        if let Some(copy) = pointer.copy {
            self.add(kind, copy, PAGE_BYTES, decode.clone());
        }
    }

    fn table(&mut self) {
        let mut next = self.superblock.segment_table;
        while let Some(pointer) = next {
            let decode = Decode::TablePage(pointer.checksum, self.superblock.checkpoint);
            self.add_page(Kind::TablePage, &pointer, &decode);
            let bytes = self.read(pointer.base, PAGE_BYTES).first_chunk().unwrap();
            let page = SegmentTablePage::decode(bytes, self.superblock.checkpoint).unwrap();
            next = page.next;
        }
    }

    fn trees(&mut self) {
        self.tree(DatasetId::POOL, self.superblock.pool_root);
        let mut roots = Vec::new();
        let pages = self.tree(DatasetId::ROOTS, self.superblock.roots_root);
        for page in pages {
            page.for_each_entry(|key, value| match RootsKey::decode(key).unwrap() {
                RootsKey::Dataset(id) => {
                    roots.push((id, RootsRecord::decode(value).unwrap().root));
                }
                RootsKey::Redirect { segment, stretch } => {
                    let redirect = Redirect::decode(value).unwrap();
                    self.redirects.insert((segment, stretch), redirect);
                }
            });
        }
        for (id, root) in roots {
            self.tree(id, root);
        }
    }

    /// Adds the pages of a tree; returns those without children.
    fn tree(&mut self, id: DatasetId, root: Option<PagePointer>) -> Vec<LoadedPage> {
        let mut leaves = Vec::new();
        walk::<Infallible>(id, root, |missing| {
            let pointer = &missing.pointer;
            let base = self.read(pointer.base, PAGE_BYTES);
            let delta = pointer.delta.map(|delta| {
                let bytes = usize::try_from(delta.bytes).unwrap();
                let decode = Decode::Delta(missing.clone(), base.into());
                self.add(Kind::Delta, delta.location, bytes, decode);
                self.read(delta.location, bytes)
            });
            let decode = Decode::TreePage(missing.clone(), delta.map(Into::into));
            self.add_page(Kind::TreePage, pointer, &decode);
            let page = LoadedPage::decode(missing, base, delta).unwrap();
            if page.level() == 0 {
                leaves.push(page);
                return Ok(None);
            }
            Ok(Some(page))
        })
        .unwrap();
        leaves
    }

    /// Heads behind the checkpoint.
    fn journal(&mut self) {
        let start = self.superblock.journal;
        let mut at = start.location;
        let mut next = start.successor.map(|next| next.segment);
        let mut expect = self.superblock.lsn.next();
        let mut vouched = self.superblock.lsn;
        let mut groups = Vec::new();
        loop {
            let bytes = self.rest(at);
            let head = bytes.and_then(|bytes| decode_head(bytes, at).ok());
            let fits = |head: &engine_format::GroupHead| {
                head.header.lsn == expect && head.header.epoch == self.superblock.epoch
            };
            if let Some(head) = head.filter(fits) {
                vouched = vouched.max(head.header.durable_lsn);
                expect = expect.next();
                groups.push((head.header.lsn, at, head.sizes));
                next = head.header.successor.map(|next| next.segment).or(next);
                at = at.advanced(head.sizes.group_bytes());
            } else if let Some(segment) = next.take() {
                at = Location {
                    segment,
                    offset: 4096,
                };
            } else {
                break;
            }
        }
        for (lsn, at, sizes) in &groups {
            if *lsn > vouched {
                let range = at.offset..at.offset + sizes.group_bytes();
                self.unvouched_from.push((at.segment, range));
            }
        }
        assert!(vouched > Lsn::ZERO || groups.is_empty());
        for (_, at, sizes) in groups {
            let bytes = usize::try_from(sizes.head_bytes).unwrap();
            self.add(Kind::Head, at, bytes, Decode::Head(at));
        }
    }

    /// The bytes of a segment from a location on.
    fn rest(&self, at: Location) -> Option<&'a [u8]> {
        let place = self.place(at);
        let area = self.image.area(place.area)?;
        area.get(usize::try_from(place.offset).unwrap()..)
    }

    /// The blocks of all live extents.
    fn data(&mut self) {
        let device = ImageDevice::new(self.image, Fault::None) as Arc<dyn Device>;
        let pool = Pool::open(device, &options(1)).unwrap();
        for info in pool.datasets() {
            let dataset = pool.dataset(info.id).unwrap();
            block_on(pool.make_resident(&dataset, &[], &[0xff; 8])).unwrap();
            let mut blocks = Vec::new();
            let scanned = dataset.with_tree(|tree| {
                tree.scan(&[], |_, value| {
                    let extent = ExtentRef::decode(value).unwrap();
                    let sums = extent.checksums();
                    let sums = (0..sums.len()).map(|index| sums.get(index).unwrap().get());
                    blocks.push((extent.location(), sums.collect::<Vec<u32>>()));
                    ControlFlow::Continue(())
                })
            });
            scanned.unwrap();
            for (location, sums) in blocks {
                let is_packed = |(segment, _): &(SegmentId, u32)| *segment == location.segment;
                // Each block of what was packed lies elsewhere.
                let together = if self.redirects.keys().any(is_packed) {
                    1
                } else {
                    sums.len()
                };
                let mut at = location;
                for sums in sums.chunks(together) {
                    let decode = Decode::Data(sums.to_vec());
                    self.add(Kind::Data, at, sums.len() * BLOCK_BYTES, decode);
                    at = at.advanced(u32::try_from(sums.len() * BLOCK_BYTES).unwrap());
                }
            }
        }
    }
}

fn region(kind: Kind, place: Place, bytes: usize, decode: Decode) -> Region {
    Region {
        kind,
        place,
        bytes,
        unvouched: false,
        decode,
    }
}
