//! The compression function of RFC 1321, over several messages in step.
//!
//! Words of all lanes stand beside each other, so that the compiler makes one instruction of what
//! is done to each of them.

use std::array;

use super::BLOCK_BYTES;

const SINES: [u32; 64] = [
    0xd76a_a478,
    0xe8c7_b756,
    0x2420_70db,
    0xc1bd_ceee,
    0xf57c_0faf,
    0x4787_c62a,
    0xa830_4613,
    0xfd46_9501,
    0x6980_98d8,
    0x8b44_f7af,
    0xffff_5bb1,
    0x895c_d7be,
    0x6b90_1122,
    0xfd98_7193,
    0xa679_438e,
    0x49b4_0821,
    0xf61e_2562,
    0xc040_b340,
    0x265e_5a51,
    0xe9b6_c7aa,
    0xd62f_105d,
    0x0244_1453,
    0xd8a1_e681,
    0xe7d3_fbc8,
    0x21e1_cde6,
    0xc337_07d6,
    0xf4d5_0d87,
    0x455a_14ed,
    0xa9e3_e905,
    0xfcef_a3f8,
    0x676f_02d9,
    0x8d2a_4c8a,
    0xfffa_3942,
    0x8771_f681,
    0x6d9d_6122,
    0xfde5_380c,
    0xa4be_ea44,
    0x4bde_cfa9,
    0xf6bb_4b60,
    0xbebf_bc70,
    0x289b_7ec6,
    0xeaa1_27fa,
    0xd4ef_3085,
    0x0488_1d05,
    0xd9d4_d039,
    0xe6db_99e5,
    0x1fa2_7cf8,
    0xc4ac_5665,
    0xf429_2244,
    0x432a_ff97,
    0xab94_23a7,
    0xfc93_a039,
    0x655b_59c3,
    0x8f0c_cc92,
    0xffef_f47d,
    0x8584_5dd1,
    0x6fa8_7e4f,
    0xfe2c_e6e0,
    0xa301_4314,
    0x4e08_11a1,
    0xf753_7e82,
    0xbd3a_f235,
    0x2ad7_d2bb,
    0xeb86_d391,
];
const SHIFTS: [[u32; 4]; 4] = [
    [7, 12, 17, 22],
    [5, 9, 14, 20],
    [4, 11, 16, 23],
    [6, 10, 15, 21],
];

type Word<const N: usize> = [u32; N];

/// One of the 64 steps of a block.
#[inline(always)]
fn step<const N: usize, const INDEX: usize>(
    a: &mut Word<N>,
    [b, c, d]: [&Word<N>; 3],
    message: &[Word<N>; 16],
) {
    let round = INDEX / 16;
    let word = match round {
        0 => INDEX,
        1 => 5 * INDEX + 1,
        2 => 3 * INDEX + 5,
        _ => 7 * INDEX,
    } % 16;
    let before = *a;
    *a = array::from_fn(|lane| {
        let (b, c, d) = (b[lane], c[lane], d[lane]);
        let mixed = match round {
            0 => d ^ (b & (c ^ d)),
            1 => c ^ (d & (b ^ c)),
            2 => b ^ c ^ d,
            _ => c ^ (b | !d),
        };
        let known = before[lane].wrapping_add(message[word][lane]);
        let sum = known.wrapping_add(SINES[INDEX]).wrapping_add(mixed);
        sum.rotate_left(SHIFTS[round][INDEX % 4]).wrapping_add(b)
    });
}

macro_rules! steps {
    ($n:ident, $message:ident, $a:ident, $b:ident, $c:ident, $d:ident, $($index:literal)*) => {
        $(
            step::<$n, { $index }>(&mut $a, [&$b, &$c, &$d], &$message);
            step::<$n, { $index + 1 }>(&mut $d, [&$a, &$b, &$c], &$message);
            step::<$n, { $index + 2 }>(&mut $c, [&$d, &$a, &$b], &$message);
            step::<$n, { $index + 3 }>(&mut $b, [&$c, &$d, &$a], &$message);
        )*
    };
}

/// Hashes blocks of one message.
pub(super) fn compress(state: &mut [u32; 4], blocks: &[[u8; BLOCK_BYTES]]) {
    let mut states = [*state];
    compress_together(&mut states, &[blocks]);
    [*state] = states;
}

/// Hashes blocks of several messages, as many of each.
pub(super) fn compress_together<const N: usize>(
    states: &mut [[u32; 4]; N],
    messages: &[&[[u8; BLOCK_BYTES]]; N],
) {
    let blocks = messages.first().map_or(0, |blocks| blocks.len());
    let word = |index: usize| states.map(|state| state[index]);
    let [mut a, mut b, mut c, mut d] = [word(0), word(1), word(2), word(3)];
    for block in 0..blocks {
        let mut message = [[0; N]; 16];
        for (lane, blocks) in messages.iter().enumerate() {
            let (words, _) = blocks[block].as_chunks::<4>();
            for (to, bytes) in message.iter_mut().zip(words) {
                to[lane] = u32::from_le_bytes(*bytes);
            }
        }
        let before = [a, b, c, d];
        steps!(N, message, a, b, c, d, 0 4 8 12 16 20 24 28 32 36 40 44 48 52 56 60);
        for (word, before) in [&mut a, &mut b, &mut c, &mut d].into_iter().zip(before) {
            for (word, before) in word.iter_mut().zip(before) {
                *word = word.wrapping_add(before);
            }
        }
    }
    for (lane, state) in states.iter_mut().enumerate() {
        *state = [a[lane], b[lane], c[lane], d[lane]];
    }
}
