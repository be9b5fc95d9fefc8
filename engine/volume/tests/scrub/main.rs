//! Scrubbing volumes on a simulated device: all that rots is found, what has a good copy is
//! repaired, the rest is listed with its owner, fails, and is healed by writing over it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod pages;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use engine_base::limits::BLOCK_BYTES;
use engine_base::{ByteCount, DatasetId, ManualClock, SeededEntropy, VolumeOffset};
use engine_device::{Device, PageBuf, Place, SimDevice, SimImage, SimOptions};
use engine_format::LostPart;
use engine_pool::{CreateOptions, Pool, PoolOptions, ScrubStatus, block_on};
use engine_volume::{Ack, Volume, Volumes};

const BLOCK: u64 = 4096;
const SEGMENT_BYTES: usize = 2 << 20;
const BLOCKS: u64 = 600;

struct World {
    device: Arc<SimDevice>,
    volumes: Volumes,
    random: SeededEntropy,
    seed: u64,
}

fn opened(image: SimImage, seed: u64) -> World {
    let device = Arc::new(SimDevice::from_image(image, SimOptions::seeded(seed)));
    let options = PoolOptions {
        memory: ByteCount::new(4 << 20),
        clock: Arc::new(ManualClock::default()),
        entropy: Arc::new(SeededEntropy::new(seed + 1)),
        ..PoolOptions::default()
    };
    let pool = Pool::open(Arc::clone(&device) as Arc<dyn Device>, &options).unwrap();
    World {
        device,
        volumes: Volumes::new(pool),
        random: SeededEntropy::new(seed),
        seed,
    }
}

/// Every block of a volume is of its own, at every time it is written.
fn block(volume: &str, block: u64, version: u64) -> [u8; BLOCK_BYTES] {
    let mut bytes = [0; BLOCK_BYTES];
    let name = crc32c::crc32c(volume.as_bytes());
    for (index, word) in (0u64..).zip(bytes.chunks_exact_mut(8)) {
        let mixed = (block << 40 | version << 32 | index)
            .wrapping_add(u64::from(name))
            .wrapping_mul(0x9e37_79b9_7f4a_7c15);
        word.copy_from_slice(&mixed.to_le_bytes());
    }
    bytes
}

impl World {
    fn new(seed: u64) -> Self {
        let device = SimDevice::new(SimOptions::seeded(seed));
        let create = CreateOptions {
            capacity: Some(ByteCount::new(160 << 20)),
            segment_bytes: Some(2 << 20),
            clock: Arc::new(ManualClock::default()),
            entropy: Arc::new(SeededEntropy::new(seed)),
        };
        Pool::create(&device, &create).unwrap();
        opened(device.process_kill_image(), seed)
    }

    fn kill(self) -> Self {
        opened(self.device.process_kill_image(), self.seed)
    }

    fn pool(&self) -> &Arc<Pool> {
        self.volumes.pool()
    }

    fn below(&self, end: u64) -> u64 {
        self.random.next_u64() % end
    }

    fn create(&self, name: &str) -> Volume {
        self.create_of(name, BLOCKS)
    }

    fn create_of(&self, name: &str, blocks: u64) -> Volume {
        block_on(self.volumes.create(name, ByteCount::new(blocks * BLOCK))).unwrap();
        self.volumes.open(name).unwrap()
    }

    fn write(&self, name: &str, from: u64, count: u64, version: u64) {
        let mut buf = PageBuf::zeroed(usize::try_from(count * BLOCK).unwrap());
        for (at, bytes) in (from..).zip(buf.chunks_exact_mut(BLOCK_BYTES)) {
            bytes.copy_from_slice(&block(name, at, version));
        }
        let volume = self.volumes.open(name).unwrap();
        block_on(volume.write(VolumeOffset::new(from * BLOCK), buf, Ack::Written)).unwrap();
    }

