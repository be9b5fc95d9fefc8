//! Appending, copying, tags, uploads in parts, and many keys at once.

use crate::{World, ask, pattern};

#[test]
fn appends_need_the_right_offset() {
    let world = World::with_bucket();
    let append = |at: usize, data: &[u8]| {
        let at = at.to_string();
        world.send(
            ask("PUT", "/bkt/log")
                .header("x-amz-write-offset-bytes", &at)
                .body(data),
        )
    };
    append(3, b"x").refused(404, "NoSuchKey");
    append(0, b"one").expect(200);
    let done = append(3, b"two").expect(200);
    assert_eq!(done.header("x-amz-object-size"), "6");
    append(3, b"x").refused(400, "InvalidWriteOffset");
    append(0, b"x").refused(400, "InvalidWriteOffset");
    let got = world.get("/bkt/log").expect(200);
    assert_eq!(got.text(), "onetwo");
    assert_eq!(got.header("etag"), done.header("etag"));
    let spoiled = ask("PUT", "/bkt/log")
        .header("x-amz-write-offset-bytes", "6")
        .header("x-amz-checksum-crc32", "AAAAAA==");
    world.send(spoiled.body(b"three")).refused(400, "BadDigest");
    assert_eq!(world.get("/bkt/log").text(), "onetwo");
    world.stop();
}

#[test]
fn copies_keep_tag_and_metadata_or_get_new_ones() {
    let world = World::with_bucket();
    world.send(ask("PUT", "/other")).expect(200);
    let data = pattern(2_500_000, 4);
    let put = ask("PUT", "/bkt/from")
        .header("x-amz-meta-a", "1")
        .header("x-amz-tagging", "t=1");
    let tag = world
        .send(put.body(&data))
        .expect(200)
        .header("etag")
        .to_owned();
    for to in ["/bkt/to", "/other/to"] {
        let copy = ask("PUT", to).header("x-amz-copy-source", "/bkt/from");
        let done = world.send(copy.clone()).expect(200);
        assert_eq!(done.element("ETag").replace("&quot;", "\""), tag);
        let got = world.get(to).expect(200);
        assert!(got.body == data);
        assert_eq!(
            (got.header("etag"), got.header("x-amz-meta-a")),
            (&tag[..], "1")
        );
        assert_eq!(got.header("x-amz-tagging-count"), "1");
        let replace = copy
            .header("x-amz-metadata-directive", "REPLACE")
            .header("x-amz-meta-b", "2");
        world.send(replace).expect(200);
        let got = world.get(to).expect(200);
        assert_eq!(
            (got.header("x-amz-meta-a"), got.header("x-amz-meta-b")),
            ("", "2")
        );
        assert_eq!(
            got.header("x-amz-tagging-count"),
            "1",
            "tags have a directive of their own"
        );
    }
    let onto = ask("PUT", "/bkt/from").header("x-amz-copy-source", "bkt/from");
    world.send(onto.clone()).refused(400, "InvalidRequest");
    let onto = onto
        .header("x-amz-metadata-directive", "REPLACE")
        .header("x-amz-meta-c", "3");
    world.send(onto).expect(200);
    let got = world.get("/bkt/from").expect(200);
    assert_eq!(
        (got.header("etag"), got.header("x-amz-meta-c")),
        (&tag[..], "3")
    );
    let none = ask("PUT", "/bkt/to").header("x-amz-copy-source", "/bkt/none");
    world.send(none).refused(404, "NoSuchKey");
    world.stop();
}

#[test]
fn tags_are_set_shown_and_removed() {
    let world = World::with_bucket();
    world.put("/bkt/key", b"data");
    let tag = |key: &str| format!("<Tag><Key>{key}</Key><Value>v &amp; w</Value></Tag>");
    let set = |tags: &str| {
        let xml = format!("<Tagging><TagSet>{tags}</TagSet></Tagging>");
        world.send(ask("PUT", "/bkt/key?tagging").body(xml.as_bytes()))
    };
    set(&tag("one")).expect(200);
    let got = world.get("/bkt/key?tagging").expect(200);
    assert_eq!(
        (got.element("Key"), got.element("Value")),
        ("one".into(), "v &amp; w".into())
    );
    set(&(tag("a") + &tag("a"))).refused(400, "InvalidTag");
    let many: String = (0..11).map(|index| tag(&index.to_string())).collect();
    set(&many).refused(400, "BadRequest");
    world.send(ask("DELETE", "/bkt/key?tagging")).expect(204);
    world.send(ask("DELETE", "/bkt/key?tagging")).expect(204);
    assert_eq!(world.get("/bkt/key?tagging").expect(200).element("Key"), "");
    world.get("/bkt/none?tagging").refused(404, "NoSuchKey");
    world.stop();
}

#[test]
fn many_keys_are_deleted_at_once() {
    let world = World::with_bucket();
    for key in ["a", "b", "c"] {
        world.put(&format!("/bkt/{key}"), b"x");
    }
    let object = |key: &str| format!("<Object><Key>{key}</Key></Object>");
    let xml = format!(
        "<Delete>{}{}{}</Delete>",
        object("a"),
        object("b"),
        object("none")
    );
    let done = world
        .send(ask("POST", "/bkt?delete").body(xml.as_bytes()))
        .expect(200);
    assert_eq!(done.elements("Key"), ["a", "b", "none"]);
    assert_eq!(world.get("/bkt?list-type=2").elements("Key"), ["c"]);
    let none = world.send(ask("POST", "/bkt?delete").body(b"<Delete></Delete>"));
    none.refused(400, "MalformedXML");
    world
        .send(ask("POST", "/bkt?delete").body(b"nonsense"))
        .refused(400, "MalformedXML");
    world.stop();
}

struct Upload<'a> {
    world: &'a World,
    id: String,
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

    fn complete(&self) -> crate::client::Answer {
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
