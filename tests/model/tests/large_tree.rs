//! A tree larger than the memory for it: leaves are evicted and read again all the time.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use engine_base::{ByteCount, VolumeOffset, to_usize};
use engine_device::{SimDevice, SimImage, SimOptions};
use engine_pool::block_on;
use engine_volume::{Ack, Volume, Volumes};
use tests_model::{Pattern, Rng, Setup, page_buf};

/// Operations, each on one block or a few.
const OPERATIONS: u64 = 700_000;
/// Operations between two openings.
const ROUND: u64 = 100_000;
/// Blocks that are ever used: runs of a few, spread over the volume.
const CELLS: u64 = 300_000;
const RUN: u64 = 3;
const STRIDE: u64 = 61 * 4096;
const SIZE: u64 = CELLS / RUN * STRIDE;

struct Run {
    rng: Rng,
    /// The stamp of each cell; 0: a hole.
    cells: Vec<u64>,
    stamp: u64,
}

fn offset(cell: u64) -> VolumeOffset {
    VolumeOffset::new(cell / RUN * STRIDE + cell % RUN * 4096)
}

fn device(image: SimImage) -> Arc<SimDevice> {
    let options = SimOptions {
        capacity: ByteCount::new(16 << 30),
        reads_yield: true,
        ..SimOptions::default()
    };
    Arc::new(SimDevice::from_image(image, options))
}

#[test]
fn a_tree_that_does_not_fit_in_memory() {
    let setup = Setup {
        capacity: 12 << 30,
        ..Setup::small(1)
    };
    let mut used = device(SimImage::default());
    setup.create(&used).unwrap();
    used = device(used.process_kill_image());
    let mut volumes = setup.open(&used, 0).unwrap();
    block_on(volumes.create("v", ByteCount::new(SIZE))).unwrap();
    let mut run = Run {
        rng: Rng::new(1),
        cells: vec![0; to_usize(CELLS)],
        stamp: 0,
    };
    for round in 0..OPERATIONS / ROUND {
        let volume = volumes.open("v").unwrap();
        run.round(&volumes, &volume);
        if round % 2 == 0 {
            volumes.pool().close().unwrap();
        }
        drop(volume);
        used = device(used.process_kill_image());
        volumes = setup.open(&used, round + 1).unwrap();
        let stored = run.cells.iter().filter(|stamp| **stamp != 0).count() as u64;
        let info = volumes.show("v").unwrap();
        assert_eq!(info.allocated.get(), stored * 4096);
        println!("{} operations, {stored} blocks", (round + 1) * ROUND);
    }
    let metrics = volumes.pool().metrics();
    println!("{} pages read since the last opening", metrics.page_reads);
    run.compare_all(&volumes.open("v").unwrap());
    assert!(
        volumes.pool().metrics().page_reads > 100,
        "the tree fits in memory: no test"
    );
    block_on(volumes.delete("v")).unwrap();
    for _ in 0..4 {
        volumes.pool().checkpoint().unwrap();
    }
    let status = volumes.pool().status();
    assert_eq!(status.live_data.get(), 0);
    assert!(
        status.segments.0 <= 4,
        "{} journal segments are left",
        status.segments.0
    );
}

impl Run {
    fn round(&mut self, volumes: &Volumes, volume: &Volume) {
        let mut left = ROUND;
        while left > 0 {
            let count = match self.rng.weighted(&[40, 5, 30, 6, 1]) {
                0 => self.write(volumes, volume, 1),
                1 => self.write(volumes, volume, 24),
                2 => self.read(volume),
                3 => self.trim(volume),
                _ => {
                    volumes.pool().checkpoint().unwrap();
                    1
                }
            };
            left = left.saturating_sub(count);
        }
    }

    /// Writes to `count` runs, all in flight at once.
    fn write(&mut self, volumes: &Volumes, volume: &Volume, count: u64) -> u64 {
        let mut runs: Vec<u64> = (0..count).map(|_| self.rng.below(CELLS / RUN)).collect();
        runs.sort_unstable();
        runs.dedup();
        let plug = volumes.pool().plug();
        let mut writes = Vec::new();
        for run in runs {
            let first = self.rng.below(RUN);
            let blocks = self.rng.between(1, RUN - first);
            self.stamp += 1;
            let cell = run * RUN + first;
            self.cells[to_usize(cell)..to_usize(cell + blocks)].fill(self.stamp);
            let data = page_buf(
                Pattern { stamp: self.stamp },
                offset(cell).get(),
                blocks * 4096,
            );
            let mut write = Box::pin(volume.write(offset(cell), data, Ack::Written));
            let mut context = std::task::Context::from_waker(std::task::Waker::noop());
            match write.as_mut().poll(&mut context) {
                std::task::Poll::Ready(result) => result.unwrap(),
                std::task::Poll::Pending => writes.push(write),
            }
        }
        drop(plug);
        writes
            .into_iter()
            .for_each(|write| block_on(write).unwrap());
        count
    }

    fn read(&mut self, volume: &Volume) -> u64 {
        let cell = self.rng.below(CELLS);
        self.compare(volume, cell);
        1
    }

    fn compare(&self, volume: &Volume, cell: u64) {
        let read = block_on(volume.read(offset(cell), 4096)).unwrap();
        let stamp = self.cells[to_usize(cell)];
        match read.data() {
            None => assert_eq!(stamp, 0, "cell {cell} is a hole"),
            Some(data) => {
                let expected = page_buf(Pattern { stamp }, offset(cell).get(), 4096);
                assert!(
                    stamp != 0 && *data == expected[..],
                    "cell {cell} is another"
                );
            }
        }
    }

    /// A cell, or the next thousand and what is between: more than one step.
    fn trim(&mut self, volume: &Volume) -> u64 {
        let cell = self.rng.below(CELLS);
        let count = if self.rng.once_in(200) {
            1000.min(CELLS - cell)
        } else {
            1
        };
        let bytes = offset(cell + count - 1).get() + 4096 - offset(cell).get();
        block_on(volume.trim(offset(cell), bytes, Ack::Written)).unwrap();
        self.cells[to_usize(cell)..to_usize(cell + count)].fill(0);
        1
    }

    fn compare_all(&self, volume: &Volume) {
        (0..CELLS).for_each(|cell| self.compare(volume, cell));
        let map = block_on(volume.map(VolumeOffset::new(0), SIZE, usize::MAX)).unwrap();
        let mut at = 0;
        let mut stored = 0;
        for run in map {
            if run.kind == engine_volume::MapKind::Data {
                let first = at / STRIDE * RUN + at % STRIDE / 4096;
                let cells = to_usize(first)..to_usize(first + run.bytes / 4096);
                assert!(
                    self.cells[cells].iter().all(|stamp| *stamp != 0),
                    "data where it was written"
                );
                stored += run.bytes / 4096;
            }
            at += run.bytes;
        }
        assert_eq!(at, SIZE);
        assert_eq!(
            stored,
            self.cells.iter().filter(|stamp| **stamp != 0).count() as u64
        );
    }
}
