//! Making signatures.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};

use super::Scope;
use crate::text::hex;

/// Signs what belongs to one request.
#[derive(Clone)]
pub(crate) struct Signer {
    key: [u8; 32],
    time: String,
    scope: String,
}

fn hmac(key: &[u8], data: &[u8]) -> [u8; 32] {
    // Any length of key is taken, so there is no other case.
    Hmac::<Sha256>::new_from_slice(key).map_or([0; 32], |mac| {
        mac.chain_update(data).finalize().into_bytes().into()
    })
}

impl Signer {
    pub(crate) fn new(secret: &str, scope: &Scope, time: &str) -> Self {
        let key = hmac(format!("AWS4{secret}").as_bytes(), scope.day.as_bytes());
        let key = hmac(&key, scope.region.as_bytes());
        let key = hmac(&key, scope.service.as_bytes());
        Self {
            key: hmac(&key, b"aws4_request"),
            time: time.to_owned(),
            scope: scope.text(),
        }
    }

    /// The signature of a request in its canonical form.
    pub(crate) fn sign_request(&self, canonical: &[u8]) -> String {
        let hash = hex(&Sha256::digest(canonical));
        self.sign("AWS4-HMAC-SHA256", &hash)
    }

    /// The signature of a chunk with that hash, after the one with signature `before`.
    pub(crate) fn sign_chunk(&self, before: &str, hash: &[u8]) -> String {
        let empty = hex(&Sha256::digest(b""));
        let rest = format!("{before}\n{empty}\n{}", hex(hash));
        self.sign("AWS4-HMAC-SHA256-PAYLOAD", &rest)
    }

    /// The signature of the headers behind the last chunk.
    pub(crate) fn sign_trailer(&self, before: &str, trailer: &[u8]) -> String {
        let rest = format!("{before}\n{}", hex(&Sha256::digest(trailer)));
        self.sign("AWS4-HMAC-SHA256-TRAILER", &rest)
    }

    fn sign(&self, algorithm: &str, rest: &str) -> String {
        let text = format!("{algorithm}\n{}\n{}\n{rest}", self.time, self.scope);
        hex(&hmac(&self.key, text.as_bytes()))
    }
}

/// Compares without telling by the time where the difference is.
pub(crate) fn is_same(a: &[u8], b: &[u8]) -> bool {
    let different = a.iter().zip(b).fold(0, |all, (a, b)| all | (a ^ b));
    a.len() == b.len() && std::hint::black_box(different) == 0
}
