use engine_base::SeededEntropy;
use md5::Digest as _;

use super::*;

fn expected(data: &[u8]) -> [u8; 16] {
    md5::Md5::digest(data).into()
}

fn bytes(count: usize, seed: u8) -> Vec<u8> {
    let byte = |index: usize| u8::try_from(index * 31 % 251).unwrap() ^ seed;
    (0..count).map(byte).collect()
}

#[test]
fn every_length_around_blocks_hashes_as_the_reference_does() {
    for count in (0..260).chain([4095, 4096, 4097, 100_000]) {
        let data = bytes(count, 0);
        for piece in [1, 7, 63, 64, 65, 1000, 200_000] {
            let mut md5 = Md5::new();
            data.chunks(piece).for_each(|piece| md5.update(piece));
            assert_eq!(md5.finish(), expected(&data), "{count} bytes by {piece}");
        }
    }
}

#[test]
fn bodies_hashed_in_step_hash_as_they_do_alone() {
    let seed = 7;
    println!("seed {seed}");
    let random = SeededEntropy::new(seed);
    let below = |max: u64| usize::try_from(random.next_u64() % max).unwrap();
    for round in 0..300 {
        let lanes = 1 + below(LANES as u64);
        let bodies: Vec<_> = (0..lanes)
            .map(|lane| bytes(below(3000), u8::try_from(lane).unwrap()))
            .collect();
        let mut hashes: Vec<_> = (0..lanes).map(|_| Md5::new()).collect();
        // Some bytes before, so that lanes stand at different places in their blocks.
        let heads: Vec<_> = bodies
            .iter()
            .map(|body| below(body.len() as u64 + 1))
            .collect();
        for ((md5, body), head) in hashes.iter_mut().zip(&bodies).zip(&heads) {
            md5.update(&body[..*head]);
        }
        let mut lanes: Vec<_> = hashes
            .iter_mut()
            .zip(&bodies)
            .zip(&heads)
            .map(|((md5, body), head)| Lane {
                md5,
                data: &body[*head..],
            })
            .collect();
        while !lanes.is_empty() {
            update_together(&mut lanes);
            let before = lanes.len();
            lanes.retain(|lane| !lane.data.is_empty());
            assert!(lanes.len() < before, "a lane ends in each turn");
        }
        for (md5, body) in hashes.into_iter().zip(&bodies) {
            assert_eq!(md5.finish(), expected(body), "round {round}");
        }
    }
}
