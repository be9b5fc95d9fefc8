use std::collections::BTreeSet;

use engine_base::{SeededEntropy, Slot};

use super::{ZERO, below, device, random_run, read_byte, reboot};
use crate::sim::{SimImage, SimLayout, SimOptions};
use crate::{Area, Device, DeviceError, Place, Prepare};

#[test]
fn the_same_seeds_give_the_same_image() {
    for seed in 0..30 {
        for layout in [SimLayout::Directory, SimLayout::Span] {
            let options = SimOptions {
                layout,
                ..SimOptions::seeded(seed)
            };
            let images = [0, 1].map(|_| {
                let device = device(options);
                random_run(&device, seed).unwrap();
                (
                    device.process_kill_image().digest(),
                    device.crash_image(seed ^ 5).digest(),
                )
            });
            assert_eq!(images[0], images[1], "seed {seed} {layout:?}");
        }
    }
}

#[test]
fn seeds_of_a_crash_differ() {
    let device = device(SimOptions::default());
    random_run(&device, 1).unwrap();
    let digests: BTreeSet<u32> = (0..100)
        .map(|seed| device.crash_image(seed).digest())
        .collect();
    assert!(
        digests.len() > 30,
        "only {} different images",
        digests.len()
    );
}

/// Each sector of a crash image holds the last synced value, or one written there later.
#[test]
fn every_sector_is_synced_or_newer() {
    const SECTORS: usize = 32;
    for seed in 0..200 {
        let random = SeededEntropy::new(seed);
        let device = device(SimOptions::seeded(seed));
        device.prepare(ZERO, Prepare::Allocate).unwrap();
        let mut legal = vec![vec![0_u8]; SECTORS];
        for stamp in 1..=20 {
            let first = below(&random, SECTORS);
            let count = below(&random, SECTORS - first) + 1;
            let bytes = vec![stamp; count * 512];
            device
                .write(Place::slot(ZERO, first as u64 * 512), &[&bytes])
                .unwrap();
            legal[first..first + count]
                .iter_mut()
                .for_each(|values| values.push(stamp));
            if below(&random, 6) == 0 {
                device.sync(Area::Segment(ZERO)).unwrap();
                legal
                    .iter_mut()
                    .for_each(|values| drop(values.drain(..values.len() - 1)));
            }
        }
        let image = device.crash_image(seed);
        for (sector, legal) in legal.iter().enumerate() {
            let mut bytes = [0; 512];
            assert!(image.read(Place::slot(ZERO, sector as u64 * 512), &mut bytes));
            assert!(
                bytes.iter().all(|byte| *byte == bytes[0]),
                "seed {seed}: torn sector"
            );
            assert!(
                legal.contains(&bytes[0]),
                "seed {seed} sector {sector}: {}",
                bytes[0]
            );
        }
    }
}

/// What survives of four writes of two sectors each, as a string of bits.
fn survivors(image: &SimImage) -> String {
    let mut byte = [0];
    let offsets = (0..8).map(|sector| Place::slot(ZERO, sector * 512));
    offsets
        .map(|at| {
            if image.read(at, &mut byte) && byte[0] != 0 {
                '1'
            } else {
                '0'
            }
        })
        .collect()
}

#[test]
fn all_kinds_of_crashes_happen() {
    let device = device(SimOptions::default());
    device.prepare(ZERO, Prepare::Allocate).unwrap();
    for write in 0..4_u64 {
        device
            .write(Place::slot(ZERO, write * 1024), &[&[1; 1024]])
            .unwrap();
    }
    let seen: BTreeSet<String> = (0..600)
        .map(|seed| survivors(&device.crash_image(seed)))
        .collect();
    for expected in ["00000000", "11111111", "11000000", "11110000", "11111100"] {
        assert!(seen.contains(expected), "{expected}");
    }
    let writes = |survived: &String| -> Vec<String> {
        [0, 2, 4, 6]
            .map(|at| survived[at..at + 2].to_owned())
            .to_vec()
    };
    let is_prefix = |survived: &String| writes(survived).is_sorted_by(|a, b| a >= b);
    assert!(
        !seen.iter().all(is_prefix),
        "a later write without an earlier one"
    );
    let is_torn = |survived: &String| writes(survived).iter().any(|write| write == "01");
    assert!(seen.iter().any(is_torn), "half of a write");
}

