//! Keys: what can be put, what is shown, and how.

use engine_bucket::{Ack, NewInode, NewKind};

use crate::{World, ask};

#[test]
fn keys_that_no_mount_can_name_are_objects_all_the_same() {
    let world = World::with_bucket();
    for key in ["a//b", "/lead", "./x", "a/../b", "..", "dir//"] {
        let path = format!("/bkt/{key}");
        world.put(&path, key.as_bytes());
        assert_eq!(world.get(&path).expect(200).text(), key, "{key}");
    }
    let long = format!("/bkt/{}", "x".repeat(1024));
    world.put(&long, b"long");
    world.get(&long).expect(200);
    let list = world.get("/bkt?list-type=2").expect(200);
    assert_eq!(list.elements("Key").len(), 7, "{}", list.text());
    world.stop();
}

#[test]
fn keys_that_cannot_be_put() {
    let world = World::with_bucket();
    let put = |path: &str| world.send(ask("PUT", path).body(b"x"));
    put(&format!("/bkt/{}", "x".repeat(1025))).refused(400, "KeyTooLongError");
    put("/bkt/a%00b").refused(400, "InvalidArgument");
    // What is not UTF-8, in some of the ways in which it can be wrong.
    for bytes in [
        "%ff",
        "a%c3",
        "%c0%af",
        "%ed%a0%80",
        "%f8%88%80%80%80",
        "a/%80/b",
    ] {
        put(&format!("/bkt/{bytes}")).refused(400, "InvalidURI");
    }
    assert_eq!(
        world
            .get("/bkt?list-type=2")
            .expect(200)
            .element("KeyCount"),
        "0"
    );
    put("/bkt/.snapshots/x").refused(400, "InvalidArgument");
    put("/bkt/.versions/x").refused(400, "InvalidArgument");
    world.put("/bkt/.versionsx", b"x");
    let upload = world.send(ask("POST", "/bkt/.snapshots/x?uploads"));
    upload.refused(400, "InvalidArgument");
    let copy = ask("PUT", "/bkt/.versions/x").header("x-amz-copy-source", "/bkt/.versionsx");
    world.send(copy).refused(400, "InvalidArgument");
    world.stop();
}

/// A `%` without two digits behind it stands for itself.
#[test]
fn percent_signs_that_encode_nothing_are_part_of_the_key() {
    let world = World::with_bucket();
    for (path, key) in [("100%", "100%25"), ("a%zz", "a%25zz"), ("a%2", "a%252")] {
        let mut put = ask("PUT", &format!("/bkt/{path}")).body(b"x");
        let mut as_signed = put.clone();
        as_signed.path = format!("/bkt/{key}");
        world
            .signer("admin")
            .sign_headers(&mut as_signed, &world.host());
        put.headers = as_signed.headers;
        world.send_plain(&put).expect(200);
        world.get(&format!("/bkt/{key}")).expect(200);
    }
    world.stop();
}

#[test]
fn long_keys_that_a_mount_made_are_read_listed_and_deleted() {
    let world = World::with_bucket();
    let bucket = world.bucket("bkt");
    let name = "n".repeat(250);
    let mut node = bucket.root();
    let new = |kind| NewInode {
        kind,
        mode: 0o755,
        uid: 0,
        gid: 0,
    };
    for _ in 0..5 {
        let directory = new(NewKind::Directory);
        let made = bucket.create(&node, name.as_bytes(), &directory, Ack::Written);
        node = engine_pool::block_on(made).unwrap().0;
    }
    let file = new(NewKind::File);
    let made = bucket.create(&node, b"file", &file, Ack::Written);
    engine_pool::block_on(made).unwrap();
    let path = format!("/bkt/{}", format!("{name}/").repeat(5) + "file");
    world.get(&path).expect(200);
    world.send(ask("HEAD", &path)).expect(200);
    world
        .send(ask("PUT", &path).body(b"x"))
        .refused(400, "KeyTooLongError");
    let list = world.get("/bkt?list-type=2").expect(200);
    assert!(list.elements("Key").iter().any(|key| key.len() > 1024));
    world.send(ask("DELETE", &path)).expect(204);
    world.get(&path).refused(404, "NoSuchKey");
    world.stop();
}

