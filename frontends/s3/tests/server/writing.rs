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
