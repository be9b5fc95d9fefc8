//! A unit with a bad block is lost as a whole: all parts of it are listed, and heal by being
//! written over.

use std::collections::BTreeMap;

use engine_base::{DatasetId, to_usize};
use engine_format::{Compression, LostPart};
use engine_pool::block_on;
use engine_volume::Volumes;

use crate::common::*;

const UNIT: usize = 64 << 10;

/// Ranges that are lost, by dataset.
fn lost(volumes: &Volumes) -> BTreeMap<DatasetId, Vec<(u64, u64)>> {
    let mut all: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for range in block_on(volumes.pool().lost()).unwrap() {
        assert_eq!(range.part, LostPart::Data);
        let end = range.offset + range.bytes;
        all.entry(range.dataset)
            .or_default()
            .push((range.offset, end));
    }
    for ranges in all.values_mut() {
        ranges.sort_unstable();
        ranges.dedup();
        let mut joined: Vec<(u64, u64)> = Vec::new();
        for (start, end) in ranges.drain(..) {
            match joined.last_mut() {
                Some(last) if start <= last.1 => last.1 = last.1.max(end),
                _ => joined.push((start, end)),
            }
        }
        *ranges = joined;
    }
    all
}

#[test]
fn a_bad_block_of_a_unit_loses_what_is_left_of_the_unit() {
    let device = new_pool();
    let volumes = open(&device, 0);
    block_on(volumes.create_with("v", size(4 * MIB), Compression::Lz4)).unwrap();
    let volume = volumes.open("v").unwrap();
    write(&volume, 0, &text(2 * UNIT));
    block_on(volumes.take_snapshot("s", &["v"])).unwrap();
    write(&volume, 16 << 10, &noise(1, 4096));
    block_on(volumes.pool().flush()).unwrap();
    assert_eq!(volumes.pool().scrub(&mut |_| {}).unwrap().found, 0);

    let (place, _) = stored_at(&device, &text(2 * UNIT)[..UNIT]);
    device.flip_bit(place, 5);
    let status = volumes.pool().scrub(&mut |_| {}).unwrap();
    assert_eq!((status.found, status.repaired), (1, 0));
    let head = volumes.show("v").unwrap().id;
    let kept = volumes.snapshots("v").unwrap()[0].id;
    let unit = UNIT as u64;
    let parts = vec![(0, 16 << 10), (20 << 10, unit)];
    assert_eq!(
        lost(&volumes),
        BTreeMap::from([(head, parts), (kept, vec![(0, unit)])])
    );
    let snapshot = volumes.open_snapshot("v", "s").unwrap();
    for block in 0..32 {
        let offset = block * 4096;
        let fails =
            |volume| block_on(engine_volume::Volume::read(volume, at(offset), 4096)).is_err();
        assert_eq!(fails(&volume), block < 16 && block != 4, "block {block}");
        assert_eq!(
            fails(&snapshot),
            block < 16,
            "block {block} of the snapshot"
        );
    }

    // Writing over a part heals that part.
    write(&volume, 20 << 10, &noise(2, 8192));
    let parts = vec![(0, 16 << 10), (28 << 10, unit)];
    assert_eq!(lost(&volumes)[&head], parts);
    write(&volume, 0, &text(UNIT));
    assert!(!lost(&volumes).contains_key(&head));
    block_on(volumes.delete_snapshot("v", "s")).unwrap();
    assert_eq!(lost(&volumes), BTreeMap::new());
    volumes.pool().checkpoint().unwrap();
    assert_eq!(volumes.pool().scrub(&mut |_| {}).unwrap().lost_ranges, 0);
    assert!(
        read(&volume, 0, to_usize(2 * unit))
            == [text(UNIT), text(2 * UNIT)[UNIT..].to_vec()].concat()
    );
    is_clean(&device);
}
