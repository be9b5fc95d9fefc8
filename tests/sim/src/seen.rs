//! Everything that a pool shows, and whether that is a state of the reference.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use engine_base::{VolumeOffset, to_usize};
use engine_bucket::{Bucket, BucketError, Buckets};
use engine_pool::{Pool, StoreError, block_on};
use engine_volume::{MapKind, Volume, Volumes};
use tests_model::bucket::{Difference, Shown};
use tests_model::{Block, ReferencePool, ReferenceVolume};

const BLOCK: u64 = 4096;
/// Bytes of one read.
const READ: u64 = 1 << 20;

/// Which failures of reads are no surprise.
pub(crate) type MayFail<'a> = &'a dyn Fn(&StoreError) -> bool;

/// What of a volume could be read.
struct SeenVolume {
    stored: ReferenceVolume,
    unreadable: BTreeSet<u64>,
    /// Not even which blocks are stored can be read.
    is_unmapped: bool,
}

/// What of a pool could be read.
pub(crate) struct Seen {
    volumes: BTreeMap<String, SeenVolume>,
    /// `None`: it cannot be opened.
    buckets: BTreeMap<String, Option<Shown>>,
}

impl Seen {
    /// Reads everything.
    ///
    /// # Errors
    /// What fails although it may not.
    pub(crate) fn of(pool: &Arc<Pool>, may_fail: MayFail<'_>) -> Result<Self, StoreError> {
        let volumes = Volumes::new(Arc::clone(pool));
        let mut seen = Self {
            volumes: BTreeMap::new(),
            buckets: BTreeMap::new(),
        };
        for info in volumes.list() {
            let volume = volumes.open(&info.name)?;
            let contents = look(&volume, may_fail)?;
            seen.volumes.insert(info.name.clone(), contents);
            for snapshot in volumes.snapshots(&info.name)? {
                let name = format!("{}@{}", info.name, snapshot.label);
                let volume = volumes.open_snapshot(&info.name, &snapshot.label)?;
                seen.volumes.insert(name, look(&volume, may_fail)?);
            }
        }
        let buckets = Buckets::new(Arc::clone(pool));
        for info in buckets.list() {
            let kept = buckets.snapshots(&info.name).map_err(of_store)?;
            let kept = kept
                .iter()
                .map(|kept| format!("{}@{}", info.name, kept.label));
            for name in std::iter::once(info.name.clone()).chain(kept) {
                let shown = look_at_bucket(&buckets, &name, may_fail)?;
                seen.buckets.insert(name, shown);
            }
        }
        Ok(seen)
    }

    /// Whether everything could be read.
    pub(crate) fn is_whole(&self) -> bool {
        let is_whole = |volume: &SeenVolume| !volume.is_unmapped && volume.unreadable.is_empty();
        self.volumes.values().all(is_whole)
            && self
                .buckets
                .values()
                .all(|shown| shown.as_ref().is_some_and(Shown::is_whole))
    }

    /// How it contradicts a state, as far as it could be read.
    pub(crate) fn contradicts(&self, state: &ReferencePool) -> Option<Difference> {
        if !self.volumes.keys().eq(state.volumes.keys()) {
            let (seen, known) = (self.volumes.keys(), state.volumes.keys());
            return Some(format!("volumes {seen:?} instead of {known:?}"));
        }
        if !self.buckets.keys().eq(state.buckets.keys()) {
            let (seen, known) = (self.buckets.keys(), state.buckets.keys());
            return Some(format!("buckets {seen:?} instead of {known:?}"));
        }
        for (seen, (name, known)) in self.volumes.values().zip(&state.volumes) {
            if let Some(difference) = seen.contradicts(known) {
                return Some(format!("{name}: {difference}"));
            }
        }
        for (seen, (name, known)) in self.buckets.values().zip(&state.buckets) {
            let seen = seen.as_ref();
            if let Some(difference) = seen.and_then(|seen| seen.contradicts(known.shown())) {
                return Some(format!("{name}: {difference}"));
            }
        }
        None
    }
}

