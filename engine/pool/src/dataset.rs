//! A dataset: its record, its tree, its locks.

use std::any::Any;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use engine_base::{ByteCount, DatasetId, Sixteenths};
use engine_format::{
    Above, Compression, DatasetKind, DatasetRecord, DatasetState, Descent, Encryption, ExtentRef,
    PagePointer,
};
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
    /// What is stored for that, in sixteenths of a byte.
    stored: AtomicU64,
    /// Of the record: asked by every write.
    compresses: AtomicBool,
    /// How its data is sealed never changes.
    encryption: Encryption,
    /// Where the next round of eviction goes on.
    pub(crate) evict_cursor: Mutex<Vec<u8>>,
}

/// What a dataset, or a part of one, refers to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Allocated {
    /// Bytes of data.
    pub(crate) bytes: u64,
    /// What is stored for them.
    pub(crate) stored: Sixteenths,
}

impl Allocated {
    pub(crate) fn of(extent: &ExtentRef<'_>) -> Self {
        let mut all = Self::default();
        all.add(extent.bytes(), extent.weight());
        all
    }

    pub(crate) fn add(&mut self, bytes: u32, weight: Sixteenths) {
        self.bytes += u64::from(bytes);
        self.stored += weight;
    }
}

impl fmt::Display for Allocated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.bytes)?;
        if self.stored != Sixteenths::of_bytes(self.bytes) {
            write!(f, " (stored in {})", self.stored)?;
        }
        Ok(())
    }
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
    /// Bytes that are stored for them: fewer where they are compressed.
    pub stored: ByteCount,
}

impl Dataset {
    pub(crate) fn new(
        id: DatasetId,
        record: Option<DatasetRecord>,
        tree: Tree,
        allocated: Allocated,
    ) -> Self {
        let record_kind = record.as_ref().map(|record| record.kind);
        Self {
            id,
            encryption: record
                .as_ref()
                .map_or(Encryption::Off, |record| record.encryption),
            compresses: AtomicBool::new(record.as_ref().is_some_and(compresses)),
            record: RwLock::new(record),
            tree: RwLock::new(tree),
            locks: RangeLocks::default(),
            kind: record_kind,
            pins: KeyPins::default(),
            gate: KeyLocks::default(),
            attached: OnceLock::new(),
            kept: None,
            allocated: AtomicU64::new(allocated.bytes),
            stored: AtomicU64::new(allocated.stored.get()),
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
            stored: ByteCount::new(self.stored().bytes()),
        }
    }

    /// Bytes of data that it refers to.
    #[must_use]
    pub fn allocated(&self) -> ByteCount {
        ByteCount::new(self.allocated.load(Ordering::Relaxed))
    }

    /// What becomes of what is written from now on.
    #[must_use]
    pub fn compression(&self) -> Compression {
        match self.compresses.load(Ordering::Relaxed) {
            true => Compression::Lz4,
            false => Compression::Off,
        }
    }

    /// How its data is sealed.
    #[must_use]
    pub const fn encryption(&self) -> Encryption {
        self.encryption
    }

    /// Looks at the tree. Do not wait inside.
    pub fn with_tree<R>(&self, look: impl FnOnce(&Tree) -> R) -> R {
        look(&self.tree.read())
    }

    pub(crate) fn set_record(&self, record: DatasetRecord) {
        self.compresses
            .store(compresses(&record), Ordering::Relaxed);
        *self.record.write() = Some(record);
    }

    /// What is stored for them.
    #[must_use]
    pub fn stored(&self) -> Sixteenths {
        Sixteenths::new(self.stored.load(Ordering::Relaxed))
    }

    pub(crate) fn all_allocated(&self) -> Allocated {
        Allocated {
            bytes: self.allocated().get(),
            stored: self.stored(),
        }
    }

    pub(crate) fn add_allocated(&self, more: Allocated) {
        self.allocated.fetch_add(more.bytes, Ordering::Relaxed);
        self.stored.fetch_add(more.stored.get(), Ordering::Relaxed);
    }

    pub(crate) fn subtract_allocated(&self, less: Allocated) {
        let bytes = self.allocated.fetch_sub(less.bytes, Ordering::Relaxed);
        let stored = self.stored.fetch_sub(less.stored.get(), Ordering::Relaxed);
        assert!(
            bytes >= less.bytes && stored >= less.stored.get(),
            "{}: {bytes} allocated bytes, {stored} sixteenths stored, cannot shrink by {less:?}",
            self.id
        );
    }

    /// Makes it what was found to be there.
    pub(crate) fn correct_allocated(&self, found: Allocated) {
        self.allocated.store(found.bytes, Ordering::Relaxed);
        self.stored.store(found.stored.get(), Ordering::Relaxed);
    }
}

fn compresses(record: &DatasetRecord) -> bool {
    record.compression == Compression::Lz4
}