    fn id(&self) -> DatasetId {
        self.volumes.show("v").unwrap().id
    }

    fn snapshot_id(&self) -> DatasetId {
        self.volumes.snapshots("v").unwrap()[0].id
    }

    fn scrub(&self) -> ScrubStatus {
        self.pool().scrub(&mut |_| {}).unwrap()
    }

    /// Where these bytes lie on the device, beginning at multiples of `step`.
    fn places_of(&self, step: usize, is_wanted: &dyn Fn(&[u8]) -> bool) -> Vec<Place> {
        let image = self.device.process_kill_image();
        let mut found = Vec::new();
        for slot in image.slots() {
            let mut bytes = vec![0; SEGMENT_BYTES];
            assert!(image.read(Place::slot(slot, 0), &mut bytes));
            let chunks = bytes.chunks(step).enumerate();
            let wanted = chunks.filter(|(_, chunk)| is_wanted(chunk));
            found.extend(wanted.map(|(index, _)| Place::slot(slot, (index * step) as u64)));
        }
        found
    }

    /// Spoils the stored bytes of a block. A copy that is dead may be among them.
    fn rot(&self, name: &str, at: u64, version: u64) {
        let wanted = block(name, at, version);
        let places = self.places_of(BLOCK_BYTES, &|chunk| *chunk == wanted);
        assert!(!places.is_empty(), "block {at} of {name} is stored");
        for place in places {
            let place = Place {
                offset: place.offset + self.below(BLOCK),
                ..place
            };
            self.device.flip_bit(place, 3);
        }
    }

    /// Blocks that are lost, by dataset.
    fn lost(&self) -> BTreeMap<DatasetId, BTreeSet<u64>> {
        let mut lost: BTreeMap<_, BTreeSet<u64>> = BTreeMap::new();
        for range in block_on(self.pool().lost()).unwrap() {
            assert_eq!(range.part, LostPart::Data);
            assert_eq!((range.offset % BLOCK, range.bytes % BLOCK), (0, 0));
            let blocks = range.offset / BLOCK..(range.offset + range.bytes) / BLOCK;
            lost.entry(range.dataset).or_default().extend(blocks);
        }
        lost
    }
}

/// Reads a volume block by block; those that fail. No byte is ever wrong.
fn failing(volume: &Volume, name: &str, version: &dyn Fn(u64) -> u64) -> BTreeSet<u64> {
    let mut failing = BTreeSet::new();
    for at in 0..BLOCKS {
        match block_on(volume.read(VolumeOffset::new(at * BLOCK), BLOCK_BYTES)) {
            Err(_) => {
                failing.insert(at);
            }
            Ok(read) => {
                let expected = block(name, at, version(at));
                assert!(read.data() == Some(&expected[..]), "block {at} of {name}");
            }
        }
    }
    failing
}

