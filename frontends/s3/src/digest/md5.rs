//! MD5, which entity tags are: of one body, or of several bodies side by side.
//!
//! Each step of MD5 waits for the one before, so one body leaves most of a processor idle. Bodies
//! that are hashed in step, a block of each at a time, take little longer than one of them: four
//! are hashed in a third of the time that they take one after the other.

mod compress;

use std::array;

use compress::{compress, compress_together};

/// Bytes that MD5 takes at a time.
const BLOCK_BYTES: usize = 64;
/// Bodies that are hashed in step at most: their state fits the registers of any processor.
pub(crate) const LANES: usize = 4;
/// Where the length of the message stands in its last block.
const LENGTH_AT: usize = BLOCK_BYTES - 8;
const BEGINNING: [u32; 4] = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476];

/// The hash of a body so far.
#[derive(Debug, Clone)]
pub(crate) struct Md5 {
    state: [u32; 4],
    /// Bytes so far.
    bytes: u64,
    /// The beginning of a block, as long as `bytes` says.
    rest: [u8; BLOCK_BYTES],
}

/// A body, and what comes next of it.
pub(crate) struct Lane<'a> {
    pub(crate) md5: &'a mut Md5,
    pub(crate) data: &'a [u8],
}

impl Md5 {
    pub(crate) const fn new() -> Self {
        Self {
            state: BEGINNING,
            bytes: 0,
            rest: [0; BLOCK_BYTES],
        }
    }

    fn rest_bytes(&self) -> usize {
        usize::try_from(self.bytes % BLOCK_BYTES as u64).unwrap_or(0)
    }

    pub(crate) fn update(&mut self, mut data: &[u8]) {
        data = self.fill(data);
        let (blocks, _) = data.as_chunks::<BLOCK_BYTES>();
        compress(&mut self.state, blocks);
        self.advance(blocks.len(), &mut data);
        let rest = self.fill(data);
        debug_assert!(rest.is_empty(), "less than a block was left");
    }

    /// Ends a block that was begun, or begins one that `data` does not fill; what is left then: if
    /// anything is, it begins at the start of a block.
    fn fill<'a>(&mut self, data: &'a [u8]) -> &'a [u8] {
        let begun = self.rest_bytes();
        if begun == 0 && data.len() >= BLOCK_BYTES {
            return data;
        }
        let (now, later) = data.split_at(data.len().min(BLOCK_BYTES - begun));
        let end = begun + now.len();
        self.rest[begun..end].copy_from_slice(now);
        self.bytes += now.len() as u64;
        if end == BLOCK_BYTES {
            compress(&mut self.state, &[self.rest]);
        }
        later
    }

    /// Notes that blocks at the beginning of `data` were hashed.
    fn advance(&mut self, blocks: usize, data: &mut &[u8]) {
        let bytes = blocks * BLOCK_BYTES;
        self.bytes += bytes as u64;
        *data = &data[bytes..];
    }

    pub(crate) fn finish(mut self) -> [u8; 16] {
        let bits = self.bytes.wrapping_mul(8).to_le_bytes();
        let begun = self.rest_bytes();
        self.rest[begun] = 0x80;
        self.rest[begun + 1..].fill(0);
        if begun >= LENGTH_AT {
            compress(&mut self.state, &[self.rest]);
            self.rest.fill(0);
        }
        self.rest[LENGTH_AT..].copy_from_slice(&bits);
        compress(&mut self.state, &[self.rest]);
        let mut hash = [0; 16];
        for (to, word) in hash.chunks_exact_mut(4).zip(self.state) {
            to.copy_from_slice(&word.to_le_bytes());
        }
        hash
    }
}

/// Hashes the data of all lanes until one of them, or more, has none left. At most [`LANES`].
pub(crate) fn update_together(lanes: &mut [Lane<'_>]) {
    for lane in lanes.iter_mut() {
        lane.data = lane.md5.fill(lane.data);
    }
    let blocks = lanes.iter().map(|lane| lane.data.len() / BLOCK_BYTES);
    let blocks = blocks.min().unwrap_or(0);
    match lanes.len() {
        0 => {}
        1 => in_step::<1>(lanes, blocks),
        2 => in_step::<2>(lanes, blocks),
        _ => in_step::<LANES>(lanes, blocks),
    }
    for lane in lanes {
        if lane.data.len() < BLOCK_BYTES {
            lane.data = lane.md5.fill(lane.data);
        }
    }
}

/// Hashes so many blocks of each lane. Where there are fewer than `N` the last stands for those
/// that are missing, which costs nothing.
fn in_step<const N: usize>(lanes: &mut [Lane<'_>], blocks: usize) {
    let last = lanes.len() - 1;
    let data = array::from_fn(|index| {
        let (all, _) = lanes[index.min(last)].data.as_chunks::<BLOCK_BYTES>();
        &all[..blocks]
    });
    let mut states: [_; N] = array::from_fn(|index| lanes[index.min(last)].md5.state);
    compress_together(&mut states, &data);
    for (lane, state) in lanes.iter_mut().zip(states) {
        lane.md5.state = state;
        lane.md5.advance(blocks, &mut lane.data);
    }
}

#[cfg(test)]
mod tests;
