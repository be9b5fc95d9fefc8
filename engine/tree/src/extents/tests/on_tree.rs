//! The same operations on a tree of which only the leaves of the span are in memory.

use std::collections::HashMap;
use std::convert::Infallible;
use std::ops::ControlFlow;

use engine_base::{ByteCount, DatasetId, Location, SeededEntropy, to_u32};
use engine_format::PagePointer;

use super::super::{EntryMap, Piece, extent_clear, extent_key_span, extent_lookup, extent_put};
use super::support::{Map, extent, location};
use crate::{LoadedPage, MemoryBudget, Missing, PageKind, PageSink, Tree};

const TREE: DatasetId = DatasetId::new(16);
const OBJECT_BYTES: u64 = 256 << 20;

#[derive(Default)]
struct Store {
    bytes: HashMap<Location, Vec<u8>>,
}

impl PageSink for Store {
    type Error = Infallible;

    fn append(&mut self, bytes: &[u8], _: PageKind) -> Result<Location, Infallible> {
        let at = location((1, to_u32(16_384 * (self.bytes.len() + 1))));
        self.bytes.insert(at, bytes.to_vec());
        Ok(at)
    }
}

impl Store {
    fn install(&self, tree: &mut Tree, missing: &Missing) {
        let base = &self.bytes[&missing.pointer.base];
        let delta = missing
            .pointer
            .delta
            .map(|delta| &self.bytes[&delta.location][..]);
        let page = LoadedPage::decode(missing, base, delta).unwrap();
        assert!(tree.install(missing, page));
    }

    /// The tree with this root, of which only what the span needs is in memory.
    fn open(&self, root: Option<PagePointer>, low: &[u8], high: &[u8]) -> Tree {
        let budget = MemoryBudget::new(ByteCount::new(64 << 20));
        let mut tree = Tree::from_root(TREE, root, budget);
        loop {
            let missing = tree.missing(low, high, 16);
            if missing.is_empty() {
                return tree;
            }
            missing
                .iter()
                .for_each(|missing| self.install(&mut tree, missing));
        }
    }

    fn save(&mut self, mut tree: Tree) -> Option<PagePointer> {
        tree.capture().write(self).unwrap().root
    }
}

/// The pieces of a range: offset, length, and where the data lies.
type Pieces = Vec<(u64, u64, Option<(Location, u16)>)>;

fn pieces<M: EntryMap<Error: std::fmt::Debug>>(map: &M, offset: u64, bytes: u64) -> Pieces {
    let mut pieces = Vec::new();
    extent_lookup(map, b"", offset, bytes, |piece| {
        pieces.push(match piece {
            Piece::Hole { offset, bytes } => (offset, bytes, None),
            Piece::Data {
                offset,
                bytes,
                extent,
            } => (
                offset,
                bytes.into(),
                Some((extent.location(), extent.skip())),
            ),
        });
        ControlFlow::Continue(())
    })
    .unwrap();
    pieces
}

struct Run {
    seed: u64,
    random: SeededEntropy,
    store: Store,
    model: Map,
    root: Option<PagePointer>,
}

impl Run {
    fn below(&self, bound: u64) -> u64 {
        self.random.next_u64() % bound
    }

    /// A volume that was written from the start in small extents: many leaves.
    fn filled(seed: u64) -> Self {
        let mut tree = Tree::empty(TREE, MemoryBudget::new(ByteCount::new(64 << 20)));
        let mut model = Map::default();
        for index in 0..OBJECT_BYTES / 16_384 {
            let block = u32::try_from(index % 10_000).unwrap();
            let new = extent((2 + index, 4096 * (1 + block)), 4096 + block % 4096, 0);
            for offset in [index * 16_384, index * 16_384 + 8192] {
                extent_put(&mut tree, b"", offset, &new.extent(), &mut |_, _| ()).unwrap();
                extent_put(&mut model, b"", offset, &new.extent(), &mut |_, _| ()).unwrap();
            }
        }
        let mut store = Store::default();
        let root = store.save(tree);
        let random = SeededEntropy::new(seed);
        Self {
            seed,
            random,
            store,
            model,
            root,
        }
    }

    fn step(&mut self) {
        let offset = self.below(OBJECT_BYTES);
        let bytes = match self.below(4) {
            0 => 1 + self.below(8 << 20),
            _ => 1 + self.below(1 << 20),
        }
        .min(OBJECT_BYTES - offset);
        let (low, high) = extent_key_span(b"", offset, bytes);
        let mut tree = self.store.open(self.root, &low, &high);
        let (mut freed, mut expected) = (Vec::new(), Vec::new());
        let mut free = |at: Location, bytes: u32| freed.push((at, bytes));
        let mut expect = |at: Location, bytes: u32| expected.push((at, bytes));
        if self.below(2) == 0 && bytes <= 1 << 20 {
            let segment = self.random.next_u64() | 1;
            let new = extent((segment, 4096), u32::try_from(bytes).unwrap(), 17);
            let on_tree = extent_put(&mut tree, b"", offset, &new.extent(), &mut free);
            assert_eq!(on_tree, Ok(()), "seed {}: the span is in memory", self.seed);
            extent_put(&mut self.model, b"", offset, &new.extent(), &mut expect).unwrap();
        } else {
            let on_tree = extent_clear(&mut tree, b"", offset, bytes, &mut free);
            assert_eq!(on_tree, Ok(()), "seed {}: the span is in memory", self.seed);
            extent_clear(&mut self.model, b"", offset, bytes, &mut expect).unwrap();
        }
        assert_eq!(freed, expected, "seed {}", self.seed);
        let (found, expected) = (
            pieces(&tree, offset, bytes),
            pieces(&self.model, offset, bytes),
        );
        assert_eq!(found, expected, "seed {}", self.seed);
        self.root = self.store.save(tree);
    }

    fn check(&self) {
        let tree = self.store.open(self.root, &[], &[0xff; 8]);
        let (found, expected) = (
            pieces(&tree, 0, OBJECT_BYTES),
            pieces(&self.model, 0, OBJECT_BYTES),
        );
        assert!(found == expected, "seed {}", self.seed);
    }
}

#[test]
fn the_leaves_of_the_span_are_all_that_is_needed() {
    for seed in 1..=2 {
        let mut run = Run::filled(seed);
        for _ in 0..1500 {
            run.step();
        }
        run.check();
    }
}
