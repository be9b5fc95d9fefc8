//! Spoiling the bytes of requests, and framing bodies in chunks, rightly and wrongly.

use sha2::{Digest as _, Sha256};

use super::random::Random;
use crate::client::{Ask, Signer, hex};

/// Changes, removes or repeats some bytes, or cuts off the end.
pub(super) fn spoil(random: &mut Random, bytes: &mut Vec<u8>) {
    for _ in 0..=random.below(4) {
        if bytes.is_empty() {
            return;
        }
        // Most of what decides stands in the head.
        let reach = if random.one_in(2) { 400 } else { bytes.len() };
        let at = random.below(reach.min(bytes.len()));
        match random.below(6) {
            0 => bytes[at] = random.byte(),
            1 => bytes[at] ^= 1 << random.below(8),
            2 => drop(bytes.remove(at)),
            3 => drop(bytes.splice(at..at, *random.of(&[*b"\r\n", *b"\n\n", *b"\0\0", *b": "]))),
            4 => {
                let end = (at + random.below(60)).min(bytes.len());
                let piece = bytes[at..end].to_vec();
                bytes.splice(at..at, piece);
            }
            _ => bytes.truncate(at),
        }
    }
}

/// Signs a request whose body comes in chunks; half of the bodies are framed wrongly.
pub(super) fn chunked(random: &mut Random, ask: &mut Ask, signer: &Signer, host: &str) {
    let data = std::mem::take(&mut ask.body);
    let is_signed = random.one_in(2);
    let has_trailer = !is_signed || random.one_in(2);
    let payload = match (is_signed, has_trailer) {
        (true, false) => "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
        (true, true) => "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
        (false, _) => "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
    };
    ask.payload = Some(payload.to_owned());
    let declared = data.len() + usize::from(random.one_in(10));
    let headers = &mut ask.headers;
    headers.insert("x-amz-decoded-content-length".into(), declared.to_string());
    if has_trailer {
        headers.insert("x-amz-trailer".into(), "x-amz-checksum-crc32".into());
    }
    let mut before = signer.sign_headers(ask, host);
    let mut rest = &data[..];
    let mut body = Vec::new();
    loop {
        let (chunk, later) = rest.split_at(random.below(rest.len() + 1));
        rest = later;
        body.extend(size(random, chunk.len()).into_bytes());
        if is_signed {
            let empty = hex(&Sha256::digest(b""));
            let text = format!("{before}\n{empty}\n{}", hex(&Sha256::digest(chunk)));
            before = signer.sign("AWS4-HMAC-SHA256-PAYLOAD", &text);
            body.extend(format!(";chunk-signature={before}").into_bytes());
        }
        body.extend(b"\r\n");
        body.extend(chunk);
        if chunk.is_empty() {
            break;
        }
        body.extend(b"\r\n");
    }
    if has_trailer && !random.one_in(4) {
        body.extend(random.of(&TRAILERS).bytes());
    }
    body.extend(b"\r\n");
    if random.one_in(3) {
        spoil(random, &mut body);
    }
    ask.body = body;
}

const TRAILERS: [&str; 7] = [
    "x-amz-checksum-crc32:AAAAAA==\r\n",
    "x-amz-checksum-crc32:AAAAAA==\r\nx-amz-checksum-crc32:AAAAAA==\r\n",
    "x-amz-checksum-sha256:AAAA\r\n",
    "x-amz-trailer-signature:0000\r\n",
    ":\r\n",
    "no header\r\n",
    "\u{fc}:\u{fc}\r\n",
];

/// The size of a chunk as its line says it, mostly the true one.
fn size(random: &mut Random, bytes: usize) -> String {
    match random.below(40) {
        0 => "ffffffffffffffff".to_owned(),
        1 => "-1".to_owned(),
        2 => "0".repeat(300),
        3 => format!("{:x}", bytes + 1),
        4 => format!("{:X}", bytes),
        _ => format!("{bytes:x}"),
    }
}