#[test]
fn characters_that_xml_lacks_are_listed_encoded() {
    let world = World::with_bucket();
    world.put("/bkt/a%01b", b"x");
    let list = world.get("/bkt?list-type=2&encoding-type=url").expect(200);
    assert_eq!(list.elements("Key"), ["a%01b"]);
    let plain = world.get("/bkt?list-type=2");
    assert!(plain.text().contains("encoding-type"), "{}", plain.text());
    plain.refused(400, "InvalidArgument");
    world
        .get("/bkt?encoding-type=other")
        .refused(400, "InvalidArgument");
    world.put("/bkt/c%26%3Cd%20%2B", b"x");
    let list = world.get("/bkt?prefix=c&encoding-type=url").expect(200);
    assert_eq!(list.elements("Key"), ["c%26%3Cd%20%2B"]);
    let list = world.get("/bkt?prefix=c").expect(200);
    assert_eq!(list.elements("Key"), ["c&amp;&lt;d +"]);
    world.stop();
}

#[test]
fn directories_are_keys_that_end_with_a_slash() {
    let world = World::with_bucket();
    world.put("/bkt/made/by/put", b"x");
    world.get("/bkt/made/").refused(404, "NoSuchKey");
    world.put("/bkt/made/", b"");
    world.get("/bkt/made/").expect(200);
    let list = world.get("/bkt?list-type=2").expect(200);
    assert_eq!(list.elements("Key"), ["made/", "made/by/put"]);
    world.put("/bkt/made", b"a file beside it");
    assert_eq!(world.get("/bkt/made").text(), "a file beside it");
    world.send(ask("DELETE", "/bkt/made/")).expect(204);
    world.get("/bkt/made/by/put").expect(200);
    world.get("/bkt/made/").refused(404, "NoSuchKey");
    world.stop();
}

#[test]
fn what_is_no_file_is_no_object_and_stands_in_the_way() {
    let world = World::with_bucket();
    let bucket = world.bucket("bkt");
    let link = NewInode {
        kind: NewKind::Symlink(b"target"),
        mode: 0o777,
        uid: 0,
        gid: 0,
    };
    let root = bucket.root();
    let made = bucket.create(&root, b"link", &link, Ack::Written);
    engine_pool::block_on(made).unwrap();
    world.get("/bkt/link").refused(404, "NoSuchKey");
    let list = world.get("/bkt?list-type=2").expect(200);
    assert_eq!(list.elements("Key").len(), 0);
    for path in ["/bkt/link", "/bkt/link/below"] {
        let put = world.send(ask("PUT", path).body(b"x"));
        assert_eq!(put.status, 409, "{}", put.text());
    }
    world.stop();
}

#[test]
fn renaming_moves_the_object() {
    let world = World::with_bucket();
    world.put("/bkt/a/from", b"data");
    let tag = world.get("/bkt/a/from").header("etag").to_owned();
    let rename = |from: &str, to: &str| {
        let path = format!("/bkt/{to}?renameObject");
        world.send(ask("PUT", &path).header("x-amz-rename-source", from))
    };
    rename("/bkt/none", "to").refused(404, "NoSuchKey");
    rename("/other/x", "to").refused(400, "InvalidArgument");
    rename("/bkt/a/from", "b/to%20here").expect(200);
    world.get("/bkt/a/from").refused(404, "NoSuchKey");
    let got = world.get("/bkt/b/to%20here").expect(200);
    assert_eq!(
        (got.text(), got.header("etag")),
        ("data".to_owned(), &tag[..])
    );
    world.put("/bkt/taken", b"x");
    let held = ask("PUT", "/bkt/taken?renameObject")
        .header("x-amz-rename-source", "/bkt/b/to%20here")
        .header("if-none-match", "*");
    world.send(held).refused(412, "PreconditionFailed");
    world.stop();
}
