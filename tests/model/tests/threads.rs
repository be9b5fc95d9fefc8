//! Many threads on one pool with its background running.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use engine_base::{ByteCount, VolumeOffset, to_usize};
use engine_device::{SimDevice, SimImage, SimOptions};
use engine_pool::{StoreError, block_on};
use engine_volume::{Ack, Volume, Volumes};
use tests_model::{Pattern, Rng, Setup, page_buf};

const THREADS: u64 = 4;
const OPERATIONS: u64 = 6_000;
/// Blocks of each thread's own region.
const OWN: u64 = 512;
/// Cells of the region that all write to, and the blocks of each.
const CELLS: u64 = 12;
const CELL_BLOCKS: u64 = 7;

fn device(image: SimImage) -> Arc<SimDevice> {
    let capacity = ByteCount::new(1 << 30);
    Arc::new(SimDevice::from_image(
        image,
        SimOptions {
            capacity,
            ..SimOptions::default()
        },
    ))
}

fn cell_range(cell: u64) -> (u64, u64) {
    (
        (THREADS * OWN + cell * CELL_BLOCKS) * 4096,
        CELL_BLOCKS * 4096,
    )
}

/// One thread: a region of its own, of which it knows every block.
struct Worker {
    rng: Rng,
    first: u64,
    stamps: Vec<u64>,
    next: u64,
    id: u64,
}

impl Worker {
    fn new(id: u64, seed: u64) -> Self {
        let stamps = vec![0; to_usize(OWN)];
        Self {
            rng: Rng::new(seed << 8 | id),
            first: id * OWN,
            stamps,
            next: (id + 1) << 40,
            id,
        }
    }

