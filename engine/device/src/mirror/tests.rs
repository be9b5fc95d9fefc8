//! A mirror on simulated devices, call by call. What crashes leave is in `tests/crash`.

mod copied;
mod moved;
mod records;
mod replaced;

use std::sync::Arc;

use engine_base::{ByteCount, SeededEntropy, Slot};

use super::{Mirror, MirrorOptions, assemble, create, label};
use crate::{
    Area, Attention, Device, DeviceError, Fault, Geometry, MemberHealth, Place, Prepare, ReadFrom,
    SimDevice, SimOptions, Upkeep,
};

const GEOMETRY: Geometry = Geometry {
    segment_bytes: 2 << 20,
    slots: 6,
};
const SIZE: ByteCount = ByteCount::new(13 << 20);
const SLOT: Slot = Slot::new(3);

/// A call during which a member fails.
type Faulty = fn(&Rig) -> Result<(), DeviceError>;

struct Rig {
    sims: Vec<Arc<SimDevice>>,
    mirror: Arc<Mirror>,
}

fn options(seed: u64) -> MirrorOptions {
    MirrorOptions {
        parallel: false,
        entropy: Arc::new(SeededEntropy::new(seed)),
        opener: Arc::new(|name| {
            Err(DeviceError::Unusable {
                device: name.into(),
                reason: "is not there".to_owned(),
                source: None,
            })
        }),
        ..MirrorOptions::default()
    }
}

fn sim(seed: u64) -> Arc<SimDevice> {
    Arc::new(SimDevice::new(SimOptions {
        capacity: SIZE,
        ..SimOptions::seeded(seed)
    }))
}

fn dynamic(sim: &Arc<SimDevice>) -> Arc<dyn Device> {
    Arc::<SimDevice>::clone(sim)
}

/// Two members and two copies, with one prepared slot.
fn rig() -> Rig {
    rig_of(2)
}

/// As many copies as members.
fn rig_of(members: u64) -> Rig {
    let sims: Vec<_> = (1..=members).map(sim).collect();
    let members: Vec<_> = sims.iter().map(|sim| (dynamic(sim), SIZE)).collect();
    let copies = members.len();
    let made = create(members, copies, &options(9)).unwrap();
    assert!(made.empty);
    let mirror = made.mirror.unwrap();
    assert_eq!(mirror.slots_max(2 << 20).unwrap(), 6);
    mirror.attach(GEOMETRY).unwrap();
    mirror.prepare(SLOT, Prepare::Allocate).unwrap();
    Rig { sims, mirror }
}

fn write(mirror: &Mirror, fill: u8) -> Result<(), DeviceError> {
    mirror.write(Place::slot(SLOT, 0), &[&[fill; 4096]])
}

fn byte_of(mirror: &Mirror, copy: usize) -> Result<u8, DeviceError> {
    let mut byte = [0];
    let at = Place::slot(SLOT, 0);
    mirror.read_copy(copy, at, ReadFrom::Cache, &mut byte)?;
    Ok(byte[0])
}

fn health(mirror: &Mirror) -> Vec<MemberHealth> {
    mirror
        .members()
        .iter()
        .map(|member| member.health)
        .collect()
}

fn upkeep(mirror: &Mirror, in_use: bool) {
    let attention = Attention {
        in_use: &|_| in_use,
        unsound: &|_, _| Some(Vec::new()),
        look: true,
    };
    for _ in 0..1000 {
        if mirror.maintain(&attention) == Upkeep::Idle {
            return;
        }
    }
    panic!("upkeep does not end");
}

#[test]
fn what_is_written_is_on_both() {
    let Rig { sims, mirror } = rig();
    write(&mirror, 7).unwrap();
    mirror.sync(Area::Segment(SLOT)).unwrap();
    assert_eq!(mirror.copies(Area::Segment(SLOT)), 2);
    assert_eq!(
        [byte_of(&mirror, 0).unwrap(), byte_of(&mirror, 1).unwrap()],
        [7, 7]
    );
    for sim in &sims {
        let mut byte = [0];
        sim.read(Place::slot(SLOT, 0), &mut byte).unwrap();
        assert_eq!(byte, [7]);
    }
    assert!(mirror.dirty.slots().is_empty());
    assert!(byte_of(&mirror, 2).is_err());
}

#[test]
fn a_member_that_fails_is_recorded_as_stale_before_the_call_returns() {
    let faults: [Faulty; 3] = [
        |rig| {
            rig.sims[1].inject(Fault::FailWrite { nth: 0 });
            write(&rig.mirror, 1)
        },
        |rig| {
            write(&rig.mirror, 1).unwrap();
            rig.sims[1].inject(Fault::FailSync { nth: 0 });
            rig.mirror.sync(Area::Segment(SLOT))
        },
        |rig| {
            rig.sims[1].inject(Fault::FailWrite { nth: 0 });
            rig.mirror.write(Place::label(0), &[&[1; 4096]])
        },
    ];
    for (number, fail) in faults.iter().enumerate() {
        let rig = rig();
        fail(&rig).unwrap();
        assert_eq!(
            health(&rig.mirror),
            [MemberHealth::Current, MemberHealth::Failed]
        );
        let (record, _) = label::read_record(&*rig.sims[0]).unwrap();
        assert_eq!(record.members[1].stale_since, Some(2));
        let calls = rig.sims[1].changes();
        write(&rig.mirror, 2).unwrap();
        rig.mirror.sync(Area::Segment(SLOT)).unwrap();
        assert_eq!(
            rig.sims[1].changes(),
            calls,
            "{number}: it is never written again"
        );
        assert_eq!(byte_of(&rig.mirror, 0).unwrap(), 2);
        assert!(byte_of(&rig.mirror, 1).is_err());
        let id = record.members[1].device;
        let sector = label::read_sector(&*rig.sims[0], (1, id), 2, 0).unwrap();
        assert_eq!(sector.bits[0], 1 << SLOT.get());
    }
}

