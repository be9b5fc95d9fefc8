use engine_base::SeededEntropy;

use super::{CHUNK, Chunks};
use crate::sim::survival::below;

#[test]
fn random_writes_read_back_as_from_plain_memory() {
    const BYTES: usize = 10 * CHUNK;
    for seed in 0..50 {
        let random = SeededEntropy::new(seed);
        let (mut chunks, mut model) = (Chunks::default(), vec![0; BYTES]);
        for _ in 0..100 {
            let offset = below(&random, BYTES);
            let bytes = below(&random, (BYTES - offset).min(3 * CHUNK) + 1);
            let fill = u8::try_from(below(&random, 256)).unwrap();
            let data: Vec<u8> = match below(&random, 3) {
                0 => vec![fill; bytes],
                1 => (offset..offset + bytes)
                    .map(|at| fill.wrapping_mul(at.to_le_bytes()[0] % 8))
                    .collect(),
                _ => (0..bytes)
                    .map(|_| random.next_u64().to_le_bytes()[0])
                    .collect(),
            };
            chunks.write(offset, &data);
            model[offset..offset + bytes].copy_from_slice(&data);
            let from = below(&random, BYTES);
            let mut buf = vec![0xee; below(&random, BYTES - from + 1)];
            chunks.read(from, &mut buf);
            assert!(
                buf == model[from..from + buf.len()],
                "seed {seed}, read from {from}"
            );
        }
    }
}

#[test]
fn repetitions_take_no_memory_of_their_own() {
    let mut chunks = Chunks::default();
    chunks.write(0, &vec![0x5a; 64 * CHUNK]);
    let stamp = 0x1122_3344_5566_7788_u64.to_le_bytes();
    chunks.write(64 * CHUNK, &stamp.repeat(64 * CHUNK / 8));
    assert_eq!(chunks.full_chunks(), 0);
    chunks.write(100, b"different");
    assert_eq!(chunks.full_chunks(), 1);
    chunks.write(96, &[0x5a; 32]);
    assert_eq!(chunks.full_chunks(), 0);
    let mut buf = [0; 24];
    chunks.read(64 * CHUNK + 4, &mut buf);
    assert_eq!(buf[4..12], stamp);
}

#[test]
fn equal_bytes_share_memory() {
    let (mut ours, mut theirs) = (Chunks::default(), Chunks::default());
    let bytes: Vec<u8> = (0..2 * CHUNK)
        .map(|at| (at / 16).to_le_bytes()[0])
        .collect();
    ours.write(0, &bytes);
    theirs.write(0, &bytes);
    theirs.write(5, b"x");
    ours.share(&theirs, 0, bytes.len());
    let shared = |index| match (&ours.0[&index], &theirs.0[&index]) {
        (super::Chunk::Bytes(a), super::Chunk::Bytes(b)) => std::sync::Arc::ptr_eq(a, b),
        other => panic!("{other:?}"),
    };
    assert!(!shared(0) && shared(1));
}
