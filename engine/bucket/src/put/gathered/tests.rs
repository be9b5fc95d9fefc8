use super::*;

fn bytes(count: usize) -> Vec<u8> {
    let byte = |index: usize| u8::try_from(index % 251).unwrap() + 1;
    (0..count).map(byte).collect()
}

fn gather(pieces: &[usize], expected: u64) -> (Vec<u8>, Gathered) {
    let all = bytes(pieces.iter().sum());
    let mut gathered = Gathered::default();
    let mut at = 0;
    for piece in pieces {
        let left = expected.saturating_sub(at as u64);
        gathered.add(&all[at..at + piece], left);
        at += piece;
    }
    (all, gathered)
}

#[test]
fn bytes_come_out_as_they_came_in_whatever_was_expected() {
    for pieces in [
        &[1][..],
        &[4096],
        &[4095, 1, 1],
        &[10, 5000, 70_000, 3],
        &[65_536; 16],
        &[WRITE_BYTES_MAX],
    ] {
        let sum: usize = pieces.iter().sum();
        for expected in [0, 1, sum as u64, 10 * sum as u64, u64::MAX] {
            let (all, gathered) = gather(pieces, expected);
            assert_eq!(gathered.bytes(), all);
            assert_eq!(gathered.room(), WRITE_BYTES_MAX - all.len());
            let blocks = gathered.into_blocks();
            assert_eq!(blocks.len(), in_blocks(all.len()));
            assert_eq!(&blocks[..all.len()], all);
            assert!(blocks[all.len()..].iter().all(|byte| *byte == 0));
        }
    }
}

#[test]
fn memory_is_taken_once_for_what_is_expected() {
    let mut gathered = Gathered::default();
    gathered.add(&[1], 300_000);
    let start = gathered.bytes().as_ptr();
    for _ in 0..74 {
        gathered.add(&[2; 4000], 0);
    }
    assert_eq!(gathered.bytes().as_ptr(), start);
}

#[test]
fn nothing_comes_to_no_block() {
    assert_eq!(Gathered::default().into_blocks().len(), 0);
}