#[test]
fn every_rotten_block_is_found_listed_and_healed_by_writing() {
    for seed in 0..6 {
        let world = World::new(seed);
        let volume = world.create("v");
        let mut at = 0;
        while at < BLOCKS {
            let count = (1 + world.below(40)).min(BLOCKS - at);
            world.write("v", at, count, 1);
            at += count;
        }
        block_on(world.volumes.take_snapshot("s", &["v"])).unwrap();
        let rewritten: BTreeSet<u64> = (0..40).map(|_| world.below(BLOCKS)).collect();
        for at in &rewritten {
            world.write("v", *at, 1, 2);
        }
        block_on(world.pool().flush()).unwrap();
        assert_eq!((world.scrub().found, world.lost().len()), (0, 0));

        let version = |at: u64| if rewritten.contains(&at) { 2 } else { 1 };
        let rotten: BTreeSet<u64> = (0..12).map(|_| world.below(BLOCKS)).collect();
        let of_snapshot: BTreeSet<u64> = (0..4).map(|_| world.below(BLOCKS)).collect();
        for at in &rotten {
            world.rot("v", *at, version(*at));
        }
        for at in of_snapshot.difference(&rotten) {
            world.rot("v", *at, 1);
        }
        let status = world.scrub();
        assert_eq!(status.repaired, 0, "seed {seed}");
        let snapshot = world.volumes.open_snapshot("v", "s").unwrap();
        let is_old = |at: &&u64| version(**at) == 1;
        let old = rotten.iter().filter(is_old).copied();
        let in_snapshot: BTreeSet<u64> = of_snapshot.iter().copied().chain(old).collect();
        let shared = of_snapshot.iter().filter(is_old).copied();
        let in_volume: BTreeSet<u64> = rotten.iter().copied().chain(shared).collect();
        let lost = world.lost();
        let (id, kept) = (world.id(), world.snapshot_id());
        assert_eq!(lost[&id], in_volume, "seed {seed}");
        assert_eq!(lost[&kept], in_snapshot, "seed {seed}");
        assert_eq!(failing(&volume, "v", &version), in_volume, "seed {seed}");
        assert_eq!(failing(&snapshot, "v", &|_| 1), in_snapshot, "seed {seed}");

        // Half of it is written over; the list outlives the process.
        let healed: BTreeSet<u64> = in_volume.iter().step_by(2).copied().collect();
        for at in &healed {
            world.write("v", *at, 1, 3);
        }
        let left: BTreeSet<u64> = in_volume.difference(&healed).copied().collect();
        let of = |world: &World, id| world.lost().remove(&id).unwrap_or_default();
        assert_eq!(of(&world, id), left, "seed {seed}");
        assert_eq!(of(&world, kept), in_snapshot, "seed {seed}");
        block_on(world.pool().flush()).unwrap();
        let world = world.kill();
        world.scrub();
        assert_eq!(of(&world, id), left, "seed {seed}: after a restart");
        for at in &left {
            world.write("v", *at, 1, 3);
        }
        block_on(world.volumes.delete_snapshot("v", "s")).unwrap();
        assert_eq!(world.lost().len(), 0, "seed {seed}");
    }
}

#[test]
fn what_was_listed_before_a_restart_is_listed_after_it() {
    let world = World::new(40);
    world.create("v");
    let id = world.id();
    world.write("v", 0, BLOCKS.min(200), 1);
    block_on(world.pool().flush()).unwrap();
    world.rot("v", 7, 1);
    let status = world.scrub();
    assert_eq!((status.found, status.lost_ranges), (1, 1));
    block_on(world.pool().flush()).unwrap();
    let world = world.kill();
    // Nothing has read the list yet: the next pass, or the background, does.
    world.rot("v", 9, 1);
    let status = world.scrub();
    assert_eq!((status.pass, status.lost_ranges), (2, 2));
    assert_eq!(world.lost()[&id], BTreeSet::from([7, 9]));
}

#[test]
fn nothing_is_found_while_the_pool_is_used() {
    let world = World::new(50);
    world.create("v");
    for round in 0..12 {
        for _ in 0..60 {
            let at = world.below(BLOCKS);
            let count = (1 + world.below(30)).min(BLOCKS - at);
            world.write("v", at, count, round);
        }
        match world.below(4) {
            0 => {
                let label = format!("s{round}");
                block_on(world.volumes.take_snapshot(&label, &["v"])).unwrap();
            }
            1 => {
                world.pool().checkpoint().unwrap();
            }
            _ => {}
        }
        // Others write while it reads.
        let mut calls = 0;
        let status = world.pool().scrub(&mut |_| {
            calls += 1;
            if calls % 3 == 0 {
                world.write("v", world.below(BLOCKS), 1, round);
            }
            if calls % 7 == 0 {
                world.pool().checkpoint().unwrap();
            }
        });
        let status = status.unwrap();
        assert_eq!((status.found, status.lost_ranges), (0, 0), "round {round}");
    }
}
