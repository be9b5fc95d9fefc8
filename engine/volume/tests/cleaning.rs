//! Cleaning, as those who use the pool see it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::ops::ControlFlow;
use std::sync::Arc;

use engine_base::{ByteCount, ErrorKind, ManualClock, SeededEntropy, VolumeOffset};
use engine_device::{Device, PageBuf, SimDevice, SimOptions};
use engine_format::{DatasetKind, ExtentRef};
use engine_pool::{
    CheckOptions, CreateOptions, ExtentRead, Pool, PoolOptions, StoreError, block_on, check,
};
use engine_volume::{Ack, Volume, Volumes};

const MIB: u64 = 1 << 20;
const BLOCK: u64 = 4096;
const CAPACITY: u64 = 129 * MIB;

struct Fixture {
    device: Arc<SimDevice>,
    volumes: Volumes,
    volume: Volume,
    /// What each block was written with last; 0: nothing.
    model: Vec<u8>,
    random: SeededEntropy,
}

fn options() -> PoolOptions {
    PoolOptions {
        memory: ByteCount::new(4 * MIB),
        clock: Arc::new(ManualClock::default()),
        entropy: Arc::new(SeededEntropy::new(11)),
        ..PoolOptions::default()
    }
}

impl Fixture {
    fn new(blocks: u64) -> Self {
        let device = Arc::new(SimDevice::new(SimOptions::default()));
        let create = CreateOptions {
            capacity: Some(ByteCount::new(CAPACITY)),
            segment_bytes: Some(2 << 20),
            ..CreateOptions::default()
        };
        Pool::create(&*device, &create).unwrap();
        let used = Arc::clone(&device) as Arc<dyn Device>;
        let volumes = Volumes::new(Pool::open(used, &options()).unwrap());
        block_on(volumes.create("v", ByteCount::new(blocks * BLOCK))).unwrap();
        let volume = volumes.open("v").unwrap();
        Self {
            device,
            volumes,
            volume,
            model: vec![0; engine_base::to_usize(blocks)],
            random: SeededEntropy::new(5),
        }
    }

    fn pool(&self) -> &Pool {
        self.volumes.pool()
    }

    fn below(&self, limit: usize) -> usize {
        engine_base::to_usize(self.random.next_u64() % limit as u64)
    }

    /// Writes `count` blocks from `first` on.
    fn write(&mut self, first: usize, count: usize) -> Result<(), StoreError> {
        let byte = self.random.next_u64().to_le_bytes()[0] | 1;
        let mut buf = PageBuf::zeroed(count * 4096);
        buf.fill(byte);
        let at = VolumeOffset::new(first as u64 * BLOCK);
        block_on(self.volume.write(at, buf, Ack::Written))?;
        self.model[first..first + count].fill(byte);
        Ok(())
    }

    fn trim(&mut self, block: usize) {
        let at = VolumeOffset::new(block as u64 * BLOCK);
        block_on(self.volume.trim(at, BLOCK, Ack::Written)).unwrap();
        self.model[block] = 0;
    }

    /// Writes stretches of 64 blocks from the start on until the pool is full; how many fit.
    fn fill(&mut self) -> usize {
        for first in (0..self.model.len()).step_by(64) {
            if let Err(error) = self.write(first, 64) {
                assert_eq!(error.kind(), ErrorKind::NoSpace, "{error}");
                return first;
            }
        }
        self.model.len()
    }

    fn verify(&self) {
        for (block, byte) in self.model.iter().enumerate() {
            let at = VolumeOffset::new(block as u64 * BLOCK);
            let read = block_on(self.volume.read(at, 4096)).unwrap();
            let seen = read.data().map_or(0, |data| data[0]);
            assert_eq!(seen, *byte, "block {block}");
            if let Some(data) = read.data() {
                assert!(data.iter().all(|found| found == byte), "block {block}");
            }
        }
        let image = SimDevice::from_image(self.device.process_kill_image(), SimOptions::default());
        let report = check(Arc::new(image), &CheckOptions::default(), &mut |_| {}).unwrap();
        assert!(report.is_clean(), "{:#?}", report.findings);
    }
}

#[test]
fn a_pool_of_which_half_is_dead_in_crumbs_is_not_full() {
    let mut pool = Fixture::new(64 << 10);
    let full = pool.fill();
    assert!(full as u64 * BLOCK > 60 * MIB, "{full} blocks fit");
    for block in (0..full).step_by(2) {
        pool.trim(block);
    }
    let mut again = 0;
    for first in (full..pool.model.len()).step_by(64) {
        match pool.write(first, 64) {
            Ok(()) => again += 64,
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::NoSpace, "{error}");
                break;
            }
        }
    }
    assert!(
        again * 5 > full * 2,
        "{again} blocks more than {full} halves"
    );
    assert!(pool.pool().metrics().packed_bytes > 0);
    pool.verify();
}

