//! Rot of the one device from which another is brought up to date.

use engine_base::{ByteCount, PoolId};
use engine_device::{Place, SimImage};
use engine_format::{
    MISSING_SECTOR_BYTES, SEGMENT_HEADER_BYTES, SegmentHeader, SegmentKind, missing_offset,
};
use engine_pool::{CheckOptions, check};
use tests_model::{History, Life, Workload, observe};

use super::MirrorExplorer;

const SEGMENT_BYTES: u64 = 2 << 20;
const BLOCK: usize = 4096;
/// Openings of a pool before a device goes: what was written in one is moved in the next.
const LIVES: usize = 4;

/// How many places of each kind of segment rotted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SourceRot {
    /// Of index segments.
    pub index: u64,
    /// Of packs.
    pub packs: u64,
}

impl MirrorExplorer {
    /// One of two devices goes away with all that there is, and comes back when the other one has
    /// gone on. All of it is copied to it, and one place that it has good rots on the other one
    /// before: for each of `places` of each kind of segment. What the one that came back has then
    /// is whole, and so is what a client sees.
    ///
    /// # Panics
    /// If a pool shows something wrong.
    pub fn rot_of_the_source(&mut self, operations: usize, places: usize) -> SourceRot {
        let mut images = self.empty();
        let (mut history, mut workload) =
            (History::default(), Workload::new(self.seed).with_cleaning());
        let mut run = |images: &[SimImage], left: Option<usize>, operations: usize| {
            let machine = self.machine(images);
            let machine = match left {
                Some(left) => machine.without(left),
                None => machine,
            };
            let volumes = self.open(&machine, left.is_some()).expect("power is on");
            let mut life = Life::new(machine.any(), volumes.clone(), &mut history);
            assert!(life.run(&mut workload, operations), "power is on");
            volumes.pool().clean().expect("no device has failed");
            volumes.pool().close().expect("no device has failed");
            history.durable_up_to(history.written);
            machine.killed()
        };
        for _ in 0..LIVES {
            images = run(&images, None, operations);
        }
        images = run(&images, Some(1), operations / 8);
        // Without its map a device misses everything.
        let map = Place::label(missing_offset(1, 0));
        images[0].write(map, &[0; MISSING_SECTOR_BYTES]);
        let mut rotten = SourceRot::default();
        for (kind, count) in [
            (SegmentKind::Index, &mut rotten.index),
            (SegmentKind::Pack, &mut rotten.packs),
        ] {
            let common = common_blocks(&images, kind);
            for at in common.iter().step_by(common.len().div_ceil(places).max(1)) {
                let _where = self.whereabouts(&format!("{at} has rotted"), 0);
                *count += u64::from(self.catch_up_from_rot(&images, *at, &history));
            }
        }
        rotten
    }

    /// `false`: the opening has given the place back.
    fn catch_up_from_rot(&mut self, images: &[SimImage], at: Place, history: &History) -> bool {
        let machine = self.machine(images);
        let volumes = self.recover(&machine, history, (history.written, false));
        let stored = machine.sim(0).process_kill_image();
        if !stored.read(at, &mut [0]) {
            return false;
        }
        machine.sim(0).flip_bit(at, 5);
        self.tally.rotten += 1;
        assert!(self.catch_up(&volumes, u64::MAX), "it does not end");
        self.tally.resyncs += 1;
        let seen = observe(&volumes).expect("one copy is good");
        assert!(history.find(&seen, history.written).is_some());
        drop(volumes);
        let alone = self.machine(&machine.killed()).only(1);
        let device = alone.assemble(true, self.seed).expect("it is current");
        let options = CheckOptions {
            memory: ByteCount::new(4 << 20),
            ..CheckOptions::default()
        };
        let report = check(device, &options, &mut |_| ()).expect("it can be read");
        assert!(report.is_clean(), "{:#?}", report.findings);
        true
    }
}

/// Blocks of segments of a kind that both devices have alike, and that are not empty.
fn common_blocks(images: &[SimImage], kind: SegmentKind) -> Vec<Place> {
    let mut common = Vec::new();
    let read = |image: &SimImage, at| {
        let mut bytes = [0; BLOCK];
        image.read(at, &mut bytes).then_some(bytes)
    };
    for slot in images[0].slots() {
        let mut header = [0; SEGMENT_HEADER_BYTES];
        assert!(images[0].read(Place::slot(slot, 0), &mut header));
        let raw_pool: [u8; 16] = header[16..32].try_into().expect("16 bytes");
        let header = SegmentHeader::decode(&header, PoolId::new(raw_pool), slot);
        if !header.is_ok_and(|header| header.kind == kind) {
            continue;
        }
        for offset in (0..SEGMENT_BYTES).step_by(BLOCK) {
            let at = Place::slot(slot, offset);
            let (one, other) = (read(&images[0], at), read(&images[1], at));
            if one.is_some_and(|one| one != [0; BLOCK]) && one == other {
                common.push(at);
            }
        }
    }
    common
}
