//! Bodies: what was promised of them is true, or nothing is published.

use sha2::{Digest as _, Sha256};

use crate::client::hex;
use crate::{World, ask, pattern};

pub(crate) fn base64(bytes: &[u8]) -> String {
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
pub(crate) const CHECK: [(&str, &[u8]); 3] = [
    ("crc32", &[0xcb, 0xf4, 0x39, 0x26]),
    ("crc32c", &[0xe3, 0x06, 0x92, 0x83]),
    (
        "crc64nvme",
        &[0xae, 0x8b, 0x14, 0x86, 0x0a, 0x79, 0x98, 0x88],
    ),
];

pub(crate) fn absent(world: &World) {
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

#[test]
fn checksums_that_nobody_can_verify_are_refused() {
    let world = World::with_bucket();
    for name in ["sha512", "md5", "xxhash64", "xxhash3", "xxhash128", "new"] {
        let header = format!("x-amz-checksum-{name}");
        let put = ask("PUT", "/bkt/key").body(b"data");
        let refused = world.send(put.clone().header(&header, "AAAA"));
        refused.refused(501, "NotImplemented");
        for trailer in [header.clone(), format!("x-amz-checksum-crc32, {header}")] {
            let refused = world.send(put.clone().header("x-amz-trailer", &trailer));
            refused.refused(501, "NotImplemented");
        }
        absent(&world);
    }
    world.put("/bkt/key", b"data");
    world.stop();
}