/// What has passed the gate stays while a reader may look at it, as scrubs and rounds of cleaning
/// do for longer than the checkpoints of a full pool take: that is no reason to refuse a write.
#[test]
fn a_write_on_a_full_pool_waits_for_readers_of_what_is_dead() {
    let mut fixture = Fixture::new(64 << 10);
    let full = fixture.fill();
    let pool = Arc::clone(fixture.volumes.pool());
    let pin = pool.read_pin();
    let half = full as u64 / 2 * BLOCK;
    block_on(
        fixture
            .volume
            .trim(VolumeOffset::new(0), half, Ack::Written),
    )
    .unwrap();
    fixture.model[..full / 2].fill(0);
    pool.start_background().unwrap();
    let before = pool.metrics().checkpoints;
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| fixture.write(0, 64));
        while !writer.is_finished() && pool.metrics().checkpoints < before + 20 {
            std::thread::yield_now();
        }
        drop(pin);
        writer.join().unwrap().unwrap();
    });
    fixture.verify();
    pool.close().unwrap();
}

/// What died after the checkpoint that a round looked at is live for that round only.
#[test]
fn what_dies_between_two_checkpoints_comes_back_too() {
    let mut pool = Fixture::new(64 << 10);
    for round in 0..6 {
        let full = pool.fill();
        let alive = pool.model.iter().filter(|byte| **byte != 0).count();
        assert!(
            alive as u64 * BLOCK > 60 * MIB,
            "round {round}: {alive} blocks fit, to {full}"
        );
        for block in 0..pool.model.len() {
            if pool.model[block] != 0 && pool.below(2) == 0 {
                pool.trim(block);
            }
        }
        // Refused or not, each looks at the state of the newest checkpoint.
        let _ = pool.pool().clean();
    }
    pool.verify();
}

#[test]
fn what_is_written_over_for_ever_is_never_refused() {
    let mut pool = Fixture::new(64 << 10);
    let used = pool.fill() / 5 * 4;
    for block in used..pool.model.len() {
        if pool.model[block] != 0 {
            pool.trim(block);
        }
    }
    for _ in 0..4 * used {
        let block = pool.below(used);
        pool.write(block, 1).unwrap();
    }
    let metrics = pool.pool().metrics();
    assert!(metrics.packing_rounds > 3, "{metrics:?}");
    println!("{:.2} bytes for each byte", metrics.write_amplification());
    pool.verify();
}

/// Whoever looked bytes up before they died reads them although their segment was packed since.
/// Cleaning reads the newest checkpoint for as long as many checkpoints take, and holds what they
/// would give back meanwhile: writers wait for cleaning, and not for a number of checkpoints.
#[test]
fn writers_that_wait_for_cleaning_are_not_refused() {
    const WRITERS: u64 = 16;
    let mut pool = Fixture::new(64 << 10);
    let full = pool.fill();
    let used = full / 5 * 4;
    (used..full).for_each(|block| pool.trim(block));
    let used = used as u64;
    pool.volumes.pool().start_background().unwrap();
    std::thread::scope(|scope| {
        for writer in 0..WRITERS {
            let volume = pool.volumes.open("v").unwrap();
            scope.spawn(move || {
                let random = SeededEntropy::new(100 + writer);
                for _ in 0..4 * used / WRITERS {
                    let block = random.next_u64() % used;
                    let buf = PageBuf::zeroed(4096);
                    let at = VolumeOffset::new(block * BLOCK);
                    let written = block_on(volume.write(at, buf, Ack::Written));
                    written.unwrap_or_else(|error| panic!("writer {writer}: {error}"));
                }
            });
        }
    });
    assert!(pool.pool().metrics().packed_bytes > 0);
    pool.pool().close().unwrap();
}

#[test]
fn a_reader_finds_what_it_looked_up_before_it_was_packed() {
    let mut pool = Fixture::new(4096);
    for first in (0..4096).step_by(64) {
        pool.write(first, 64).unwrap();
    }
    let before = pool.model.clone();
    let held = pool.pool().read_pin();
    let dataset = pool.pool().find_dataset(DatasetKind::Volume, "v").unwrap();
    block_on(pool.pool().make_resident(&dataset, &[], &[0xff; 8])).unwrap();
    let mut reads = Vec::new();
    dataset
        .with_tree(|tree| {
            tree.scan(&[], |_, value| {
                reads.push(ExtentRead::new(&ExtentRef::decode(value).unwrap()));
                ControlFlow::Continue(())
            })
        })
        .unwrap();
    for round in 0..3 {
        for block in (0..4096).filter(|block| block % 4 != round) {
            pool.write(block, 1).unwrap();
        }
        for _ in 0..2 {
            pool.pool().clean().unwrap();
            pool.pool().checkpoint().unwrap();
        }
    }
    assert!(pool.pool().metrics().packed_bytes > 0);
    let mut block = 0;
    for read in &reads {
        let data = block_on(pool.pool().read_extent(read)).unwrap();
        for stored in data.chunks(4096) {
            assert_eq!(stored[0], before[block], "block {block}");
            block += 1;
        }
    }
    assert_eq!(block, 4096);
    drop(held);
    for _ in 0..3 {
        pool.pool().checkpoint().unwrap();
    }
    pool.verify();
}
