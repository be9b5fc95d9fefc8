//! Bodies in chunks.

use sha2::{Digest as _, Sha256};

use crate::client::{Answer, Ask, hex};
use crate::sums::{CHECK, absent, base64};
use crate::{TIME, World, ask, pattern};

/// How a body in chunks is made.
struct Chunked {
    sizes: Vec<usize>,
    signed: bool,
    trailer: Option<(String, String)>,
    /// Something goes wrong.
    spoil: &'static str,
}

fn send_chunked(world: &World, data: &[u8], how: &Chunked) -> Answer {
    let mut put: Ask = ask("PUT", "/bkt/key").header("content-encoding", "aws-chunked");
    let payload = match (how.signed, &how.trailer) {
        (true, None) => "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
        (true, Some(_)) => "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
        (false, _) => "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
    };
    put.payload = Some(payload.to_owned());
    let declared = data.len() + usize::from(how.spoil == "length");
    let headers = &mut put.headers;
    headers.insert("x-amz-decoded-content-length".into(), declared.to_string());
    if let Some((name, _)) = &how.trailer {
        headers.insert("x-amz-trailer".into(), name.clone());
    }
    let signer = world.signer("admin");
    let mut before = signer.sign_headers(&mut put, &world.host());
    let (mut rest, mut body) = (data, Vec::new());
    let sizes = how.sizes.iter().copied().chain([0]);
    for size in sizes {
        let (chunk, later) = rest.split_at(size);
        rest = later;
        body.extend(format!("{size:x}").into_bytes());
        if how.signed {
            let empty = hex(&Sha256::digest(b""));
            let text = format!("{before}\n{empty}\n{}", hex(&Sha256::digest(chunk)));
            before = signer.sign("AWS4-HMAC-SHA256-PAYLOAD", &text);
            let shown = if how.spoil == "signature" {
                before.replace('a', "b")
            } else {
                before.clone()
            };
            body.extend(format!(";chunk-signature={shown}").into_bytes());
        }
        body.extend(b"\r\n");
        let at = body.len();
        body.extend(chunk);
        if how.spoil == "data" && size > 0 {
            body[at] ^= 1;
        }
        if size > 0 {
            body.extend(b"\r\n");
        }
    }
    if let Some((name, value)) = &how.trailer {
        body.extend(format!("{name}:{value}\r\n").into_bytes());
        if how.signed {
            let canonical = format!("{name}:{value}\n");
            let hash = hex(&Sha256::digest(canonical.as_bytes()));
            let mut signature =
                signer.sign("AWS4-HMAC-SHA256-TRAILER", &format!("{before}\n{hash}"));
            if how.spoil == "trailer signature" {
                signature = "0".repeat(64);
            }
            body.extend(format!("x-amz-trailer-signature:{signature}\r\n").into_bytes());
        }
    }
    body.extend(b"\r\n");
    if how.spoil == "end" {
        let keep = body.len() - 40;
        body.truncate(keep);
    }
    put.body = body;
    assert_eq!(signer.time, TIME);
    world.send_plain(&put)
}

fn trailer(value: &[u8]) -> Option<(String, String)> {
    Some(("x-amz-checksum-crc32".to_owned(), base64(value)))
}

#[test]
fn bodies_in_chunks_come_through() {
    let world = World::with_bucket();
    let data = pattern(200_000, 3);
    for sizes in [
        vec![200_000],
        vec![65_536, 65_536, 65_536, 3392],
        vec![1, 199_999],
    ] {
        for signed in [true, false] {
            let how = Chunked {
                sizes: sizes.clone(),
                signed,
                trailer: (!signed).then(|| ("x-amz-meta-ignored".into(), "1".into())),
                spoil: "",
            };
            send_chunked(&world, &data, &how).expect(200);
            let got = world.get("/bkt/key").expect(200);
            assert!(got.body == data, "{sizes:?} {signed}");
            assert_eq!(
                got.header("content-encoding"),
                "",
                "how it came is not what it is"
            );
        }
    }
    for signed in [true, false] {
        let how = Chunked {
            sizes: vec![4, 5],
            signed,
            trailer: trailer(CHECK[0].1),
            spoil: "",
        };
        let put = send_chunked(&world, b"123456789", &how).expect(200);
        assert_eq!(put.header("x-amz-checksum-crc32"), base64(CHECK[0].1));
    }
    world.stop();
}

