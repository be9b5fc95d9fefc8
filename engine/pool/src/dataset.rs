//! A dataset: its record, its tree, its locks.

use std::any::Any;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use engine_base::{ByteCount, DatasetId};
use engine_format::{Above, DatasetKind, DatasetRecord, DatasetState, Descent, PagePointer};
use engine_tree::Tree;
use parking_lot::{Mutex, RwLock};

use crate::family::Kept;
use crate::pins::KeyPins;
use crate::{KeyLock, KeyLocks, LockMode, RangeLocks};

/// A volume, a bucket, or the pool's own tree.
#[derive(Debug)]
pub struct Dataset {
    id: DatasetId,
    record: RwLock<Option<DatasetRecord>>,
    pub(crate) tree: RwLock<Tree>,
    locks: RangeLocks,
    pins: KeyPins,
    /// Shared by whoever commits by keys, from the look at the state until apply; alone by who
    /// removes the record.
    gate: KeyLocks<()>,
    /// What it is never changes.
    kind: Option<DatasetKind>,
    attached: OnceLock<Arc<dyn Any + Send + Sync>>,
    /// Of a snapshot.
    kept: Option<Kept>,
    allocated: AtomicU64,
    /// Where the next round of eviction goes on.
    pub(crate) evict_cursor: Mutex<Vec<u8>>,
}

/// What the catalog says of a dataset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatasetInfo {
    /// Its id.
    pub id: DatasetId,
    /// Its record.
    pub record: DatasetRecord,
    /// Bytes of data that it refers to.
    pub allocated: ByteCount,
}

impl Dataset {
    pub(crate) fn new(
        id: DatasetId,
        record: Option<DatasetRecord>,
        tree: Tree,
        allocated: u64,
    ) -> Self {
        let record_kind = record.as_ref().map(|record| record.kind);
        Self {
            id,
            record: RwLock::new(record),
            tree: RwLock::new(tree),
            locks: RangeLocks::default(),
            kind: record_kind,
            pins: KeyPins::default(),
            gate: KeyLocks::default(),
            attached: OnceLock::new(),
            kept: None,
            allocated: AtomicU64::new(allocated),
            evict_cursor: Mutex::new(Vec::new()),
        }
    }

    /// The same as a snapshot.
    pub(crate) fn with_kept(mut self, kept: Option<Kept>) -> Self {
        self.kept = kept;
        self
    }

    /// Where its moment lies; `None` if it is no snapshot.
    pub(crate) const fn kept(&self) -> Option<&Kept> {
        self.kept.as_ref()
    }

    /// Lets go of the pages of a snapshot that were written, but for those that somebody needs.
    pub(crate) fn forget(&self, root: Option<PagePointer>) {
        let mut tree = self.tree.write();
        // Whoever pins keys fetches their pages behind that.
        if !tree.is_dirty() && !self.pins.is_held() && self.is_there() {
            tree.forget(root);
        }
    }

    fn is_there(&self) -> bool {
        self.with_record(|record| {
            record.is_some_and(|record| record.state == DatasetState::Snapshot)
        })
    }

    /// Its place in its family.
    #[must_use]
    pub fn descent(&self) -> Descent {
        let known = self.with_record(|record| record.and_then(|record| record.descent));
        known.unwrap_or(Descent {
            family: self.id,
            lineage: self.id,
            parent: None,
            head: None,
            released: 0,
            above: Above::default(),
        })
    }

    /// Its id.
    #[must_use]
    pub const fn id(&self) -> DatasetId {
        self.id
    }

    /// Locks over its byte ranges. Held from reading until apply; they also keep the range's leaves
    /// in memory.
    #[must_use]
    pub const fn locks(&self) -> &RangeLocks {
        &self.locks
    }

    pub(crate) const fn pins(&self) -> &KeyPins {
        &self.pins
    }

    pub(crate) async fn gate(&self, mode: LockMode) -> KeyLock<'_, ()> {
        self.gate.lock(vec![((), mode)]).await
    }

    /// Whether it is of this kind.
    #[must_use]
    pub fn is(&self, kind: DatasetKind) -> bool {
        self.kind == Some(kind)
    }

    /// What a model keeps in memory of the dataset: one value for all its handles, made by the
    /// first. `None` if something of another type is attached.
    pub fn attached<T: Any + Send + Sync>(&self, make: impl FnOnce() -> T) -> Option<Arc<T>> {
        let attached = self.attached.get_or_init(|| Arc::new(make()));
        Arc::clone(attached).downcast().ok()
    }

    /// Its record as last applied; `None` only for the pool's own tree.
    #[must_use]
    pub fn record(&self) -> Option<DatasetRecord> {
        self.record.read().clone()
    }

    /// Whether it is a snapshot, or was one until it was deleted.
    #[must_use]
    pub const fn is_snapshot(&self) -> bool {
        self.kept.is_some()
    }

    /// Looks at the record without copying it.
    pub fn with_record<R>(&self, look: impl FnOnce(Option<&DatasetRecord>) -> R) -> R {
        look(self.record.read().as_ref())
    }

    /// What there is to say of it with this record.
    #[must_use]
    pub fn info_with(&self, record: DatasetRecord) -> DatasetInfo {
        DatasetInfo {
            id: self.id,
            record,
            allocated: self.allocated(),
        }
    }

    /// Bytes of data that it refers to.
    #[must_use]
    pub fn allocated(&self) -> ByteCount {
        ByteCount::new(self.allocated.load(Ordering::Relaxed))
    }

    /// Looks at the tree. Do not wait inside.
    pub fn with_tree<R>(&self, look: impl FnOnce(&Tree) -> R) -> R {
        look(&self.tree.read())
    }

    pub(crate) fn set_record(&self, record: DatasetRecord) {
        *self.record.write() = Some(record);
    }

    pub(crate) fn add_allocated(&self, bytes: u64) {
        self.allocated.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(crate) fn subtract_allocated(&self, bytes: u64) {
        let before = self.allocated.fetch_sub(bytes, Ordering::Relaxed);
        assert!(
            before >= bytes,
            "{}: {before} allocated bytes cannot shrink by {bytes}",
            self.id
        );
    }
}
