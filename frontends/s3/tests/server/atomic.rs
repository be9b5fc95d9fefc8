//! Conditions that hold in the change itself, on both ends where there are two; metadata, which
//! changes in place.

use std::sync::Arc;

use engine_bucket::{Changed, Observer};

use crate::client::Answer;
use crate::{World, ask};

const NOW: &str = "Fri, 02 Jan 2026 03:04:05 GMT";
const BEFORE: &str = "Fri, 02 Jan 2026 03:04:04 GMT";

#[test]
fn renames_under_conditions() {
    let world = World::with_bucket();
    let tag = world.put("/bkt/from", b"data").header("etag").to_owned();
    world.put("/bkt/to", b"old");
    let rename = |name: &str, value: &str| {
        let rename = ask("PUT", "/bkt/to?renameObject");
        let rename = rename.header("x-amz-rename-source", "/bkt/from");
        world.send(rename.header(name, value))
    };
    let of_source = |name: &str| format!("x-amz-rename-source-{name}");
    for (name, value) in [
        (&of_source("if-match")[..], "\"other\""),
        (&of_source("if-none-match"), &tag),
        (&of_source("if-none-match"), "*"),
        (&of_source("if-modified-since"), NOW),
        (&of_source("if-unmodified-since"), BEFORE),
        ("if-match", &tag),
        ("if-none-match", "*"),
        ("if-modified-since", NOW),
        ("if-unmodified-since", BEFORE),
    ] {
        let refused = rename(name, value);
        let answer = (refused.status, &refused.code()[..]);
        assert_eq!(answer, (412, "PreconditionFailed"), "{name}: {value}");
        assert_eq!(world.get("/bkt/to").text(), "old");
    }
    rename(&of_source("if-modified-since"), "yesterday").refused(400, "InvalidArgument");
    rename(&of_source("if-match"), &tag).expect(200);
    assert_eq!(world.get("/bkt/to").text(), "data");
    rename(&of_source("if-match"), &tag).refused(404, "NoSuchKey");
    world.stop();
}

#[test]
fn a_rename_onto_nothing_is_no_change_of_what_was_there() {
    let world = World::with_bucket();
    let rename = |to: &str, name: &str, value: &str| {
        let rename = ask("PUT", &format!("/bkt/{to}?renameObject"));
        let rename = rename.header("x-amz-rename-source", "/bkt/from");
        world.send(rename.header(name, value))
    };
    world.put("/bkt/from", b"data");
    rename("to", "if-modified-since", BEFORE).refused(412, "PreconditionFailed");
    rename("to", "if-modified-since", "soon").refused(400, "InvalidArgument");
    rename("to", "if-unmodified-since", BEFORE).expect(200);
    world.put("/bkt/from", b"new");
    rename("to", "if-modified-since", BEFORE).expect(200);
    assert_eq!(world.get("/bkt/to").text(), "new");
    world.put("/bkt/from", b"newer");
    rename("to", "if-unmodified-since", NOW).expect(200);
    assert_eq!(world.get("/bkt/to").text(), "newer");
    world.stop();
}

/// Copies `key` onto itself, with other metadata, under a condition.
fn replace(world: &World, key: &str, value: &str, (name, condition): (&str, &str)) -> Answer {
    let copy = ask("PUT", &format!("/bkt/{key}"))
        .header("x-amz-copy-source", &format!("/bkt/{key}"))
        .header("x-amz-metadata-directive", "REPLACE")
        .header("x-amz-meta-value", value);
    world.send(copy.header(name, condition))
}

#[test]
fn metadata_is_replaced_under_conditions() {
    let world = World::with_bucket();
    let tag = world.put("/bkt/key", b"data").header("etag").to_owned();
    for condition in [
        ("if-match", "\"other\""),
        ("if-none-match", "*"),
        ("if-none-match", &tag),
        ("x-amz-copy-source-if-match", "\"other\""),
        ("x-amz-copy-source-if-none-match", &tag),
        ("x-amz-copy-source-if-unmodified-since", BEFORE),
    ] {
        let refused = replace(&world, "key", "1", condition);
        let answer = (refused.status, &refused.code()[..]);
        assert_eq!(answer, (412, "PreconditionFailed"), "{condition:?}");
        assert_eq!(world.get("/bkt/key").header("x-amz-meta-value"), "");
    }
    for condition in [
        ("if-match", &tag[..]),
        ("x-amz-copy-source-if-match", &tag),
        ("x-amz-copy-source-if-unmodified-since", NOW),
    ] {
        let done = replace(&world, "key", condition.0, condition).expect(200);
        assert_eq!(done.element("ETag").replace("&quot;", "\""), tag);
        let got = world.get("/bkt/key").expect(200);
        let shown = (got.text(), got.header("x-amz-meta-value"));
        assert_eq!(shown, ("data".to_owned(), condition.0));
    }
    replace(&world, "none", "1", ("if-match", &tag)).refused(404, "NoSuchKey");
    world.stop();
}

/// Rule 14a, whichever door sets it.
#[test]
fn metadata_is_bounded_as_it_is_for_a_mount() {
    let world = World::with_bucket();
    let put = |name: &str, value: &str| {
        let put = ask("PUT", "/bkt/key").header(name, value);
        world.send(put.header("content-type", "text/plain").body(b"x"))
    };
    let rest = 2048 - "content-typetext/plain".len();
    let most = "v".repeat(rest - "meta.a".len());
    put("x-amz-meta-a", &most).expect(200);
    assert_eq!(world.get("/bkt/key").header("x-amz-meta-a"), most);
    put("x-amz-meta-a", &(most + "v")).refused(400, "MetadataTooLarge");
    put("cache-control", &"v".repeat(2049)).refused(400, "MetadataTooLarge");
    put(&format!("x-amz-meta-{}", "n".repeat(200)), "").refused(400, "MetadataTooLarge");
    put("x-amz-meta-a", "=?UTF-8?B?YQ0KeC1ldmlsOiAx?=").refused(400, "InvalidArgument");
    let upload = ask("POST", "/bkt/key?uploads").header("x-amz-meta-a", &"v".repeat(2048));
    world.send(upload).refused(400, "MetadataTooLarge");
    world.stop();
}

struct Mount;

impl Observer for Mount {
    fn changed(&self, _: &[Changed]) {}
}

#[test]
fn a_bucket_that_is_mounted_is_not_deleted() {
    let world = World::with_bucket();
    let mount: Arc<dyn Observer> = Arc::new(Mount);
    world.bucket("bkt").observe(&mount).unwrap();
    world
        .send(ask("DELETE", "/bkt"))
        .refused(409, "BucketInUse");
    world.put("/bkt/key", b"still there");
    world
        .send(ask("DELETE", "/bkt"))
        .refused(409, "BucketNotEmpty");
    world.send(ask("DELETE", "/bkt/key")).expect(204);
    drop(mount);
    world.send(ask("DELETE", "/bkt")).expect(204);
    world.send(ask("HEAD", "/bkt")).expect(404);
    world.stop();
}
