//! A store of pages in memory, and what tests need around a tree that does no I/O.

use std::collections::{BTreeMap, HashMap};
use std::convert::Infallible;
use std::ops::ControlFlow;
use std::sync::Arc;

use engine_base::{ByteCount, DatasetId, Location, SeededEntropy, SegmentId};
use engine_format::PagePointer;

use crate::{
    CaptureReport, Copies, LoadedPage, MemoryBudget, Missing, PageKind, PageSink, RelocationEnd,
    Tree, walk,
};

pub(super) const TREE: DatasetId = DatasetId::new(16);

pub(super) type Map = BTreeMap<Vec<u8>, Vec<u8>>;

pub(super) fn budget() -> Arc<MemoryBudget> {
    MemoryBudget::new(ByteCount::new(1 << 20))
}

pub(super) fn tree() -> Tree {
    Tree::empty(TREE, budget())
}

/// 64 pages: trees of tests have some of them.
const SEGMENT_BYTES: u64 = 1 << 20;

/// Pages by location. Nothing is ever overwritten; what is freed is taken out, so that a use after
/// free fails.
#[derive(Debug)]
pub(super) struct Store {
    pub(super) bytes: HashMap<Location, Vec<u8>>,
    next: u64,
    last_kind: Option<PageKind>,
}

impl Store {
    pub(super) fn new() -> Self {
        Self {
            bytes: HashMap::new(),
            next: 4096,
            last_kind: None,
        }
    }

    pub(super) fn load(&self, missing: &Missing) -> LoadedPage {
        let Missing { pointer, .. } = missing;
        let base = &self.bytes[&pointer.base];
        if let Some(copy) = pointer.copy {
            assert_eq!(&self.bytes[&copy], base);
        }
        let delta = pointer.delta.map(|delta| &self.bytes[&delta.location][..]);
        LoadedPage::decode(missing, base, delta).unwrap()
    }

    pub(super) fn install(&self, tree: &mut Tree, missing: &Missing) {
        assert!(
            tree.install(missing, self.load(missing)),
            "{missing:?} was reported"
        );
    }

    /// Writes a capture and frees what it says is free, now.
    pub(super) fn write(&mut self, captured: crate::Captured) -> CaptureReport {
        let report = self.write_only(captured);
        self.free(&report);
        report
    }

    pub(super) fn write_only(&mut self, captured: crate::Captured) -> CaptureReport {
        self.last_kind = None;
        captured.write(self).unwrap()
    }

    pub(super) fn free(&mut self, report: &CaptureReport) {
        self.free_parts(&report.freed);
    }

    pub(super) fn free_parts(&mut self, freed: &[(Location, u32)]) {
        for (location, bytes) in freed {
            let freed = self
                .bytes
                .remove(location)
                .expect("freed once, and written before");
            assert_eq!(freed.len(), usize::try_from(*bytes).unwrap());
        }
    }

    /// What is appended next lies in a new segment.
    pub(super) fn fill_segment(&mut self) {
        self.next = self.next.next_multiple_of(SEGMENT_BYTES) + 4096;
    }

    pub(super) fn stored_bytes(&self) -> usize {
        self.bytes.values().map(Vec::len).sum()
    }

    /// Everything that `root` leads to: entries, and parts with their lengths.
    pub(super) fn read_all(&self, root: Option<PagePointer>) -> (Map, BTreeMap<Location, u32>) {
        let (mut map, mut parts) = (Map::new(), BTreeMap::new());
        walk(TREE, root, |page| {
            for (location, bytes) in page.pointer.parts() {
                assert_eq!(parts.insert(location, bytes), None, "referred to twice");
            }
            let loaded = self.load(page);
            loaded.for_each_entry(|key, value| {
                assert!(map.last_key_value().is_none_or(|(last, _)| &last[..] < key));
                map.insert(key.to_vec(), value.to_vec());
            });
            Ok::<_, Infallible>(Some(loaded))
        })
        .unwrap();
        (map, parts)
    }

    /// What the root leads to is what the store holds, byte for byte.
    pub(super) fn assert_exact(&self, root: Option<PagePointer>) {
        let (_, parts) = self.read_all(root);
        let held: BTreeMap<_, _> = self
            .bytes
            .iter()
            .map(|(location, bytes)| (*location, u32::try_from(bytes.len()).unwrap()))
            .collect();
        assert_eq!(parts, held);
    }
}