impl SeenVolume {
    fn contradicts(&self, known: &ReferenceVolume) -> Option<Difference> {
        if self.stored.size != known.size {
            return Some(format!("{} bytes, not {}", self.stored.size, known.size));
        }
        let stored = &self.stored.blocks;
        if let Some((number, _)) = stored
            .iter()
            .find(|(number, block)| known.blocks.get(number) != Some(*block))
        {
            let was = known.blocks.contains_key(number);
            return Some(format!("block {number} is wrong; stored: {was}"));
        }
        let may_miss =
            |number: &&u64| stored.contains_key(number) || self.unreadable.contains(number);
        let missing = known.blocks.keys().find(|number| !may_miss(number));
        let missing = missing.filter(|_| !self.is_unmapped)?;
        Some(format!("block {missing} is a hole"))
    }
}

fn look(volume: &Volume, may_fail: MayFail<'_>) -> Result<SeenVolume, StoreError> {
    let size = volume.size().get();
    let mut seen = SeenVolume {
        stored: ReferenceVolume {
            size,
            blocks: BTreeMap::new(),
        },
        unreadable: BTreeSet::new(),
        is_unmapped: false,
    };
    let runs = match block_on(volume.map(VolumeOffset::new(0), size, usize::MAX)) {
        Err(error) if may_fail(&error) => {
            seen.is_unmapped = true;
            return Ok(seen);
        }
        runs => runs?,
    };
    let mut at = 0;
    for run in runs {
        let end = at + run.bytes;
        if run.kind == MapKind::Data {
            for from in (at..end).step_by(to_usize(READ)) {
                read(volume, from..end.min(from + READ), may_fail, &mut seen)?;
            }
        }
        at = end;
    }
    assert_eq!(at, size, "the map covers the volume");
    Ok(seen)
}

/// Reads a range; what cannot be read at once, block by block.
fn read(
    volume: &Volume,
    range: std::ops::Range<u64>,
    may_fail: MayFail<'_>,
    seen: &mut SeenVolume,
) -> Result<(), StoreError> {
    let bytes = to_usize(range.end - range.start);
    match block_on(volume.read(VolumeOffset::new(range.start), bytes)) {
        Ok(read) => {
            let data = read.data().expect("the map says that it is stored");
            for (index, chunk) in data.chunks(to_usize(BLOCK)).enumerate() {
                let mut block = chunk.to_vec();
                block.resize(to_usize(BLOCK), 0);
                let number = range.start / BLOCK + index as u64;
                seen.stored.blocks.insert(number, Block::from(block));
            }
            Ok(())
        }
        Err(error) if !may_fail(&error) => Err(error),
        Err(_) if range.end - range.start <= BLOCK => {
            seen.unreadable.insert(range.start / BLOCK);
            Ok(())
        }
        Err(_) => range.clone().step_by(to_usize(BLOCK)).try_for_each(|from| {
            let end = range.end.min(from + BLOCK);
            read(volume, from..end, may_fail, seen)
        }),
    }
}

fn look_at_bucket(
    buckets: &Buckets,
    name: &str,
    may_fail: MayFail<'_>,
) -> Result<Option<Shown>, StoreError> {
    let is_open_end = |error: &BucketError| match error {
        BucketError::Store(error) => may_fail(error),
        _ => false,
    };
    let bucket = match open_bucket(buckets, name) {
        // The first who opens it gives back what is left over, or waits until it is durable: with a
        // device that failed neither can be.
        Err(BucketError::Store(_)) if buckets.pool().status().poisoned.is_some() => {
            return Ok(None);
        }
        opened => opened,
    };
    match bucket.and_then(|bucket| Shown::of_bucket(&bucket, &is_open_end)) {
        Ok(shown) => Ok(Some(shown)),
        Err(error) if is_open_end(&error) => Ok(None),
        Err(error) => Err(of_store(error)),
    }
}

/// A bucket, or with an `@` in the name its snapshot.
pub(crate) fn open_bucket(buckets: &Buckets, name: &str) -> Result<Bucket, BucketError> {
    match name.split_once('@') {
        Some((name, label)) => block_on(buckets.open_snapshot(name, label)),
        None => block_on(buckets.open(name)),
    }
}

/// What it is of the pool; nothing else may be wrong.
pub(crate) fn of_store(error: BucketError) -> StoreError {
    match error {
        BucketError::Store(error) => error,
        error => panic!("a bucket: {error:?}"),
    }
}
