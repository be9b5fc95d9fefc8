//! Bodies: what was promised of them is true, or nothing is published.

use sha2::{Digest as _, Sha256};

use crate::client::{Answer, Ask, hex};
use crate::{TIME, World, ask, pattern};

fn base64(bytes: &[u8]) -> String {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let mut number = 0_u32;
        for index in 0..3 {
            number = number << 8 | u32::from(three.get(index).copied().unwrap_or(0));
        }
        for index in 0..4 {
            let place = usize::try_from(number >> (18 - 6 * index) & 63).unwrap();
            let is_there = index <= three.len();
            text.push(if is_there {
                char::from(alphabet[place])
            } else {
                '='
            });
        }
    }
    text
}

/// Of `123456789`, as the catalogues of checksums have them.
const CHECK: [(&str, &[u8]); 3] = [
    ("crc32", &[0xcb, 0xf4, 0x39, 0x26]),
    ("crc32c", &[0xe3, 0x06, 0x92, 0x83]),
    (
        "crc64nvme",
        &[0xae, 0x8b, 0x14, 0x86, 0x0a, 0x79, 0x98, 0x88],
    ),
];

fn absent(world: &World) {
    world.get("/bkt/key").refused(404, "NoSuchKey");
}

#[test]
fn checksums_in_headers_are_verified_kept_and_returned() {
    let world = World::with_bucket();
    let data = b"123456789";
    let sha1 = [
        0xf7, 0xc3, 0xbc, 0x1d, 0x80, 0x8e, 0x04, 0x73, 0x2a, 0xdf, 0x67, 0x99, 0x65, 0xcc, 0xc3,
        0x4c, 0xa7, 0xae, 0x34, 0x41,
    ];
    let sha256 = Sha256::digest(data).to_vec();
    let all = CHECK
        .into_iter()
        .map(|(name, value)| (name, value.to_vec()));
    let all = all.chain([("sha1", sha1.to_vec()), ("sha256", sha256)]);
    for (name, value) in all {
        let header = format!("x-amz-checksum-{name}");
        let mut wrong = value.clone();
        wrong[0] ^= 1;
        let put =
            |value: &str| world.send(ask("PUT", "/bkt/key").header(&header, value).body(data));
        put(&base64(&wrong)).refused(400, "BadDigest");
        put("nonsense").refused(400, "InvalidRequest");
        absent(&world);
        let done = put(&base64(&value)).expect(200);
        assert_eq!(done.header(&header), base64(&value));
        let get = ask("GET", "/bkt/key").header("x-amz-checksum-mode", "ENABLED");
        let got = world.send(get).expect(200);
        assert_eq!(got.header(&header), base64(&value));
        assert_eq!(got.header("x-amz-checksum-type"), "FULL_OBJECT");
        let head = world.send(ask("HEAD", "/bkt/key")).expect(200);
        assert_eq!(head.header(&header), "", "only who asks is told");
        let about = ask("GET", "/bkt/key?attributes").header("x-amz-object-attributes", "Checksum");
        let about = world.send(about).expect(200);
        let element = format!("Checksum{}", name.to_ascii_uppercase());
        assert_eq!(about.element(&element), base64(&value), "{}", about.text());
        world.send(ask("DELETE", "/bkt/key")).expect(204);
    }
    world.stop();
}

#[test]
fn a_wrong_md5_publishes_nothing() {
    let world = World::with_bucket();
    // The MD5 of nothing.
    let empty = "1B2M2Y8AsgTpgAmY7PhCfg==";
    let put = |sum: &str, data: &[u8]| {
        world.send(ask("PUT", "/bkt/key").header("content-md5", sum).body(data))
    };
    put(empty, b"data").refused(400, "BadDigest");
    put("short", b"data").refused(400, "InvalidDigest");
    absent(&world);
    let delete = b"<Delete><Object><Key>key</Key></Object></Delete>";
    put(empty, b"").expect(200);
    let delete = ask("POST", "/bkt?delete").body(delete);
    world
        .send(delete.header("content-md5", empty))
        .refused(400, "BadDigest");
    world.get("/bkt/key").expect(200);
    world.stop();
}

#[test]
fn a_body_that_is_not_the_signed_one_publishes_nothing() {
    let world = World::with_bucket();
    for bytes in [4, 5000, 300_000] {
        let mut put = ask("PUT", "/bkt/key").body(&pattern(bytes, 1));
        put.payload = Some(hex(&Sha256::digest(pattern(bytes, 2))));
        world.send(put).refused(400, "XAmzContentSHA256Mismatch");
        absent(&world);
    }
    world.stop();
}

#[test]
fn a_body_that_ends_early_publishes_nothing() {
    let world = World::with_bucket();
    let mut put = ask("PUT", "/bkt/key").header("content-length", "100000");
    put.body = pattern(100_000, 0);
    world.signer("admin").sign_headers(&mut put, &world.host());
    let mut bytes = crate::client::bytes_of(&put);
    bytes.truncate(bytes.len() - 1);
    let mut stream = std::net::TcpStream::connect(world.server.address()).unwrap();
    std::io::Write::write_all(&mut stream, &bytes).unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    let mut end = Vec::new();
    let _ = std::io::Read::read_to_end(&mut stream, &mut end);
    absent(&world);
    world.stop();
}

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
