//! What is copied to a member, and what is not.

use std::cell::Cell;
use std::sync::Arc;

use engine_base::Slot;
use engine_format::{SUPERBLOCK_BYTES, Superblock, superblock_offset};

use super::{GEOMETRY, Rig, SLOT, byte_of, dynamic, health, options, rig, rig_of, sim, write};
use crate::mirror::choose::tests::superblock;
use crate::mirror::{Mirror, assemble};
use crate::{
    Area, Attention, Device, Fault, MemberHealth, Opened, Place, Prepare, ReadFrom, SimDevice,
    SimOptions, Upkeep,
};

/// Puts an empty device in the place of the last one.
fn replace_last(rig: &Rig) -> Arc<SimDevice> {
    let new = sim(30);
    let opened = Opened {
        device: dynamic(&new),
        empty: true,
    };
    let last = rig.sims.last().unwrap().name().to_owned();
    rig.mirror.replace(&last, &opened).unwrap();
    new
}

fn finish(mirror: &Mirror, attention: &Attention<'_>) {
    let mut steps = 0;
    while mirror.maintain(attention) != Upkeep::Idle {
        steps += 1;
        assert!(steps < 1000, "upkeep does not end");
    }
    let current = |health: &MemberHealth| *health == MemberHealth::Current;
    assert!(health(mirror).iter().all(current), "{:?}", mirror.members());
    assert!(mirror.members().iter().all(|member| member.errors == 0));
}

#[test]
fn to_look_at_a_slot_that_was_never_used_is_no_error_of_the_device() {
    let rig = rig();
    let never_used = Place::slot(Slot::new(SLOT.get() + 1), 0);
    for copy in 0..2 {
        let read = rig
            .mirror
            .read_copy(copy, never_used, ReadFrom::Storage, &mut [0; 4096]);
        read.unwrap_err();
    }
    assert!(rig.mirror.members().iter().all(|member| member.errors == 0));
}

#[test]
fn a_slot_that_is_given_back_while_it_is_copied_is_left_alone() {
    let rig = rig();
    write(&rig.mirror, 4).unwrap();
    let new = replace_last(&rig);
    let used = Cell::new(true);
    let attention = Attention {
        in_use: &|slot| slot == SLOT && used.get(),
        unsound: &|_, _| Some(Vec::new()),
        look: false,
    };
    // The first of two pieces.
    assert_eq!(rig.mirror.maintain(&attention), Upkeep::Copied(1 << 20));
    used.set(false);
    rig.mirror.discard(SLOT).unwrap();
    let written = new.stats().segment_bytes;
    finish(&rig.mirror, &attention);
    assert_eq!(
        new.stats().segment_bytes,
        written,
        "nothing of the slot is copied any more"
    );
    // Whoever uses it next has both.
    rig.mirror.prepare(SLOT, Prepare::Allocate).unwrap();
    write(&rig.mirror, 5).unwrap();
    assert_eq!(byte_of(&rig.mirror, 1).unwrap(), 5);
}

#[test]
fn a_slot_that_is_taken_but_not_there_yet_is_not_copied() {
    let rig = rig();
    replace_last(&rig);
    let taken = Slot::new(4);
    let attention = Attention {
        in_use: &|slot| slot == taken,
        unsound: &|_, _| Some(Vec::new()),
        look: false,
    };
    finish(&rig.mirror, &attention);
    rig.mirror.prepare(taken, Prepare::Allocate).unwrap();
    let at = Place::slot(taken, 0);
    rig.mirror.write(at, &[&[8; 4096]]).unwrap();
    for copy in 0..2 {
        let mut byte = [0];
        let from = crate::ReadFrom::Cache;
        rig.mirror.read_copy(copy, at, from, &mut byte).unwrap();
        assert_eq!(byte, [8]);
    }
}

/// The only copy in service has rotted where the member that comes back has the right bytes.
#[test]
fn what_no_copy_has_good_is_not_copied_over_a_block_that_is() {
    let rig = rig();
    write(&rig.mirror, 4).unwrap();
    rig.mirror.sync(Area::Segment(SLOT)).unwrap();
    rig.sims[1].inject(Fault::FailWrite { nth: 0 });
    let later = Place::slot(SLOT, 4096);
    rig.mirror.write(later, &[&[6; 4096]]).unwrap();
    rig.sims[0].flip_bit(Place::slot(SLOT, 0), 1);
    let again = rig.sims.iter().map(|sim| {
        let image = sim.process_kill_image();
        Arc::new(SimDevice::from_image(image, SimOptions::seeded(5)))
    });
    let again: Vec<_> = again.collect();
    let opened = assemble(again.iter().map(dynamic).collect(), &options(10)).unwrap();
    let mirror = opened.mirror.unwrap();
    mirror.attach(GEOMETRY).unwrap();
    let attention = Attention {
        in_use: &|_| true,
        unsound: &|slot, own| {
            own(0, &mut [0]).unwrap();
            let first = 0..4096;
            Some((slot == SLOT).then_some(first).into_iter().collect())
        },
        look: false,
    };
    finish(&mirror, &attention);
    assert_eq!(byte_of(&mirror, 1).unwrap(), 4);
    let mut byte = [0];
    again[1].read(later, &mut byte).unwrap();
    assert_eq!(byte, [6]);
}

#[test]
fn superblocks_are_copied_from_where_they_are_good() {
    let rig = rig_of(3);
    for (copy, checkpoint) in [(0, 4), (1, 5)] {
        let bytes = superblock(checkpoint, 1, 0).encode(copy);
        let at = Place::label(superblock_offset(copy));
        rig.mirror.write(at, &[&bytes]).unwrap();
    }
    rig.mirror.sync(Area::Label).unwrap();
    rig.sims[0].flip_bit(Place::label(superblock_offset(1) + 40), 1);
    rig.sims[1].flip_bit(Place::label(superblock_offset(0) + 40), 1);
    let new = replace_last(&rig);
    let attention = Attention {
        in_use: &|_| false,
        unsound: &|_, _| Some(Vec::new()),
        look: false,
    };
    finish(&rig.mirror, &attention);
    for copy in 0..2 {
        let mut bytes = [0; SUPERBLOCK_BYTES];
        let at = Place::label(superblock_offset(copy));
        new.read(at, &mut bytes).unwrap();
        Superblock::decode(&bytes, copy).unwrap();
    }
}
