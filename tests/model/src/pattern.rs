//! Contents that tell where they came from, and that a simulated device stores in little room.

/// What a write puts into a volume: one word per block, made of the write's stamp and the block's
/// number, so that a block of another write or at another place is noticed. Stamp 0 is zeroes. The
/// blocks of some stamps go on with what cannot be compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pattern {
    /// Tells writes apart.
    pub stamp: u64,
}

impl Pattern {
    /// Zeroes.
    pub const ZERO: Self = Self { stamp: 0 };

    /// Fills `to`, whose first byte lies at byte `offset` of the volume.
    pub fn fill(self, offset: u64, to: &mut [u8]) {
        let mut at = offset;
        let mut rest = to;
        while !rest.is_empty() {
            let in_block = (4096 - at % 4096).min(rest.len() as u64);
            let (head, tail) = rest.split_at_mut(engine_base::to_usize(in_block));
            let mut block = [0; 4096];
            self.fill_block(at / 4096, &mut block);
            let from = engine_base::to_usize(at % 4096);
            head.copy_from_slice(&block[from..from + head.len()]);
            at += in_block;
            rest = tail;
        }
    }

    /// The stamp of the write that put `word` into block `block`.
    #[must_use]
    pub fn stamp_of(block: u64, word: u64) -> u64 {
        if word == 0 {
            return 0;
        }
        (word ^ block.rotate_left(40)).wrapping_mul(inverse(FACTOR))
    }

    fn fill_block(self, block: u64, to: &mut [u8; 4096]) {
        let first = self.word(block);
        let mut word = first;
        for bytes in to.chunks_exact_mut(8) {
            bytes.copy_from_slice(&word.to_le_bytes());
            if self.stamp % 8 == 5 {
                // Xorshift: never zero where it was not.
                word ^= word << 13;
                word ^= word >> 7;
                word ^= word << 17;
            }
        }
    }

    fn word(self, block: u64) -> u64 {
        if self.stamp == 0 {
            return 0;
        }
        self.stamp.wrapping_mul(FACTOR) ^ block.rotate_left(40)
    }
}

/// Odd, so that no two stamps give the same word.
const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;

/// The number that undoes a multiplication by an odd one (Newton's iteration).
fn inverse(odd: u64) -> u64 {
    let mut inverse = odd;
    for _ in 0..6 {
        inverse = inverse.wrapping_mul(2u64.wrapping_sub(odd.wrapping_mul(inverse)));
    }
    inverse
}
