//! Data of extents: gathered leaf by leaf, read in the order in which it lies.

use engine_base::limits::{BLOCK, BLOCK_BYTES};
use engine_base::{DatasetId, Location, to_usize};
use engine_device::{PageBuf, Place};
use engine_format::{BucketKey, Checksums, ExtentRef, InodeId};
use engine_tree::LoadedPage;

use super::own::Own;
use super::pages::TreeToScrub;
use super::pass::{Ended, Pass};

/// Bytes that one step gathers, about: enough for an order that pays, little enough for a pin that
/// does not last.
const BATCH_BYTES: u64 = 8 << 20;
/// Bytes read at once where extents lie one behind the other.
const READ_BYTES: u64 = 1 << 20;

/// The stored blocks of an extent.
#[derive(Debug, Clone)]
pub(super) struct Item {
    pub(super) dataset: DatasetId,
    pub(super) content: Option<InodeId>,
    /// First byte in the object.
    pub(super) start: u64,
    pub(super) bytes: u32,
    pub(super) location: Location,
    /// Other extents may refer to the same blocks: to the same bytes, or to parts of the same unit.
    has_others: bool,
    checksums: Vec<u8>,
}

impl Item {
    fn stored_bytes(&self) -> u64 {
        self.blocks() as u64 * BLOCK
    }

    fn blocks(&self) -> usize {
        self.checksums.len() / size_of::<u32>()
    }
}

/// What is to be read next.
#[derive(Default)]
pub(super) struct Batch {
    items: Vec<Item>,
    bytes: u64,
}

impl Batch {
    pub(super) fn is_full(&self) -> bool {
        self.bytes >= BATCH_BYTES
    }
}

/// Blocks of an item that lie one behind the other.
struct Piece {
    place: Place,
    item: usize,
    /// The first of them.
    block: usize,
    blocks: usize,
}

impl Piece {
    fn bytes(&self) -> u64 {
        self.blocks as u64 * BLOCK
    }

    fn checksums<'a>(&self, of: &'a Item) -> Option<&'a [u8]> {
        let width = size_of::<u32>();
        let (from, to) = (self.block * width, (self.block + self.blocks) * width);
        of.checksums.get(from..to)
    }
}

/// Whether all blocks are what their checksums say.
pub(super) fn are_good(blocks: &[u8], checksums: &[u8]) -> bool {
    let Some(expected) = Checksums::from_bytes(checksums) else {
        return false;
    };
    let mut pairs = blocks.chunks_exact(BLOCK_BYTES).zip(expected.iter());
    pairs.all(|(block, expected)| crc32c::crc32c(block) == expected.get())
}

