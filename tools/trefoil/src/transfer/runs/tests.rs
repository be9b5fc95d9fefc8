use engine_base::limits::BLOCK_BYTES;

use super::{Run, runs};

#[test]
fn runs_cover_the_buffer_and_alternate() {
    let mut bytes = vec![0; 5 * BLOCK_BYTES + 7];
    bytes[2 * BLOCK_BYTES] = 1;
    bytes[4 * BLOCK_BYTES - 1] = 1;
    let run = |range, zero| Run { range, zero };
    let found = runs(&bytes);
    let expected = [
        run(0..2 * BLOCK_BYTES, true),
        run(2 * BLOCK_BYTES..4 * BLOCK_BYTES, false),
        run(4 * BLOCK_BYTES..5 * BLOCK_BYTES + 7, true),
    ];
    assert_eq!(found, expected);
    assert!(runs(&[]).is_empty());
}

#[test]
fn one_byte_anywhere_makes_a_block_data() {
    for at in [0, 1, 15, 16, 17, 31, 32, BLOCK_BYTES / 2, BLOCK_BYTES - 1] {
        let mut block = vec![0; BLOCK_BYTES];
        block[at] = 0x80;
        assert!(!runs(&block)[0].zero, "byte {at}");
    }
    for length in [1, 15, 16, 17, 100] {
        assert!(runs(&vec![0; length])[0].zero, "length {length}");
        let mut tail = vec![0; length];
        tail[length - 1] = 1;
        assert!(!runs(&tail)[0].zero, "length {length}");
    }
}
