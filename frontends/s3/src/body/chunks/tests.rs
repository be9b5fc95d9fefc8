use super::*;
use engine_base::{Entropy as _, SeededEntropy};

/// Decodes `body`, which comes in pieces of these sizes.
fn decode(body: &[u8], pieces: impl Fn(usize) -> usize) -> Option<Vec<u8>> {
    let mut chunks = Chunks::new(None, true);
    let (mut rest, mut data, mut index) = (body, Vec::new(), 0);
    while !rest.is_empty() {
        let (piece, later) = rest.split_at(pieces(index).clamp(1, rest.len()));
        let mut piece = Bytes::copy_from_slice(piece);
        while let Some(some) = chunks.decode(&mut piece).ok()? {
            data.extend_from_slice(&some);
        }
        assert!(piece.is_empty(), "all of it is consumed");
        (rest, index) = (later, index + 1);
    }
    chunks.end().ok()?;
    Some(data)
}

#[test]
fn it_does_not_matter_in_which_pieces_a_body_comes() {
    let body = b"4\r\nabcd\r\n1;x=y\r\ne\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n";
    for size in 1..body.len() {
        assert_eq!(
            decode(body, |_| size).as_deref(),
            Some(&b"abcde"[..]),
            "{size}"
        );
    }
}

#[test]
fn a_changed_byte_is_an_error_or_other_data_but_never_a_panic() {
    let seed = 7;
    println!("seed {seed}");
    let random = SeededEntropy::new(seed);
    let body = b"4\r\nabcd\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n";
    for at in 0..body.len() {
        for _ in 0..50 {
            let byte = random.id_bytes();
            let mut spoiled = body.to_vec();
            spoiled[at] = byte[0];
            let whole = decode(&spoiled, |_| spoiled.len());
            let pieces = decode(&spoiled, |index| 1 + (index + usize::from(byte[1])) % 5);
            assert_eq!(whole, pieces, "{spoiled:?}");
        }
    }
}

#[test]
fn a_body_that_is_cut_off_is_an_error() {
    let body = b"4\r\nabcd\r\n0\r\n\r\n";
    // The last empty line may be missing.
    for end in 0..body.len() - 2 {
        assert_eq!(decode(&body[..end], |_| 3), None, "{end}");
    }
}
