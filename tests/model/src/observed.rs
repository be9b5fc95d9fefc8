//! What the engine shows.

use std::collections::{BTreeMap, HashSet};
use std::ops::ControlFlow;

use engine_base::{DatasetId, Location, VolumeOffset, to_usize};
use engine_format::ExtentRef;
use engine_pool::{StoreError, block_on};
use engine_tree::Tree;
use engine_volume::{MapKind, Volume, Volumes};

use crate::{ReferencePool, ReferenceVolume};

const BLOCK: u64 = 4096;
/// Above the ids of the datasets of a test.
const DATASETS: u64 = 20_000;
/// Bytes of one read.
const READ: u64 = 1 << 20;

/// Reads everything: each stored byte of each volume, and which blocks are holes.
///
/// # Errors
/// Of the engine.
///
/// # Panics
/// If a map is malformed, or map and data contradict each other.
pub fn observe(volumes: &Volumes) -> Result<ReferencePool, StoreError> {
    let mut seen = BTreeMap::new();
    for info in volumes.list() {
        let volume = volumes.open(&info.name)?;
        assert_eq!(volume.size(), info.size, "{}: two sizes", info.name);
        seen.insert(info.name.clone(), observe_volume(&volume)?);
        for snapshot in volumes.snapshots(&info.name)? {
            let name = format!("{}@{}", info.name, snapshot.label);
            let volume = volumes.open_snapshot(&info.name, &snapshot.label)?;
            assert!(volume.is_read_only(), "{name} is a snapshot");
            seen.insert(name, observe_volume(&volume)?);
        }
    }
    Ok(ReferencePool {
        volumes: seen,
        ..ReferencePool::default()
    })
}

fn observe_volume(volume: &Volume) -> Result<ReferenceVolume, StoreError> {
    let size = volume.size().get();
    let mut seen = ReferenceVolume {
        size,
        blocks: BTreeMap::new(),
    };
    let runs = block_on(volume.map(VolumeOffset::new(0), size, usize::MAX))?;
    let mut at = 0;
    for run in runs {
        assert!(
            run.bytes > 0 && at % BLOCK == 0,
            "runs are whole blocks up to the end"
        );
        if run.kind == MapKind::Data {
            for from in (at..at + run.bytes).step_by(to_usize(READ)) {
                read_blocks(volume, from, READ.min(at + run.bytes - from), &mut seen)?;
            }
        }
        at += run.bytes;
    }
    assert_eq!(at, size, "the map covers the volume");
    Ok(seen)
}

fn read_blocks(
    volume: &Volume,
    from: u64,
    bytes: u64,
    seen: &mut ReferenceVolume,
) -> Result<(), StoreError> {
    let read = block_on(volume.read(VolumeOffset::new(from), to_usize(bytes)))?;
    assert!(
        read.runs.iter().all(|run| !run.hole),
        "the map says that it is stored"
    );
    let data = read.data().expect("the map says that it is stored");
    for (index, chunk) in data.chunks(to_usize(BLOCK)).enumerate() {
        let mut block = chunk.to_vec();
        block.resize(to_usize(BLOCK), 0);
        seen.blocks
            .insert(from / BLOCK + index as u64, block.into());
    }
    Ok(())
}

/// Compares what the pool counts with what is stored; nothing may be left to clean up.
///
/// # Panics
/// If a counter is wrong.
pub fn check_accounting(volumes: &Volumes, expected: &ReferencePool) {
    for info in volumes.list() {
        let stored = expected.volume(&info.name).blocks.len() as u64 * BLOCK;
        assert_eq!(
            info.allocated.get(),
            stored,
            "{}: allocated bytes",
            info.name
        );
    }
    let live = volumes.pool().status().live_data.get();
    let (stored, is_family) = stored_bytes(volumes);
    assert_eq!(
        live, stored,
        "live bytes of the pool, and those referred to"
    );
    if !is_family {
        assert_eq!(live, expected.stored_bytes(), "live bytes of the pool");
    }
}

/// Bytes that any tree refers to, those of what is being deleted too, each counted once; and
/// whether any dataset ever had a snapshot.
fn stored_bytes(volumes: &Volumes) -> (u64, bool) {
    let (mut blocks, mut is_family) = (HashSet::new(), false);
    for id in 0..DATASETS {
        let Some(dataset) = volumes.pool().dataset(DatasetId::new(id)) else {
            continue;
        };
        let Some(record) = dataset.record() else {
            continue;
        };
        is_family |= record.descent.is_some();
        let mut found = Vec::new();
        let look = |tree: &Tree| {
            found.clear();
            tree.scan(&[], |_, value| {
                let extent = ExtentRef::decode(value).expect("it was written");
                let Location { segment, offset } = extent.location();
                found.push((segment, offset, extent.bytes()));
                ControlFlow::Continue(())
            })
        };
        block_on(volumes.pool().look(&dataset, look)).expect("a device without faults");
        for (segment, offset, bytes) in found {
            let offset = u64::from(offset);
            let all = (offset..offset + u64::from(bytes)).step_by(to_usize(BLOCK));
            blocks.extend(all.map(|block| (segment, block)));
        }
    }
    (blocks.len() as u64 * BLOCK, is_family)
}