/// Relocates all that lies in the victims, `max_pages` at a time; the number of pages marked.
pub(super) fn relocate(
    store: &Store,
    tree: &mut Tree,
    max_pages: usize,
    is_victim: &dyn Fn(SegmentId) -> bool,
) -> usize {
    let (mut from, mut marked) = (Box::default(), 0);
    for _ in 0..10_000 {
        let relocated = tree.relocate(&from, max_pages, is_victim);
        marked += relocated.marked;
        from = match relocated.end {
            RelocationEnd::Done => return marked,
            RelocationEnd::At(key) => key,
            RelocationEnd::Missing(missing) => {
                let page = store.load(&missing);
                let lies_there = |(location, _): (Location, u32)| is_victim(location.segment);
                let pass_over = page.level() == 1
                    && !page.leads_to(is_victim)
                    && !missing.pointer.parts().any(lies_there);
                if pass_over {
                    if missing.high.is_empty() {
                        return marked;
                    }
                    missing.high
                } else {
                    assert!(tree.install(&missing, page), "{missing:?} was reported");
                    missing.low
                }
            }
        };
    }
    panic!("relocation does not end");
}

impl PageSink for Store {
    type Error = Infallible;

    fn append(&mut self, bytes: &[u8], kind: PageKind) -> Result<Location, Infallible> {
        if kind == PageKind::Delta {
            assert!(
                matches!(self.last_kind, None | Some(PageKind::Delta)),
                "deltas come first"
            );
        }
        self.last_kind = Some(kind);
        let (segment, offset) = (1 + self.next / SEGMENT_BYTES, self.next % SEGMENT_BYTES);
        let offset = u32::try_from(offset).unwrap().max(4096);
        let location = Location {
            segment: SegmentId::new(segment).unwrap(),
            offset,
        };
        self.next += 16384;
        assert_eq!(self.bytes.insert(location, bytes.to_vec()), None);
        Ok(location)
    }
}

/// Repeats `call` until nothing is missing.
pub(super) fn fetch<R>(
    store: &Store,
    tree: &mut Tree,
    mut call: impl FnMut(&mut Tree) -> Result<R, Missing>,
) -> R {
    for _ in 0..10_000 {
        match call(tree) {
            Ok(result) => return result,
            Err(missing) => store.install(tree, &missing),
        }
    }
    panic!("pages are still missing after 10,000 of them were installed");
}

/// All entries, scanned on from where pages were missing.
pub(super) fn entries(store: &Store, tree: &mut Tree) -> Map {
    let mut map = Map::new();
    fetch(store, tree, |tree| {
        let mut from = map
            .last_key_value()
            .map_or(Vec::new(), |(key, _): (&Vec<u8>, _)| {
                let mut from = key.clone();
                from.push(0);
                from
            });
        from.truncate(engine_base::limits::KEY_BYTES_MAX);
        tree.scan(&from, |key, value| {
            map.insert(key.to_vec(), value.to_vec());
            ControlFlow::Continue(())
        })
    });
    map
}

/// Random numbers of a seed.
pub(super) struct Random(SeededEntropy);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        println!("seed {seed}");
        Self(SeededEntropy::new(seed))
    }

    pub(super) fn below(&self, bound: usize) -> usize {
        let bound = u64::try_from(bound).unwrap();
        usize::try_from(self.0.next_u64() % bound).unwrap()
    }

    pub(super) fn chance(&self, one_in: usize) -> bool {
        self.below(one_in) == 0
    }

    pub(super) fn bytes(&self, length: usize) -> Vec<u8> {
        (0..length)
            .map(|_| u8::try_from(self.below(256)).unwrap())
            .collect()
    }
}

pub(super) fn put(tree: &mut Tree, key: &[u8], value: &[u8]) {
    tree.put(key, value).unwrap();
}

pub(super) fn number_key(number: u64) -> [u8; 8] {
    number.to_be_bytes()
}

/// A tree of `count` numbered entries with values of 20 bytes, all in memory.
pub(super) fn numbered(count: u64, copies: Copies) -> Tree {
    let mut tree = tree().with_copies(copies);
    for number in 0..count {
        put(&mut tree, &number_key(number), &[7; 20]);
    }
    tree
}
