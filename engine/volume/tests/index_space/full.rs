//! A pool that is full most of the time.

use std::sync::Arc;

use engine_base::{ByteCount, ErrorKind, SeededEntropy, VolumeOffset};
use engine_device::SimDevice;
use engine_pool::block_on;
use engine_volume::{Ack, Volumes};

use super::{BLOCK, MIB, new_device, open, reboot, write_blocks};

/// Changes until the pool is full, again and again, with crashes between. Only data may be refused.
struct FullPool {
    seed: u64,
    random: SeededEntropy,
    device: Arc<SimDevice>,
    volumes: Volumes,
    /// What each block of the volume was last written with; 0: a hole. Writes that were refused
    /// leave a block as it was.
    blocks: Vec<u8>,
    refused: usize,
}

/// Twice what the pool has room for.
const FULL_BLOCKS: u64 = 64 * MIB / BLOCK * 2;

impl FullPool {
    fn new(seed: u64) -> Self {
        let device = new_device(65 * MIB);
        let volumes = open(&device, 4 * MIB);
        block_on(volumes.create("v", ByteCount::new(FULL_BLOCKS * BLOCK))).unwrap();
        Self {
            seed,
            random: SeededEntropy::new(seed),
            device,
            volumes,
            blocks: vec![0; usize::try_from(FULL_BLOCKS).unwrap()],
            refused: 0,
        }
    }

    fn below(&self, bound: u64) -> u64 {
        self.random.next_u64() % bound
    }

    fn write(&mut self, blocks: &[u64], byte: u8) {
        let volume = self.volumes.open("v").unwrap();
        for block_index in blocks {
            match write_blocks(&volume, [*block_index], byte) {
                Ok(()) => self.blocks[usize::try_from(*block_index).unwrap()] = byte,
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::NoSpace, "{error}");
                    self.refused += 1;
                    return;
                }
            }
        }
    }

    fn trim(&mut self, first: u64, count: u64) {
        let volume = self.volumes.open("v").unwrap();
        let (at, bytes) = (VolumeOffset::new(first * BLOCK), count * BLOCK);
        let trimmed = block_on(volume.trim(at, bytes, Ack::Durable));
        trimmed.unwrap_or_else(|error| panic!("{}: {error}", self.place()));
        let range = usize::try_from(first).unwrap()..usize::try_from(first + count).unwrap();
        self.blocks[range].fill(0);
    }

    fn place(&self) -> String {
        format!("seed {}: {:?}", self.seed, self.volumes.pool().status())
    }

    fn step(&mut self, round: u64) {
        let byte = u8::try_from(round % 251 + 1).unwrap();
        match self.below(12) {
            0..=3 => {
                let first = self.below(FULL_BLOCKS - 3000);
                let blocks: Vec<u64> = (first..first + 3000).collect();
                self.write(&blocks, byte);
            }
            4..=6 => {
                let blocks: Vec<u64> = (0..200).map(|_| self.below(FULL_BLOCKS)).collect();
                self.write(&blocks, byte);
            }
            7 | 8 => {
                let count = 1 + self.below(4000);
                self.trim(self.below(FULL_BLOCKS - count), count);
            }
            9 => (0..20).for_each(|_| self.trim(self.below(FULL_BLOCKS - 2), 1)),
            10 => self.take_a_checkpoint(),
            _ => self.reopen(),
        }
        // Something small comes and goes; on a full pool it is refused.
        if round.is_multiple_of(16) {
            match block_on(self.volumes.create("w", ByteCount::new(MIB))) {
                Ok(_) => {
                    let deleted = block_on(self.volumes.delete("w"));
                    deleted.unwrap_or_else(|error| panic!("{}: {error}", self.place()));
                }
                Err(error) => assert_eq!(error.kind(), ErrorKind::NoSpace, "{error}"),
            }
        }
    }

    fn take_a_checkpoint(&self) {
        let taken = self.volumes.pool().checkpoint();
        taken.unwrap_or_else(|error| panic!("{}: {error}", self.place()));
    }

    fn reopen(&mut self) {
        self.device = reboot(&self.device);
        self.volumes = open(&self.device, 4 * MIB);
    }

    fn compare(&self) {
        let volume = self.volumes.open("v").unwrap();
        for (block_index, byte) in (0..).zip(&self.blocks).step_by(7) {
            let at = VolumeOffset::new(block_index * BLOCK);
            let read = block_on(volume.read(at, 4096)).unwrap();
            let first = read.data().map_or(0, |data| data[0]);
            assert_eq!(first, *byte, "seed {}, block {block_index}", self.seed);
        }
        let written = self.blocks.iter().filter(|byte| **byte != 0).count() as u64;
        assert_eq!(
            self.volumes.pool().status().live_data.get(),
            written * BLOCK
        );
    }
}

#[test]
fn a_full_pool_trims_deletes_takes_checkpoints_and_opens_for_ever() {
    for seed in [11, 12] {
        let mut pool = FullPool::new(seed);
        for round in 0..500 {
            pool.step(round);
            if round % 50 == 49 {
                pool.compare();
            }
        }
        assert!(
            pool.refused > 20,
            "the pool was full {} times",
            pool.refused
        );
        pool.trim(0, FULL_BLOCKS);
        (0..3).for_each(|_| pool.take_a_checkpoint());
        pool.compare();
        assert!(
            pool.volumes.pool().status().available.get() > 20 * MIB,
            "{}",
            pool.place()
        );
    }
}