#[test]
fn without_the_last_copy_calls_fail_and_reads_go_on() {
    let Rig { sims, mirror } = rig();
    write(&mirror, 1).unwrap();
    sims[0].inject(Fault::FailWrite { nth: 0 });
    write(&mirror, 2).unwrap();
    sims[1].inject(Fault::FailSync { nth: 0 });
    mirror.sync(Area::Segment(SLOT)).unwrap_err();
    write(&mirror, 3).unwrap_err();
    assert_eq!(byte_of(&mirror, 1).unwrap(), 2);
}

#[test]
fn a_member_catches_up_and_counts_again() {
    let rig = rig();
    write(&rig.mirror, 1).unwrap();
    rig.mirror.sync(Area::Segment(SLOT)).unwrap();
    rig.sims[1].inject(Fault::FailWrite { nth: 0 });
    write(&rig.mirror, 2).unwrap();
    // Opened again it is a target, and gets what it missed.
    let again: Vec<_> = [&rig.sims[0], &rig.sims[1]]
        .map(|sim| SimDevice::from_image(sim.process_kill_image(), SimOptions::seeded(5)))
        .into_iter()
        .map(Arc::new)
        .collect();
    let opened = assemble(again.iter().map(dynamic).collect(), &options(10)).unwrap();
    let mirror = opened.mirror.unwrap();
    mirror.attach(GEOMETRY).unwrap();
    assert_eq!(
        health(&mirror),
        [MemberHealth::Current, MemberHealth::Syncing]
    );
    assert!(byte_of(&mirror, 1).is_err());
    upkeep(&mirror, true);
    assert_eq!(
        health(&mirror),
        [MemberHealth::Current, MemberHealth::Current]
    );
    assert_eq!(byte_of(&mirror, 1).unwrap(), 2);
    let (record, _) = label::read_record(&*again[1]).unwrap();
    assert!(
        record
            .members
            .iter()
            .all(|member| member.stale_since.is_none())
    );
}

#[test]
fn a_slot_that_is_lost_is_copied_again() {
    let rig = rig();
    write(&rig.mirror, 4).unwrap();
    rig.mirror.sync(Area::Segment(SLOT)).unwrap();
    // Its file was deleted.
    rig.sims[1].discard(SLOT).unwrap();
    assert!(byte_of(&rig.mirror, 1).is_err());
    let at = Place::slot(SLOT, 0);
    rig.mirror.repair(1, at, &[4; 4096]).unwrap_err();
    assert_eq!(
        health(&rig.mirror),
        [MemberHealth::Current, MemberHealth::Syncing]
    );
    upkeep(&rig.mirror, true);
    assert_eq!(
        health(&rig.mirror),
        [MemberHealth::Current, MemberHealth::Current]
    );
    assert_eq!(byte_of(&rig.mirror, 1).unwrap(), 4);
    // As if by a write.
    rig.sims[0].discard(SLOT).unwrap();
    write(&rig.mirror, 5).unwrap();
    assert_eq!(
        health(&rig.mirror),
        [MemberHealth::Syncing, MemberHealth::Current]
    );
    upkeep(&rig.mirror, true);
    assert_eq!(byte_of(&rig.mirror, 0).unwrap(), 5);
}

#[test]
fn a_repair_rewrites_one_copy() {
    let rig = rig();
    write(&rig.mirror, 4).unwrap();
    rig.sims[1].flip_bit(Place::slot(SLOT, 0), 1);
    let at = Place::slot(SLOT, 0);
    rig.mirror.repair(1, at, &[4; 4096]).unwrap();
    assert_eq!(byte_of(&rig.mirror, 1).unwrap(), 4);
    assert_eq!(rig.mirror.members()[1].repaired, 1);
    rig.sims[1].inject(Fault::FailSync { nth: 0 });
    rig.mirror.repair(1, at, &[4; 4096]).unwrap_err();
    assert_eq!(
        health(&rig.mirror),
        [MemberHealth::Current, MemberHealth::Failed]
    );
    assert!(rig.mirror.repair(1, at, &[4; 4096]).is_err());
}

#[test]
fn the_engine_sees_its_own_part_of_the_label_only() {
    let Rig { sims, mirror } = rig();
    mirror.write(Place::label(0), &[&vec![0; 1 << 20]]).unwrap();
    mirror.write(Place::label(524_288), &[&[9; 4096]]).unwrap();
    mirror.sync(Area::Label).unwrap();
    for sim in &sims {
        assert!(label::read_record(&**sim).is_some());
        let mut byte = [0];
        sim.read(Place::label(524_288), &mut byte).unwrap();
        assert_eq!(byte, [9]);
    }
}

#[test]
fn a_host_without_room_is_no_failed_device() {
    let Rig { sims, mirror } = rig();
    sims[1].inject(Fault::NoSpaceAfter { slots: 0 });
    let full = mirror.prepare(Slot::new(4), Prepare::Allocate);
    assert!(matches!(full, Err(DeviceError::NoSpace { .. })), "{full:?}");
    assert_eq!(
        health(&mirror),
        [MemberHealth::Current, MemberHealth::Current]
    );
}
