//! Contents of objects.

use bytes::Bytes;
use engine_base::SeededEntropy;
use sha2::{Digest as _, Sha256};

use crate::sign::hex;

/// Objects begin so far from each other in the random bytes. It is odd, so no aligned block of one
/// is one of another: a server that stores equal blocks once gains nothing.
const STRIDE: usize = 4099;

/// An object's content and its hash.
pub(crate) struct Body {
    pub(crate) data: Bytes,
    pub(crate) sha256: String,
}

/// Contents of `count` objects.
pub(crate) fn bodies(count: usize, size: usize, seed: u64) -> Vec<Body> {
    let random = SeededEntropy::new(seed);
    let bytes = size + count * STRIDE;
    let words = (0..bytes.div_ceil(8)).flat_map(|_| random.next_u64().to_le_bytes());
    let all = Bytes::from_iter(words);
    let body = |index: usize| {
        let data = all.slice(index * STRIDE..index * STRIDE + size);
        let sha256 = hex(&Sha256::digest(&data));
        Body { data, sha256 }
    };
    (0..count).map(body).collect()
}