#[test]
fn a_sync_covers_its_own_area_only() {
    let device = device(SimOptions::default());
    device.prepare(ZERO, Prepare::Allocate).unwrap();
    device.write(Place::label(0), &[b"L"]).unwrap();
    device.write(Place::slot(ZERO, 0), &[b"S"]).unwrap();
    device.sync(Area::Label).unwrap();
    let lost = (0..100).filter(|seed| {
        let image = device.crash_image(*seed);
        let mut byte = [0];
        assert!(image.read(Place::label(0), &mut byte) && byte == *b"L");
        image.read(Place::slot(ZERO, 0), &mut byte) && byte == [0]
    });
    assert!((1..100).contains(&lost.count()));
}

#[test]
fn power_goes_at_every_operation_and_stays_off() {
    let calm = device(SimOptions::seeded(7));
    random_run(&calm, 7).unwrap();
    let operations = calm.operations();
    assert!(operations > calm.changes() && calm.changes() > 20);
    for at in 0..operations {
        let device = device(SimOptions {
            crash_at: Some(at),
            ..SimOptions::seeded(7)
        });
        let error = random_run(&device, 7).unwrap_err();
        assert!(matches!(error, DeviceError::Io { .. }), "{error:?}");
        assert_eq!(device.operations(), at + 1);
        assert!(device.power_lost());
        for _ in 0..2 {
            assert!(device.read(Place::label(0), &mut [0]).is_err());
        }
        let after = reboot(device.crash_image(at), at);
        after.read(Place::label(0), &mut [0]).unwrap();
        random_run(&after, 8).unwrap();
    }
    let options = SimOptions {
        crash_at_change: Some(3),
        ..SimOptions::seeded(7)
    };
    let device = device(options);
    random_run(&device, 7).unwrap_err();
    assert_eq!(device.changes(), 4);
}

#[test]
fn the_write_that_power_interrupts_may_survive_or_not() {
    let device = device(SimOptions {
        crash_at_change: Some(1),
        ..SimOptions::default()
    });
    device.prepare(ZERO, Prepare::Allocate).unwrap();
    device.write(Place::slot(ZERO, 0), &[b"x"]).unwrap_err();
    let survived = (0..100).filter(|seed| survivors(&device.crash_image(*seed)).starts_with('1'));
    assert!((1..100).contains(&survived.count()));
}

#[test]
fn a_killed_process_loses_nothing_but_a_power_cut_after_it_may() {
    let device = device(SimOptions::default());
    device.prepare(ZERO, Prepare::Allocate).unwrap();
    device.write(Place::slot(ZERO, 0), &[b"x"]).unwrap();
    let after = reboot(device.process_kill_image(), 1);
    assert_eq!(read_byte(&after, Place::slot(ZERO, 0)), b'x');
    let survived = |device: &super::SimDevice| {
        (0..100)
            .filter(|seed| survivors(&device.crash_image(*seed)).starts_with('1'))
            .count()
    };
    assert!((1..100).contains(&survived(&after)));
    after.sync(Area::Segment(ZERO)).unwrap();
    assert_eq!(survived(&after), 100);
}

#[test]
fn a_prepared_slot_exists_after_any_crash_and_a_discarded_one_may() {
    let device = device(SimOptions::default());
    let other = Slot::new(1);
    for slot in [ZERO, other] {
        device.prepare(slot, Prepare::Allocate).unwrap();
        device.write(Place::slot(slot, 0), &[b"x"]).unwrap();
        device.sync(Area::Segment(slot)).unwrap();
    }
    device.discard(other).unwrap();
    assert!(device.read(Place::slot(other, 0), &mut [0]).is_err());
    let images: Vec<_> = (0..100).map(|seed| device.crash_image(seed)).collect();
    assert!(images.iter().all(|image| image.slots().contains(&ZERO)));
    let back = images
        .iter()
        .filter(|image| image.slots().contains(&other))
        .count();
    assert!((1..100).contains(&back));
    device.prepare(other, Prepare::Allocate).unwrap();
    assert_eq!(read_byte(&device, Place::slot(other, 0)), 0);
    assert!((0..100).all(|seed| device.crash_image(seed).slots() == [ZERO, other]));
}

#[test]
fn a_discarded_range_is_zero_or_old() {
    let seen: BTreeSet<u8> = (0..40)
        .map(|seed| {
            let options = SimOptions {
                layout: SimLayout::Span,
                ..SimOptions::seeded(seed)
            };
            let device = device(options);
            device.prepare(ZERO, Prepare::Allocate).unwrap();
            device.write(Place::slot(ZERO, 0), &[b"x"]).unwrap();
            device.discard(ZERO).unwrap();
            device.prepare(ZERO, Prepare::Allocate).unwrap();
            read_byte(&device, Place::slot(ZERO, 0))
        })
        .collect();
    assert_eq!(seen, BTreeSet::from([0, b'x']));
}
