//! One file that ends early, or lost bytes that read as zero.

use std::collections::BTreeSet;

use engine_base::Slot;
use engine_device::{Area, Place};

use crate::device::Fault;
use crate::history::Killed;
use crate::pools;
use crate::regions::{Kind, Region, regions};
use crate::verdict::judge;

/// Where structures begin and end in an area, the bytes next to that, and points in between.
fn lengths(area: Area, size: u64, all: &[Region]) -> BTreeSet<u64> {
    let mut lengths = BTreeSet::from([0, 1, 511, 4096, size - 4096, size - 1]);
    let step = if cfg!(feature = "all") {
        4096
    } else {
        size / 24
    };
    lengths.extend((0..size).step_by(usize::try_from(step).unwrap()));
    for region in all.iter().filter(|region| region.place.area == area) {
        let (from, bytes) = (region.place.offset, region.bytes as u64);
        lengths.extend([
            from,
            from + 1,
            from + bytes / 2,
            from + bytes - 1,
            from + bytes,
        ]);
    }
    lengths
        .into_iter()
        .filter(|length| *length < size)
        .collect()
}

/// Whether anything that is needed is lost, and whether all of that is of the last sync round.
fn lost(all: &[Region], area: Area, length: u64) -> (bool, bool) {
    let mut lost = all.iter().filter(|region| {
        region.place.area == area && region.place.offset + region.bytes as u64 > length
    });
    let any = lost.clone().next().is_some();
    (any, lost.all(|region| region.unvouched))
}

fn cut(pool: &Killed) {
    let all = regions(&pool.image);
    let slots = pool.image.slots.keys().map(|slot| Slot::new(*slot));
    let areas = slots.map(Area::Segment).chain([Area::Label]);
    let mut broken = Vec::new();
    for area in areas {
        let size = pool.image.area(area).unwrap().len() as u64;
        for length in lengths(area, size, &all) {
            let (any, unvouched) = lost(&all, area, length);
            let fault = Fault::Cut {
                area,
                bytes: length,
            };
            // Where nothing is lost that is needed, nobody has to notice.
            if let Err(what) = judge(pool, fault, !any || unvouched) {
                broken.push(format!("{area:?} cut to {length}: {what}"));
            }
        }
    }
    assert!(broken.is_empty(), "pool {:?}: {broken:#?}", pool.name);
}

#[test]
fn cut_files_of_small_pools() {
    pools::small().iter().for_each(cut);
}

#[test]
fn cut_files_of_a_wide_pool() {
    if cfg!(feature = "all") {
        cut(pools::wide());
    }
}

#[test]
fn whole_structures_that_read_as_zero() {
    for pool in pools::small().iter().chain([pools::wide()]) {
        let mut broken = Vec::new();
        for region in regions(&pool.image) {
            if region.kind == Kind::Data && pool.name == "wide" && !cfg!(feature = "all") {
                continue;
            }
            let fault = zeroed(&region);
            if let Err(what) = judge(pool, fault, region.unvouched) {
                broken.push(format!("{:?} at {}: {what}", region.kind, region.place));
            }
        }
        assert!(broken.is_empty(), "pool {:?}: {broken:#?}", pool.name);
    }
}

fn zeroed(region: &Region) -> Fault {
    let place: Place = region.place;
    Fault::Zero {
        place,
        bytes: region.bytes as u64,
    }
}
