//! Contents that tell where they came from, and that a simulated device stores in little room.

/// What a write puts into a volume: one word per block, made of the write's stamp and the block's
/// number, so that a block of another write or at another place is noticed. Stamp 0 is zeroes.
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
            let word = self.word(at / 4096).to_le_bytes();
            for (index, byte) in head.iter_mut().enumerate() {
                *byte = word[(engine_base::to_usize(at % 8) + index) % 8];
            }
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
