//! Rule 20: the snapshot of a bucket is the read-only bucket `BUCKET--at--LABEL`.

use engine_pool::block_on;

use crate::{World, ask, pattern};

/// `bkt` with a snapshot `one`, and changed since.
fn world() -> World {
    let world = World::with_bucket();
    world.put("/bkt/d/large", &pattern(3_000_000, 1));
    world
        .send(
            ask("PUT", "/bkt/tagged")
                .header("x-amz-tagging", "a=b")
                .body(b"tagged"),
        )
        .expect(200);
    block_on(world.buckets.take_snapshot("one", &["bkt"])).unwrap();
    world.put("/bkt/d/large", b"later");
    world.put("/bkt/new", b"new");
    world.send(ask("DELETE", "/bkt/tagged")).expect(204);
    world
}

#[test]
fn rule_20_a_snapshot_is_read_as_a_bucket() {
    let world = world();
    world.send(ask("HEAD", "/bkt--at--one")).expect(200);
    let text = world.get("/bkt--at--one?list-type=2").expect(200).text();
    assert!(
        text.contains("<Key>d/large</Key>") && text.contains("<Key>tagged</Key>"),
        "{text}"
    );
    assert!(
        text.contains("<Name>bkt--at--one</Name>") && !text.contains("new"),
        "{text}"
    );
    world.get("/bkt--at--one").expect(200);
    assert_eq!(
        world.get("/bkt--at--one/d/large").expect(200).body,
        pattern(3_000_000, 1)
    );
    let part = ask("GET", "/bkt--at--one/d/large").header("range", "bytes=5-9");
    assert_eq!(
        world.send(part).expect(206).body,
        pattern(3_000_000, 1)[5..10]
    );
    world.send(ask("HEAD", "/bkt--at--one/tagged")).expect(200);
    let tags = world.get("/bkt--at--one/tagged?tagging").expect(200).text();
    assert!(tags.contains("<Key>a</Key>"), "{tags}");
    let attributes = ask("GET", "/bkt--at--one/tagged?attributes");
    let attributes = attributes.header("x-amz-object-attributes", "ObjectSize,ETag");
    world.send(attributes).expect(200);
    world.get("/bkt--at--one/new").refused(404, "NoSuchKey");
    world.get("/bkt--at--none/new").refused(404, "NoSuchBucket");
    let buckets = world.get("/").expect(200).text();
    assert!(
        buckets.contains("bkt") && !buckets.contains("--at--"),
        "{buckets}"
    );
    world.stop();
}

#[test]
fn rule_20_nothing_changes_a_snapshot() {
    let world = world();
    let refused = [
        ask("PUT", "/bkt--at--one/x").body(b"x"),
        ask("PUT", "/bkt--at--one/x").body(&pattern(3_000_000, 2)),
        ask("PUT", "/bkt--at--one/x").header("x-amz-copy-source", "/bkt/new"),
        ask("PUT", "/bkt--at--one/tagged?tagging").body(b"<Tagging><TagSet/></Tagging>"),
        ask("DELETE", "/bkt--at--one/tagged?tagging"),
        ask("DELETE", "/bkt--at--one/tagged"),
        ask("POST", "/bkt--at--one/x?uploads"),
        ask("PUT", "/bkt--at--one/x?renameObject").header("x-amz-rename-source", "tagged"),
        ask("DELETE", "/bkt--at--one"),
    ];
    for ask in refused {
        let what = format!("{} {}", ask.method, ask.path);
        let answer = world.send(ask);
        assert_eq!(answer.status, 405, "{what}: {}", answer.text());
        answer.refused(405, "MethodNotAllowed");
    }
    world
        .send(ask("PUT", "/bkt--at--two"))
        .refused(400, "InvalidBucketName");
    world
        .send(ask("PUT", "/bkt--at"))
        .refused(400, "InvalidBucketName");
    for key in [".snapshots/one/x", ".versions/x"] {
        let put = ask("PUT", &format!("/bkt/{key}")).body(b"x");
        world.send(put).refused(400, "InvalidArgument");
    }
    world.stop();
}

#[test]
fn rule_20_a_snapshot_is_a_source_of_copies() {
    let world = world();
    let copy = |to: &str| {
        let copy = ask("PUT", to).header("x-amz-copy-source", "/bkt--at--one/d/large");
        world.send(copy).expect(200)
    };
    copy("/bkt/d/large");
    assert_eq!(
        world.get("/bkt/d/large").expect(200).body,
        pattern(3_000_000, 1)
    );
    let began = world.send(ask("POST", "/bkt/o?uploads")).expect(200);
    let id = began.element("UploadId");
    let part = ask("PUT", &format!("/bkt/o?partNumber=1&uploadId={id}"));
    let part = part.header("x-amz-copy-source", "/bkt--at--one/d/large");
    world.send(part).expect(200);
    // The copy has bytes of its own.
    block_on(world.buckets.delete_snapshot("bkt", "one")).unwrap();
    assert_eq!(
        world.get("/bkt/d/large").expect(200).body,
        pattern(3_000_000, 1)
    );
    world
        .get("/bkt--at--one/d/large")
        .refused(404, "NoSuchBucket");
    world.stop();
}

#[test]
fn rule_20_the_keys_of_a_bucket_read_its_snapshots() {
    let world = World::with_bucket();
    world.send(ask("PUT", "/one")).expect(200);
    for bucket in ["one", "bkt"] {
        world.put(&format!("/{bucket}/a"), b"a");
    }
    block_on(world.buckets.take_snapshot("x", &["one", "bkt"])).unwrap();
    world
        .send_as("one", ask("GET", "/one--at--x/a"))
        .expect(200);
    world
        .send_as("one", ask("GET", "/bkt--at--x/a"))
        .refused(403, "AccessDenied");
    world
        .send_as("reader", ask("GET", "/bkt--at--x/a"))
        .expect(200);
    world.stop();
}

#[test]
fn a_bucket_with_snapshots_is_not_deleted() {
    let world = World::with_bucket();
    block_on(world.buckets.take_snapshot("x", &["bkt"])).unwrap();
    let text = world
        .send(ask("DELETE", "/bkt"))
        .refused(409, "BucketNotEmpty")
        .text();
    assert!(text.contains("snapshots"), "{text}");
    block_on(world.buckets.delete_snapshot("bkt", "x")).unwrap();
    world.send(ask("DELETE", "/bkt")).expect(204);
    world.stop();
}
