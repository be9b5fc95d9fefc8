//! Uploads in parts.

mod sizes;
mod whole;

use engine_pool::block_on;

use crate::client::Answer;
use crate::{World, ask, pattern};

/// An upload in parts of `/bkt/key`, as a client sees it.
struct Upload<'a> {
    world: &'a World,
    id: String,
    /// What completing it will name.
    parts: String,
}

impl<'a> Upload<'a> {
    fn new(world: &'a World) -> Self {
        let made = world.send(ask("POST", "/bkt/key?uploads").header("x-amz-meta-a", "1"));
        let id = made.expect(200).element("UploadId");
        Self {
            world,
            id,
            parts: String::new(),
        }
    }

    fn add(&mut self, number: usize, tag: &str) {
        let tag = tag.replace('"', "&quot;");
        self.parts += &format!("<Part><PartNumber>{number}</PartNumber><ETag>{tag}</ETag></Part>");
    }

    fn part(&mut self, number: usize, data: &[u8]) {
        let path = format!("/bkt/key?partNumber={number}&uploadId={}", self.id);
        let tag = self.world.put(&path, data).header("etag").to_owned();
        self.add(number, &tag);
    }

    fn complete(&self) -> Answer {
        let parts = &self.parts;
        let xml = format!("<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>");
        let path = format!("/bkt/key?uploadId={}", self.id);
        self.world.send(ask("POST", &path).body(xml.as_bytes()))
    }
}

#[test]
fn uploads_that_are_completed_wrongly_stay() {
    let world = World::with_bucket();
    let mut upload = Upload::new(&world);
    upload.complete().refused(400, "MalformedXML");
    upload.part(2, b"second");
    upload.part(1, b"first");
    upload.complete().refused(400, "InvalidPartOrder");
    upload.parts.clear();
    upload.add(1, "\"00000000000000000000000000000000\"");
    upload.complete().refused(400, "InvalidPart");
    upload.parts.clear();
    upload.part(1, b"first");
    upload.add(9, "\"00000000000000000000000000000000\"");
    upload.complete().refused(400, "InvalidPart");
    upload.parts.clear();
    upload.part(1, b"again");
    upload.complete().expect(200);
    let got = world.get("/bkt/key").expect(200);
    assert_eq!(
        (got.text(), got.header("x-amz-meta-a")),
        ("again".to_owned(), "1")
    );
    assert_eq!(got.header("x-amz-meta-a"), "1");
    world.stop();
}

#[test]
fn uploads_are_given_up_and_not_found() {
    let world = World::with_bucket();
    let mut upload = Upload::new(&world);
    upload.part(1, b"first");
    let path = format!("/bkt/key?uploadId={}", upload.id);
    world.send(ask("DELETE", &path)).expect(204);
    world
        .send(ask("DELETE", &path))
        .refused(404, "NoSuchUpload");
    upload.complete().refused(404, "NoSuchUpload");
    world.get(&path).refused(404, "NoSuchUpload");
    world
        .get("/bkt/key?uploadId=nonsense")
        .refused(404, "NoSuchUpload");
    let other = Upload::new(&world);
    let path = format!("/bkt/else?partNumber=1&uploadId={}", other.id);
    world
        .send(ask("PUT", &path).body(b"x"))
        .refused(404, "NoSuchUpload");
    let path = format!("/bkt/key?partNumber=10001&uploadId={}", other.id);
    world
        .send(ask("PUT", &path).body(b"x"))
        .refused(400, "InvalidArgument");
    world.stop();
}

#[test]
fn parts_are_copied_from_ranges_of_objects() {
    let world = World::with_bucket();
    let data = pattern(1_500_000, 6);
    world.put("/bkt/source", &data);
    let mut upload = Upload::new(&world);
    for (number, range) in [(1, "bytes=0-999999"), (2, "bytes=1000000-1499999")] {
        let path = format!("/bkt/key?partNumber={number}&uploadId={}", upload.id);
        let copy = ask("PUT", &path)
            .header("x-amz-copy-source", "/bkt/source")
            .header("x-amz-copy-source-range", range);
        let tag = world.send(copy).expect(200).element("ETag");
        upload.add(number, &tag);
    }
    let path = format!("/bkt/key?partNumber=3&uploadId={}", upload.id);
    let behind = ask("PUT", &path)
        .header("x-amz-copy-source", "/bkt/source")
        .header("x-amz-copy-source-range", "bytes=1-1500000");
    world.send(behind).refused(400, "InvalidArgument");
    upload.complete().expect(200);
    assert!(world.get("/bkt/key").expect(200).body == data);
    world.stop();
}

impl Upload<'_> {
    fn send_part(&self, number: &str, data: &[u8]) -> Answer {
        let path = format!("/bkt/key?partNumber={number}&uploadId={}", self.id);
        self.world.send(ask("PUT", &path).body(data))
    }

    fn numbers(&self) -> Vec<String> {
        let parts = self.world.get(&format!("/bkt/key?uploadId={}", self.id));
        parts.expect(200).elements("PartNumber")
    }
}

