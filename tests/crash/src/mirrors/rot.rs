//! Rot of one device of a pool in use: no wrong byte, and all of it repaired by a scrub.

use std::sync::Arc;

use engine_base::{ByteCount, to_usize};
use engine_device::{Place, SimDevice, SimImage};
use engine_format::{MEMBERSHIP_BYTES, Membership, membership_offset, superblock_offset};
use engine_pool::{CheckOptions, block_on, check};
use engine_volume::Volumes;
use tests_model::{History, Life, Rng, Workload, check_accounting, observe};

use super::MirrorExplorer;

/// Places of one device that rot between two scrubs.
const PLACES: u64 = 20;
/// Operations between two of them.
const OPERATIONS: usize = 3;
const SEGMENT_BYTES: u64 = 2 << 20;
const BLOCK: u64 = 4096;
/// Looks for a block that is not empty.
const LOOKS: usize = 64;

impl MirrorExplorer {
    /// Flips bits of one device after the other, in `rounds` rounds: of data, pages, heads of the
    /// journal, headers and superblocks, while the pool is used. A scrub ends each round; then
    /// every copy of everything is good again. At times the pool is opened anew with the rot.
    ///
    /// # Panics
    /// If a client sees a wrong byte or an error, or something is not repaired.
    pub fn rot_in_use(&mut self, rounds: u64, operations: usize) {
        let mut rng = Rng::new(self.seed ^ 0x0b17_0f07);
        let mut images = self.empty();
        let mut history = History::default();
        let mut workload = Workload::new(self.seed);
        for round in 0..rounds {
            let _where = self.whereabouts("rot in use, round", round);
            let machine = self.machine(&images);
            let volumes = self.open(&machine, false).expect("one copy is good");
            let rotting = to_usize(rng.below(self.members as u64));
            for place in 0..PLACES {
                let count = if place == 0 { operations } else { OPERATIONS };
                let mut life = Life::new(machine.any(), volumes.clone(), &mut history);
                assert!(life.run(&mut workload, count), "power is on");
                self.tally.rotten += u64::from(flip(machine.sim(rotting), &mut rng));
            }
            let (machine, volumes) = if rng.once_in(3) {
                drop(volumes);
                let machine = self.machine(&machine.killed());
                let all = (history.written, false);
                let volumes = self.recover(&machine, &history, all);
                // Without a superblock a device is behind until everything was copied to it.
                assert!(self.catch_up(&volumes, u64::MAX), "it does not end");
                (machine, volumes)
            } else {
                (machine, volumes)
            };
            scrub(&volumes);
            let seen = observe(&volumes).expect("the pool can be read");
            let found = history.find(&seen, history.written);
            assert!(found.is_some(), "what is read is not what was written");
            block_on(volumes.pool().clean_up()).expect("no device has failed");
            check_accounting(&volumes, &seen);
            drop(volumes);
            images = machine.killed();
            self.every_copy_is_good(&images);
            history = History::from_state(seen);
        }
    }

    /// A check looks at every copy, and finds nothing.
    fn every_copy_is_good(&self, images: &[SimImage]) {
        for (image, copy) in images.iter().flat_map(|image| [(image, 0), (image, 1)]) {
            let mut record = [0; MEMBERSHIP_BYTES];
            let is_stored = image.read(Place::label(membership_offset(copy)), &mut record);
            if is_stored && record != [0; MEMBERSHIP_BYTES] {
                Membership::decode(&record, copy).expect("a scrub rewrites it");
            }
        }
        let machine = self.machine(images);
        let device = machine.assemble(false, self.seed).expect("all are there");
        let options = CheckOptions {
            memory: ByteCount::new(4 << 20),
            ..CheckOptions::default()
        };
        let report = check(device, &options, &mut |_| ()).expect("it can be read");
        assert!(report.findings.is_empty(), "{:#?}", report.findings);
    }
}

/// Everything that is found is repaired.
fn scrub(volumes: &Volumes) {
    let before = volumes.pool().scrub_status();
    let status = volumes.pool().scrub(&mut |_| ()).expect("no device fails");
    assert_eq!(
        status.found - before.found,
        status.repaired - before.repaired,
        "{status:#?}"
    );
    assert_eq!(status.lost_ranges, 0, "{status:#?}");
}

/// Inverts a bit of something that is stored; `false` if none was found.
fn flip(sim: &Arc<SimDevice>, rng: &mut Rng) -> bool {
    let image = sim.process_kill_image();
    let slots = image.slots();
    for _ in 0..LOOKS {
        let block = if rng.once_in(16) {
            // Both records of a device are a device that is lost.
            Place::label(match rng.below(3) {
                2 => membership_offset(1),
                copy => superblock_offset(u8::from(copy == 1)),
            })
        } else {
            // Segments are filled from the front; headers lie there, too.
            let bound = SEGMENT_BYTES >> rng.below(9);
            let slot = *rng.pick(&slots);
            Place::slot(slot, rng.below(bound.div_ceil(BLOCK)) * BLOCK)
        };
        let mut bytes = [0; 4096];
        if image.read(block, &mut bytes) && bytes.iter().any(|byte| *byte != 0) {
            let at = Place {
                offset: block.offset + rng.below(BLOCK),
                ..block
            };
            sim.flip_bit(at, u8::try_from(rng.below(8)).unwrap_or(0));
            return true;
        }
    }
    false
}
