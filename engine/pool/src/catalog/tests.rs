//! What goes on from what, against a look at all datasets.

use engine_base::{ByteCount, limits};
use engine_format::{Compression, DatasetName, Descent, Encryption};
use engine_tree::{MemoryBudget, Tree};

use super::*;
use crate::dataset::Allocated;

const DATASETS: u64 = 10_000;

struct World {
    catalog: Catalog,
    budget: Arc<MemoryBudget>,
    parents: BTreeMap<DatasetId, Option<DatasetId>>,
}

impl World {
    fn new() -> Self {
        let budget = MemoryBudget::new(ByteCount::new(64 * limits::BLOCK));
        let tree = Tree::from_root(DatasetId::POOL, None, Arc::clone(&budget));
        let pool = Arc::new(Dataset::new(
            DatasetId::POOL,
            None,
            tree,
            Allocated::default(),
        ));
        Self {
            catalog: Catalog::new(pool, DatasetId::FIRST_USER),
            budget,
            parents: BTreeMap::new(),
        }
    }

    fn put(&mut self, id: DatasetId, parent: Option<DatasetId>) {
        let descent = parent.map(|parent| Descent {
            family: DatasetId::FIRST_USER,
            lineage: DatasetId::FIRST_USER,
            parent: Some(parent),
            head: None,
            released: 0,
            above: Default::default(),
        });
        let record = DatasetRecord {
            kind: DatasetKind::Volume,
            state: DatasetState::Live,
            compression: Compression::Off,
            encryption: Encryption::Off,
            size: ByteCount::new(0),
            cleanup_from: None,
            created_unix_nanos: 0,
            name: DatasetName::new(&format!("v{}", id.get())).expect("a name"),
            descent,
        };
        let tree = Tree::from_root(id, None, Arc::clone(&self.budget));
        self.catalog.put(id, record, |record| {
            Dataset::new(id, Some(record), tree, Allocated::default())
        });
        self.parents.insert(id, parent);
    }

    fn check(&self) {
        let mut expected: BTreeMap<DatasetId, Vec<DatasetId>> = BTreeMap::new();
        for (id, parent) in &self.parents {
            if let Some(parent) = parent {
                expected.entry(*parent).or_default().push(*id);
            }
        }
        for id in self.parents.keys() {
            let children = self.catalog.children_of(*id);
            let children: Vec<_> = children.iter().map(|child| child.id()).collect();
            assert_eq!(children, expected.remove(id).unwrap_or_default());
        }
        let known = self.catalog.maps.read();
        let with_parent = self.parents.values().flatten().count();
        assert_eq!(known.by_parent.len(), with_parent);
    }
}

/// As many as there may be are asked one after the other; looking at all of them for each took
/// minutes for a listing.
#[test]
fn children_follow_records() {
    let id = |index: u64| DatasetId::new(DatasetId::FIRST_USER.get() + index);
    let mut world = World::new();
    for index in 0..DATASETS {
        // A chain of snapshots, with branches.
        let parent = index.checked_sub(1 + index % 3);
        world.put(id(index), parent.map(id));
    }
    world.check();
    // The child of what goes is moved up, as when a snapshot is deleted.
    for index in (0..DATASETS).step_by(7) {
        let above = world.parents.remove(&id(index)).expect("it is there");
        for child in world.catalog.children_of(id(index)) {
            world.put(child.id(), above);
        }
        assert!(world.catalog.remove(id(index)).is_some());
    }
    world.check();
}