#[test]
fn spoiled_chunks_publish_nothing() {
    let world = World::with_bucket();
    let cases = [
        (true, "signature", 403, "SignatureDoesNotMatch"),
        (true, "data", 403, "SignatureDoesNotMatch"),
        (true, "trailer signature", 403, "SignatureDoesNotMatch"),
        (true, "end", 400, "IncompleteBody"),
        (true, "length", 400, "IncompleteBody"),
        (false, "length", 400, "IncompleteBody"),
        (false, "data", 400, "BadDigest"),
    ];
    for (signed, spoil, status, code) in cases {
        let how = Chunked {
            sizes: vec![4, 5],
            signed,
            trailer: trailer(CHECK[0].1),
            spoil,
        };
        let answer = send_chunked(&world, b"123456789", &how);
        assert_eq!(
            (answer.status, &answer.code()[..]),
            (status, code),
            "{signed} {spoil}"
        );
        absent(&world);
    }
    let wrong = Chunked {
        sizes: vec![9],
        signed: false,
        trailer: trailer(CHECK[1].1),
        spoil: "",
    };
    send_chunked(&world, b"123456789", &wrong).refused(400, "BadDigest");
    absent(&world);
    world.stop();
}

#[test]
fn the_size_of_a_chunk_that_a_client_declares_costs_nothing() {
    let world = World::with_bucket();
    let mut put = ask("PUT", "/bkt/key");
    put.payload = Some("STREAMING-UNSIGNED-PAYLOAD-TRAILER".to_owned());
    let headers = &mut put.headers;
    headers.insert("x-amz-decoded-content-length".into(), "9".into());
    headers.insert("x-amz-trailer".into(), "x-amz-checksum-crc32".into());
    world.signer("admin").sign_headers(&mut put, &world.host());
    for size in [
        "ffffffffffffffff",
        "10000000000000000",
        "-1",
        "",
        "+9",
        "0x9",
    ] {
        let mut spoiled = put.clone();
        spoiled.body = format!("{size}\r\n123456789\r\n0\r\n\r\n").into_bytes();
        let answer = world.send_plain(&spoiled);
        assert_eq!(answer.status, 400, "{size}: {}", answer.text());
    }
    let mut long = put.clone();
    long.body = vec![b'0'; 100_000];
    assert_eq!(world.send_plain(&long).status, 400);
    absent(&world);
    world.stop();
}

#[test]
fn trailers_that_are_not_as_announced_publish_nothing() {
    let world = World::with_bucket();
    let right = format!("x-amz-checksum-crc32:{}\r\n", base64(CHECK[0].1));
    let wrong = "x-amz-checksum-crc32:AAAAAA==\r\n";
    let put = |trailer: &str| {
        let mut put = ask("PUT", "/bkt/key");
        put.payload = Some("STREAMING-UNSIGNED-PAYLOAD-TRAILER".to_owned());
        let headers = &mut put.headers;
        headers.insert("x-amz-decoded-content-length".into(), "9".into());
        headers.insert("x-amz-trailer".into(), "x-amz-checksum-crc32".into());
        world.signer("admin").sign_headers(&mut put, &world.host());
        put.body = format!("9\r\n123456789\r\n0\r\n{trailer}\r\n").into_bytes();
        world.send_plain(&put)
    };
    for (trailer, code) in [
        ("", "MalformedTrailerError"),
        (
            "x-amz-checksum-crc32c:4waSgw==\r\n",
            "MalformedTrailerError",
        ),
        ("x-amz-checksum-crc32:\r\n", "InvalidRequest"),
        ("x-amz-checksum-crc32:no base64\r\n", "InvalidRequest"),
        ("x-amz-checksum-crc32\r\n", "InvalidRequest"),
        (":\r\n", "InvalidRequest"),
        (&format!("{wrong}{right}"), "InvalidRequest"),
        (&format!("{right}{wrong}"), "InvalidRequest"),
        (wrong, "BadDigest"),
        (
            &format!("x-more:{}\r\n{right}", "x".repeat(5000)),
            "InvalidRequest",
        ),
    ] {
        let answer = put(trailer);
        assert_eq!(
            (answer.status, &answer.code()[..]),
            (400, code),
            "{trailer:?}"
        );
        absent(&world);
    }
    put(&right).expect(200);
    world.stop();
}