    fn stamp(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    fn run(&mut self, volumes: &Volumes, volume: &Volume) {
        for _ in 0..OPERATIONS {
            match self.rng.weighted(&[30, 30, 6, 12, 14, 3, 2, 1]) {
                0 => self.write(volume),
                1 => self.read(volume),
                2 => self.trim(volume),
                3 => self.write_cell(volume),
                4 => self.read_cell(volume),
                5 => block_on(volume.flush()).unwrap(),
                6 => self.own_volume(volumes),
                _ => {
                    volumes.pool().checkpoint().unwrap();
                }
            }
        }
    }

    fn range(&mut self) -> (usize, usize) {
        let from = self.rng.below(OWN);
        let count = self.rng.between(1, 8.min(OWN - from));
        (to_usize(from), to_usize(count))
    }

    fn write(&mut self, volume: &Volume) {
        let (from, count) = self.range();
        let stamp = self.stamp();
        let at = (self.first + from as u64) * 4096;
        let data = page_buf(Pattern { stamp }, at, count as u64 * 4096);
        let ack = if self.rng.once_in(8) {
            Ack::Durable
        } else {
            Ack::Written
        };
        block_on(volume.write(VolumeOffset::new(at), data, ack)).unwrap();
        self.stamps[from..from + count].fill(stamp);
    }

    fn trim(&mut self, volume: &Volume) {
        let (from, count) = self.range();
        let at = VolumeOffset::new((self.first + from as u64) * 4096);
        block_on(volume.trim(at, count as u64 * 4096, Ack::Written)).unwrap();
        self.stamps[from..from + count].fill(0);
    }

    fn read(&mut self, volume: &Volume) {
        let (from, count) = self.range();
        self.compare(volume, from, count);
    }

    fn compare(&self, volume: &Volume, from: usize, count: usize) {
        let at = (self.first + from as u64) * 4096;
        let read = block_on(volume.read(VolumeOffset::new(at), count * 4096)).unwrap();
        let data = read
            .data()
            .map_or_else(|| vec![0; count * 4096], <[u8]>::to_vec);
        for (index, block) in data.chunks(4096).enumerate() {
            let stamp = self.stamps[from + index];
            let expected = page_buf(Pattern { stamp }, at + index as u64 * 4096, 4096);
            assert!(
                *block == expected[..],
                "thread {}: block {}",
                self.id,
                from + index
            );
        }
    }

    fn write_cell(&mut self, volume: &Volume) {
        let (at, bytes) = cell_range(self.rng.below(CELLS));
        let data = page_buf(
            Pattern {
                stamp: self.stamp(),
            },
            at,
            bytes,
        );
        block_on(volume.write(VolumeOffset::new(at), data, Ack::Written)).unwrap();
    }

    /// A cell is always written whole: what is read is one write, or the zeroes of the beginning.
    fn read_cell(&mut self, volume: &Volume) {
        let (at, bytes) = cell_range(self.rng.below(CELLS));
        let read = block_on(volume.read(VolumeOffset::new(at), to_usize(bytes))).unwrap();
        let Some(data) = read.data() else { return };
        check_cell(data, at);
    }

    /// Volumes come, grow, shrink and go beside all this.
    fn own_volume(&mut self, volumes: &Volumes) {
        let name = format!("own-{}", self.id);
        if volumes.open(&name).is_err() {
            block_on(volumes.create(&name, ByteCount::new(1 << 20))).unwrap();
        }
        let volume = volumes.open(&name).unwrap();
        let stamp = self.stamp();
        let data = page_buf(Pattern { stamp }, 8192, 300 << 10);
        block_on(volume.write(VolumeOffset::new(8192), data, Ack::Written)).unwrap();
        block_on(volumes.resize(&name, ByteCount::new(10_240))).unwrap();
        block_on(volumes.resize(&name, ByteCount::new(1 << 20))).unwrap();
        let read = block_on(volume.read(VolumeOffset::new(8192), 300 << 10)).unwrap();
        let mut expected = vec![0; 300 << 10];
        expected[..2048].copy_from_slice(&page_buf(Pattern { stamp }, 8192, 2048));
        assert!(
            read.data().unwrap() == expected,
            "behind a shrunk end there are zeroes"
        );
        if self.rng.once_in(3) {
            block_on(volumes.delete(&name)).unwrap();
            let gone = block_on(volume.read(VolumeOffset::new(0), 4096)).unwrap_err();
            assert!(matches!(gone, StoreError::NotFound { .. }), "{gone}");
        }
    }
}

/// The first word tells the write; what was read is that write to its last byte.
fn check_cell(data: &[u8], at: u64) {
    let word = u64::from_le_bytes(*data.first_chunk().unwrap());
    let stamp = Pattern::stamp_of(at / 4096, word);
    let expected = page_buf(Pattern { stamp }, at, data.len() as u64);
    assert!(
        *data == expected[..],
        "two writes, or a torn one, in the cell at {at}"
    );
}

#[test]
fn threads_with_regions_of_their_own_and_a_shared_one() {
    for seed in 1..=3 {
        println!("seed {seed}");
        run(seed);
    }
}

fn run(seed: u64) {
    let memory = if seed == 1 { 4 << 20 } else { 256 << 10 };
    let setup = Setup {
        capacity: 768 << 20,
        memory,
        ..Setup::small(seed)
    };
    let used = device(SimImage::default());
    setup.create(&used).unwrap();
    let used = device(used.process_kill_image());
    let volumes = setup.open(&used, 0).unwrap();
    volumes.pool().start_background().unwrap();
    let size = ByteCount::new((THREADS * OWN + CELLS * CELL_BLOCKS) * 4096);
    block_on(volumes.create("v", size)).unwrap();
    let volume = volumes.open("v").unwrap();
    let mut workers: Vec<Worker> = (0..THREADS).map(|id| Worker::new(id, seed)).collect();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let status = scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                let _ = volumes.pool().status();
                std::thread::yield_now();
            }
        });
        let threads: Vec<_> = workers
            .iter_mut()
            .map(|worker| scope.spawn(|| worker.run(&volumes, &volume)))
            .collect();
        let failed = threads
            .into_iter()
            .filter_map(|thread| thread.join().err())
            .next();
        done.store(true, Ordering::Relaxed);
        status.join().unwrap();
        if let Some(panic) = failed {
            std::panic::resume_unwind(panic);
        }
    });
    let compare = |volume: &Volume| {
        workers
            .iter()
            .for_each(|worker| worker.compare(volume, 0, to_usize(OWN)));
    };
    compare(&volume);
    block_on(volume.flush()).unwrap();
    // The power is cut with the background still at work.
    let left = used.crash_image(seed);
    volumes.pool().close().unwrap();
    for image in [left, used.crash_image(seed)] {
        let volumes = setup.open(&device(image), 1).unwrap();
        compare(&volumes.open("v").unwrap());
    }
}
