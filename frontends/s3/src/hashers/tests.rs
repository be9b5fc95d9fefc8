use md5::Digest as _;

use super::*;

fn bytes(count: usize, seed: usize) -> Vec<u8> {
    (0..count)
        .map(|index| u8::try_from((index * 7 + seed) % 251).unwrap())
        .collect()
}

/// Hashes a body that comes in pieces.
async fn hash(hashers: &Hashers, data: &[u8], piece: usize) -> [u8; 16] {
    let mut hash = hashers.body();
    for piece in data.chunks(piece) {
        hash.add(Bytes::copy_from_slice(piece)).await.unwrap();
        assert!(hash.waiting_bytes < WAITING_BYTES_MAX);
    }
    hash.finish().await.unwrap()
}

#[tokio::test]
async fn many_bodies_at_once_have_their_own_hashes() {
    for threads in [1, 3] {
        let hashers = Hashers::start(threads).unwrap();
        let bodies: Vec<_> = (0..11).map(|seed| bytes(seed * 333_333, seed)).collect();
        let hashes = bodies.iter().enumerate().map(|(index, body)| {
            let piece = 1 + index * 20_000;
            hash(&hashers, body, piece.max(1000))
        });
        let hashes = futures_util::future::join_all(hashes).await;
        for (hash, body) in hashes.iter().zip(&bodies) {
            let expected: [u8; 16] = md5::Md5::digest(body).into();
            assert_eq!(*hash, expected);
        }
    }
}

/// Each piece that is kept may keep a buffer of many times its size.
#[tokio::test]
async fn a_body_in_tiny_pieces_is_held_in_few_buffers() {
    let hashers = Hashers::start(0).unwrap();
    let data = Bytes::from(bytes(WAITING_BYTES_MAX - 1, 5));
    let mut hash = hashers.body();
    for at in 0..data.len() {
        hash.add(data.slice(at..=at)).await.unwrap();
    }
    let queue = hashers.shared.queue.lock();
    let queued = queue.jobs.iter().map(|job| job.data.len());
    let held = queued.sum::<usize>() + hash.waiting.len();
    assert!(held <= WAITING_BYTES_MAX / TOGETHER_BYTES, "{held} buffers");
}

#[tokio::test]
async fn a_body_that_is_given_up_leaves_the_others_alone() {
    let hashers = Hashers::start(1).unwrap();
    let data = bytes(2 << 20, 1);
    let mut given_up = hashers.body();
    for piece in data.chunks(64 << 10).take(10) {
        given_up.add(Bytes::copy_from_slice(piece)).await.unwrap();
    }
    drop(given_up);
    let expected: [u8; 16] = md5::Md5::digest(&data).into();
    assert_eq!(hash(&hashers, &data, 64 << 10).await, expected);
}

#[tokio::test]
async fn without_threads_a_body_fails_and_does_not_wait() {
    let hashers = Hashers::start(0).unwrap();
    let mut hash = hashers.body();
    hash.add(Bytes::from(bytes(JOB_BYTES, 0))).await.unwrap();
    let queued = mem::take(&mut hashers.shared.queue.lock().jobs);
    drop(queued);
    assert!(hash.finish().await.is_err());
}
