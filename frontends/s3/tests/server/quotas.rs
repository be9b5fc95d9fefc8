//! Quotas as S3 clients see them.

use engine_bucket::QuotaLimits;
use engine_pool::block_on;

use crate::{World, ask, pattern};

fn limit(world: &World, path: &str, bytes: u64, inodes: u64) {
    let limits = QuotaLimits {
        bytes: Some(bytes),
        inodes: Some(inodes),
    };
    block_on(world.bucket("bkt").set_quota(path.as_bytes(), limits)).unwrap();
}

#[test]
fn rule_19_what_passes_a_quota_is_quota_exceeded() {
    let world = World::with_bucket();
    limit(&world, "", 3_000_000, 4);
    world.put("/bkt/a", &pattern(2_000_000, 1));
    let put = |key: &str, bytes: usize| world.send(ask("PUT", key).body(&pattern(bytes, 2)));
    let text = put("/bkt/b", 1_000_001)
        .refused(403, "QuotaExceeded")
        .text();
    assert!(
        text.contains("the quota allows 3000000 bytes here"),
        "{text}"
    );
    put("/bkt/d/e/f", 1).refused(403, "QuotaExceeded");
    let copy = ask("PUT", "/bkt/b").header("x-amz-copy-source", "/bkt/a");
    world.send(copy).refused(403, "QuotaExceeded");
    let append = ask("PUT", "/bkt/a").header("x-amz-write-offset-bytes", "2000000");
    let append = append.body(&pattern(1_000_001, 3));
    world.send(append).refused(403, "QuotaExceeded");
    world.get("/bkt/b").refused(404, "NoSuchKey");
    put("/bkt/a", 3_000_000).expect(200);
    world.send(ask("DELETE", "/bkt/a")).expect(204);
    put("/bkt/b", 3_000_000).expect(200);
    world.stop();
}

#[test]
fn rule_19_parts_count_and_an_abort_makes_room() {
    let world = World::with_bucket();
    limit(&world, "", 10_000_000, 0);
    let began = world.send(ask("POST", "/bkt/o?uploads")).expect(200);
    let id = began.element("UploadId");
    let part = |number: u32, bytes: usize| {
        let path = format!("/bkt/o?partNumber={number}&uploadId={id}");
        world.send(ask("PUT", &path).body(&pattern(bytes, 1)))
    };
    part(1, 6_000_000).expect(200);
    part(2, 4_000_001).refused(403, "QuotaExceeded");
    let put = ask("PUT", "/bkt/x").body(&pattern(5_000_000, 1));
    world.send(put).refused(403, "QuotaExceeded");
    let path = format!("/bkt/o?uploadId={id}");
    world.send(ask("DELETE", &path)).expect(204);
    world.put("/bkt/x", &pattern(5_000_000, 1));
    world.stop();
}

#[test]
fn rule_19_an_object_is_not_renamed_across_quotas() {
    let world = World::with_bucket();
    world.put("/bkt/d/a", b"data");
    limit(&world, "d", 1000, 0);
    let rename = ask("PUT", "/bkt/a?renameObject").header("x-amz-rename-source", "/bkt/d/a");
    let text = world.send(rename).refused(400, "InvalidRequest").text();
    assert!(text.contains("copy and remove instead"), "{text}");
    let copy = ask("PUT", "/bkt/a").header("x-amz-copy-source", "/bkt/d/a");
    world.send(copy).expect(200);
    world.stop();
}