#[test]
fn numbers_of_parts_are_1_to_10000() {
    let world = World::with_bucket();
    let upload = Upload::new(&world);
    for number in ["0", "10001", "-1", "1.5", "99999999999", "x", ""] {
        let answer = upload.send_part(number, b"x").expect(400);
        assert_eq!(answer.code(), "InvalidArgument", "{number}");
    }
    assert_eq!(upload.numbers(), [""; 0]);
    upload.send_part("10000", b"x").expect(200);
    upload.send_part("1", b"x").expect(200);
    assert_eq!(upload.numbers(), ["1", "10000"]);
    world.stop();
}

#[test]
fn more_than_10000_parts_are_not_completed() {
    let world = World::with_bucket();
    let mut upload = Upload::new(&world);
    let tag = upload.send_part("1", b"x").expect(200);
    for number in 1..=10_001 {
        upload.add(number, tag.header("etag"));
    }
    upload.complete().refused(400, "MalformedXML");
    assert_eq!(upload.numbers(), ["1"]);
    world.stop();
}

#[test]
fn a_part_that_is_not_what_was_promised_is_no_part() {
    let world = World::with_bucket();
    let upload = Upload::new(&world);
    let data = pattern(2_500_000, 1);
    let path = format!("/bkt/key?partNumber=1&uploadId={}", upload.id);
    let put = ask("PUT", &path).body(&data);
    for (name, value, code) in [
        ("content-md5", "1B2M2Y8AsgTpgAmY7PhCfg==", "BadDigest"),
        ("content-md5", "nonsense", "InvalidDigest"),
        ("x-amz-checksum-crc32", "AAAAAA==", "BadDigest"),
        ("x-amz-checksum-sha256", "AAAAAA==", "InvalidRequest"),
    ] {
        let refused = world.send(put.clone().header(name, value));
        assert_eq!((refused.status, &refused.code()[..]), (400, code), "{name}");
        assert_eq!(upload.numbers(), [""; 0]);
    }
    let mut other = put.clone();
    other.payload = Some("0".repeat(64));
    let refused = world.send(other);
    refused.refused(400, "XAmzContentSHA256Mismatch");
    assert_eq!(upload.numbers(), [""; 0]);
    let bucket = world.bucket("bkt");
    assert_eq!(block_on(bucket.staged()).unwrap().bytes, 0);
    world.send(put).expect(200);
    assert_eq!(upload.numbers(), ["1"]);
    world.stop();
}

#[test]
fn an_upload_that_is_not_completed_is_listed_and_stays_after_a_failed_completion() {
    let world = World::with_bucket();
    let mut upload = Upload::new(&world);
    upload.part(1, b"first");
    upload.add(2, "\"00000000000000000000000000000000\"");
    upload.complete().refused(400, "InvalidPart");
    let list = world.get("/bkt?uploads").expect(200);
    assert_eq!(list.elements("UploadId"), [&upload.id[..]]);
    let staged = block_on(world.bucket("bkt").staged()).unwrap();
    assert_eq!((staged.uploads, staged.parts, staged.bytes), (1, 1, 5));
    world.stop();
}

/// Keys and uploads of a page, its common prefixes, and how the next one is asked for.
fn page(world: &World, query: &str) -> (Vec<String>, Vec<String>, Option<String>) {
    let list = world.get(&format!("/bkt?uploads{query}")).expect(200);
    let prefixes = list.elements("CommonPrefixes").into_iter();
    let prefixes = prefixes.map(|prefix| prefix.replace("<Prefix>", "").replace("</Prefix>", ""));
    let next = (list.element("IsTruncated") == "true").then(|| {
        let (key, id) = (
            list.element("NextKeyMarker"),
            list.element("NextUploadIdMarker"),
        );
        format!(
            "&key-marker={}&upload-id-marker={id}",
            key.replace('/', "%2F")
        )
    });
    (list.elements("Key"), prefixes.collect(), next)
}

#[test]
fn uploads_are_listed_in_pages() {
    let world = World::with_bucket();
    let keys = ["a", "a", "a", "b/1", "b/2", "b/2", "c", "d/1", "d/e/1", "z"];
    for key in keys {
        let path = format!("/bkt/{key}?uploads");
        world.send(ask("POST", &path)).expect(200);
    }
    for max in 1..=11 {
        let (mut found, mut rolled, mut from) = (Vec::new(), Vec::new(), String::new());
        let mut all = Vec::new();
        loop {
            let (keys, _, next) = page(&world, &format!("&max-uploads={max}{from}"));
            all.extend(keys);
            let Some(next) = next else { break };
            from = next;
        }
        assert_eq!(all, keys, "pages of {max}");
        from.clear();
        loop {
            let query = format!("&delimiter=%2F&max-uploads={max}{from}");
            let (keys, prefixes, next) = page(&world, &query);
            assert!(keys.len() + prefixes.len() <= max);
            found.extend(keys);
            rolled.extend(prefixes);
            let Some(next) = next else { break };
            from = next;
        }
        assert_eq!(found, ["a", "a", "a", "c", "z"], "pages of {max}");
        assert_eq!(rolled, ["b/", "d/"], "pages of {max}");
    }
    let (keys, prefixes, _) = page(&world, "&prefix=d%2F&delimiter=%2F");
    assert_eq!(
        (keys, prefixes),
        (vec!["d/1".to_owned()], vec!["d/e/".to_owned()])
    );
    assert_eq!(page(&world, "&max-uploads=0"), (vec![], vec![], None));
    world.stop();
}