impl Pass<'_> {
    /// Gathers what the entries of a leaf refer to.
    pub(super) fn add_leaf(&mut self, tree: &TreeToScrub, page: &LoadedPage) {
        if tree.id < DatasetId::FIRST_USER || page.level() > 0 {
            return;
        }
        let Some(dataset) = self.core().catalog.get(tree.id) else {
            return;
        };
        let own = Own::of(self.core(), &dataset);
        page.for_each_entry(|key, value| {
            let Some((content, start)) = object_of(tree.is_bucket, key) else {
                return;
            };
            let Ok(extent) = ExtentRef::decode(value) else {
                return;
            };
            if own.has(start, extent.location()) {
                self.add_extent(tree.id, content, start, &extent);
            }
        });
    }

    fn add_extent(
        &mut self,
        dataset: DatasetId,
        content: Option<InodeId>,
        start: u64,
        extent: &ExtentRef<'_>,
    ) {
        let unit = extent.codec().unit();
        let is_cut = unit.is_some_and(|unit| extent.bytes() < unit.bytes());
        let item = Item {
            dataset,
            content,
            start,
            bytes: extent.bytes(),
            location: extent.location(),
            has_others: extent.is_shared() || is_cut,
            checksums: extent.checksums().as_bytes().to_vec(),
        };
        if item.has_others && self.verified.has(item.location, item.blocks()) {
            return;
        }
        self.batch.bytes += item.stored_bytes();
        self.batch.items.push(item);
    }

    /// Reads every copy of what was gathered; those of which one is not good.
    pub(super) fn verify_batch(&mut self) -> Result<Vec<Item>, Ended> {
        let items = std::mem::take(&mut self.batch).items;
        let mut placed = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            placed.extend(self.pieces_of(index, item));
        }
        placed.sort_by_key(|piece| (area_number(piece.place), piece.place.offset));
        let mut is_bad = vec![false; items.len()];
        let mut rest = &placed[..];
        while !rest.is_empty() {
            let (count, bytes) = run_of(rest);
            let (run, behind) = rest.split_at(count);
            self.verify_run(bytes, run, &items, &mut is_bad)?;
            rest = behind;
        }
        let mut bad = Vec::new();
        for (item, is_bad) in items.into_iter().zip(is_bad) {
            if is_bad {
                bad.push(item);
            } else if item.has_others {
                self.verified.add(item.location, item.blocks());
            }
        }
        Ok(bad)
    }

    /// Where the blocks of an item lie. A segment that was given back holds nothing of interest.
    fn pieces_of(&self, index: usize, item: &Item) -> Vec<Piece> {
        let bytes = to_usize(item.stored_bytes());
        let runs = self.core().runs_at(item.location, bytes);
        let mut block = 0;
        let piece = |(place, bytes): (Place, usize)| {
            let blocks = bytes / BLOCK_BYTES;
            let piece = Piece {
                place,
                item: index,
                block,
                blocks,
            };
            block += blocks;
            piece
        };
        runs.unwrap_or_default().into_iter().map(piece).collect()
    }

    fn verify_run(
        &mut self,
        bytes: u64,
        run: &[Piece],
        items: &[Item],
        is_bad: &mut [bool],
    ) -> Result<(), Ended> {
        let Some(first) = run.first() else {
            return Ok(());
        };
        let mut buf = PageBuf::recycled(to_usize(bytes));
        for copy in self.core().device.copies_in_service(first.place.area) {
            let read = self.read(copy, first.place, &mut buf)?;
            for piece in run {
                let from = to_usize(piece.place.offset - first.place.offset);
                let blocks = buf.get(from..from + piece.blocks * BLOCK_BYTES);
                let expected = items.get(piece.item).and_then(|item| piece.checksums(item));
                let is_good = match (blocks, expected) {
                    (Some(blocks), Some(expected)) => read && are_good(blocks, expected),
                    _ => false,
                };
                if let Some(is_bad) = is_bad.get_mut(piece.item) {
                    *is_bad |= !is_good;
                }
            }
        }
        Ok(())
    }
}

/// How many pieces lie one behind the other, or in the same place, from the first on, and how many
/// bytes that is.
fn run_of(pieces: &[Piece]) -> (usize, u64) {
    let Some(first) = pieces.first() else {
        return (0, 0);
    };
    let (mut count, mut bytes) = (0, 0);
    for piece in pieces {
        let from = piece.place.offset.saturating_sub(first.place.offset);
        let end = from + piece.bytes();
        let goes_on = piece.place.area == first.place.area && from <= bytes;
        if count > 0 && (!goes_on || end.max(bytes) > READ_BYTES) {
            break;
        }
        bytes = bytes.max(end);
        count += 1;
    }
    (count, bytes)
}

fn area_number(place: Place) -> u64 {
    match place.area {
        engine_device::Area::Label => 0,
        engine_device::Area::Segment(slot) => u64::from(slot.get()) + 1,
    }
}

/// Which object an entry of a dataset maps, and from where.
fn object_of(is_bucket: bool, key: &[u8]) -> Option<(Option<InodeId>, u64)> {
    if is_bucket {
        return match BucketKey::decode(key) {
            Ok(BucketKey::Extent(content, start)) => Some((Some(content), start)),
            _ => None,
        };
    }
    let start = <[u8; 8]>::try_from(key).ok()?;
    Some((None, u64::from_be_bytes(start)))
}
