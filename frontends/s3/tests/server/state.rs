//! Conditions, and what a state of a key is.

use std::sync::Barrier;

use crate::{World, ask};

#[test]
fn reads_under_conditions() {
    let world = World::with_bucket();
    let tag = world.put("/bkt/key", b"data").header("etag").to_owned();
    let get = |name: &str, value: &str| world.send(ask("GET", "/bkt/key").header(name, value));
    get("if-match", &tag).expect(200);
    get("if-match", tag.trim_matches('"')).expect(200);
    get("if-match", "\"other\"").refused(412, "PreconditionFailed");
    let known = get("if-none-match", &tag).expect(304);
    assert_eq!(known.header("etag"), tag);
    get("if-none-match", "\"other\"").expect(200);
    get("if-modified-since", "Fri, 02 Jan 2026 03:04:05 GMT").expect(304);
    get("if-modified-since", "Fri, 02 Jan 2026 03:04:04 GMT").expect(200);
    get("if-unmodified-since", "Fri, 02 Jan 2026 03:04:05 GMT").expect(200);
    get("if-unmodified-since", "Fri, 02 Jan 2026 03:04:04 GMT").refused(412, "PreconditionFailed");
    // A tag that matches is stronger than a time that does not.
    let both = ask("GET", "/bkt/key")
        .header("if-match", &tag)
        .header("if-unmodified-since", "Fri, 02 Jan 2026 03:04:04 GMT");
    world.send(both).expect(200);
    let head = ask("HEAD", "/bkt/key").header("if-none-match", &tag);
    world.send(head).expect(304);
    world.stop();
}

#[test]
fn changes_under_conditions() {
    let world = World::with_bucket();
    let put = |name: &str, value: &str, data: &[u8]| {
        world.send(ask("PUT", "/bkt/key").header(name, value).body(data))
    };
    put("if-match", "\"other\"", b"a").refused(404, "NoSuchKey");
    let tag = put("if-none-match", "*", b"a").expect(200);
    let tag = tag.header("etag").to_owned();
    put("if-none-match", "*", b"b").refused(412, "PreconditionFailed");
    put("if-match", "\"other\"", b"b").refused(412, "PreconditionFailed");
    put("if-match", &tag, b"b").expect(200);
    put("if-match", &tag, b"c").refused(412, "PreconditionFailed");
    assert_eq!(world.get("/bkt/key").body, b"b");
    let delete = |tag: &str| world.send(ask("DELETE", "/bkt/key").header("if-match", tag));
    delete(&tag).refused(412, "PreconditionFailed");
    let copy = ask("PUT", "/bkt/key").header("x-amz-copy-source", "/bkt/key2");
    world.put("/bkt/key2", b"other");
    let taken = world.send(copy.clone().header("if-none-match", "*"));
    taken.refused(412, "PreconditionFailed");
    let source = copy.header("x-amz-copy-source-if-match", "\"none\"");
    world.send(source).refused(412, "PreconditionFailed");
    delete("*").expect(204);
    delete("*").refused(404, "NoSuchKey");
    world.stop();
}

#[test]
fn one_of_many_creates() {
    let world = World::with_bucket();
    let barrier = Barrier::new(8);
    let won: usize = std::thread::scope(|scope| {
        let racers: Vec<_> = (0_u8..8)
            .map(|index| {
                let (world, barrier) = (&world, &barrier);
                scope.spawn(move || {
                    barrier.wait();
                    let put = ask("PUT", "/bkt/key").header("if-none-match", "*");
                    let answer = world.send(put.body(&[index; 5000]));
                    assert!(matches!(answer.status, 200 | 412), "{}", answer.text());
                    usize::from(answer.status == 200)
                })
            })
            .collect();
        racers.into_iter().map(|racer| racer.join().unwrap()).sum()
    });
    assert_eq!(won, 1);
    world.stop();
}

#[test]
fn counting_by_compare_and_swap_loses_nothing() {
    let world = World::with_bucket();
    world.put("/bkt/count", b"0");
    std::thread::scope(|scope| {
        for _ in 0..4 {
            let world = &world;
            scope.spawn(move || {
                for _ in 0..10 {
                    loop {
                        let got = world.get("/bkt/count").expect(200);
                        let count: u32 = got.text().parse().unwrap();
                        let put = ask("PUT", "/bkt/count").header("if-match", got.header("etag"));
                        let next = (count + 1).to_string();
                        let answer = world.send(put.body(next.as_bytes()));
                        if answer.status == 200 {
                            break;
                        }
                        assert_eq!(answer.status, 412, "{}", answer.text());
                    }
                }
            });
        }
    });
    assert_eq!(world.get("/bkt/count").text(), "40");
    world.stop();
}

#[test]
fn ranges_are_parts_of_the_object() {
    let world = World::with_bucket();
    let data = crate::pattern(3_000_000, 9);
    world.put("/bkt/key", &data);
    for (range, from, to) in [
        ("bytes=0-0", 0, 1),
        ("bytes=5-9", 5, 10),
        ("bytes=2999990-", 2_999_990, 3_000_000),
        ("bytes=-7", 2_999_993, 3_000_000),
        ("bytes=1000-2500000", 1000, 2_500_001),
        ("bytes=2999999-9999999", 2_999_999, 3_000_000),
    ] {
        let got = world
            .send(ask("GET", "/bkt/key").header("range", range))
            .expect(206);
        assert!(got.body == data[from..to], "{range}");
        let shown = format!("bytes {from}-{}/3000000", to - 1);
        assert_eq!(got.header("content-range"), shown);
    }
    let behind = ask("GET", "/bkt/key").header("range", "bytes=3000000-");
    world.send(behind).refused(416, "InvalidRange");
    let none = ask("GET", "/bkt/key").header("range", "bytes=-0");
    world.send(none).refused(416, "InvalidRange");
    let far = ask("GET", "/bkt/key").header("range", "bytes=9223372036854775807-");
    world.send(far).refused(416, "InvalidRange");
    let most = ask("GET", "/bkt/key").header("range", "bytes=0-9223372036854775807");
    assert!(world.send(most).expect(206).body == data);
    world.put("/bkt/empty", b"");
    for range in ["bytes=0-", "bytes=-5", "bytes=0-0"] {
        let empty = ask("GET", "/bkt/empty").header("range", range);
        world.send(empty).refused(416, "InvalidRange");
    }
    for senseless in [
        "bytes=0-1,4-5",
        "lines=1-2",
        "bytes=9-5",
        "bytes=",
        "bytes=-",
        "bytes=a-b",
        "bytes=1",
        "bytes=--1",
    ] {
        let got = world.send(ask("GET", "/bkt/key").header("range", senseless));
        assert_eq!(got.expect(200).body.len(), data.len(), "{senseless}");
    }
    world.stop();
}

#[test]
fn metadata_comes_back_and_splits_no_answer() {
    use engine_bucket::{Ack, SetHow};
    let world = World::with_bucket();
    let put = ask("PUT", "/bkt/key")
        .header("cache-control", "no-cache")
        .header("content-disposition", "inline")
        .header("content-language", "de")
        .header("content-type", "text/plain")
        .header("expires", "Fri, 02 Jan 2026 03:04:05 GMT")
        .header("x-amz-meta-one", "1")
        .header("x-amz-tagging", "a=b");
    world.send(put.body(b"data")).expect(200);
    let got = world.get("/bkt/key").expect(200);
    assert_eq!(got.header("cache-control"), "no-cache");
    assert_eq!(got.header("content-disposition"), "inline");
    assert_eq!(got.header("content-language"), "de");
    assert_eq!(got.header("content-type"), "text/plain");
    assert_eq!(got.header("expires"), "Fri, 02 Jan 2026 03:04:05 GMT");
    assert_eq!(got.header("x-amz-meta-one"), "1");
    assert_eq!(got.header("x-amz-tagging-count"), "1");
    let bucket = world.bucket("bkt");
    let node = engine_pool::block_on(bucket.node_of(b"key")).unwrap();
    let evil: [(&[u8], &[u8]); 6] = [
        (b"object.content-type", b"text/html\r\nx-evil: 1"),
        (b"object.cache-control", b"\xff\xfe"),
        (b"object.meta.a", b"1\r\n\r\n<html>"),
        (b"object.meta.b\r\nx-evil", b"1"),
        (b"object.meta.good", "\u{fc}".as_bytes()),
        (b"object.expires", b"never"),
    ];
    for (name, value) in evil {
        let set = bucket.set_attribute(&node, name, value, SetHow::Any, Ack::Written);
        engine_pool::block_on(set).unwrap();
    }
    for method in ["GET", "HEAD"] {
        let got = world.send(ask(method, "/bkt/key")).expect(200);
        assert_eq!(got.header("x-evil"), "");
        let kind = got.header("content-type");
        assert_eq!(
            kind, "binary/octet-stream",
            "what cannot be said is left out"
        );
        assert_eq!(got.header("x-amz-missing-meta"), "2");
        assert_eq!(got.header("x-amz-meta-good"), "=?UTF-8?B?w7w=?=");
    }
    world.stop();
}

#[test]
fn headers_of_the_answer_are_those_that_the_request_asks_for() {
    let world = World::with_bucket();
    let put = ask("PUT", "/bkt/key").header("cache-control", "no-cache");
    world.send(put.body(b"data")).expect(200);
    let asked = "response-content-type=text%2Fplain\
                 &response-content-disposition=attachment%3B%20filename%3Da.txt\
                 &response-expires=Fri%2C%2002%20Jan%202026%2003%3A04%3A05%20GMT";
    let got = world.get(&format!("/bkt/key?{asked}")).expect(200);
    assert_eq!(got.header("content-type"), "text/plain");
    let disposition = got.header("content-disposition");
    assert_eq!(disposition, "attachment; filename=a.txt");
    assert_eq!(got.header("expires"), "Fri, 02 Jan 2026 03:04:05 GMT");
    assert_eq!(got.header("cache-control"), "no-cache");
    for evil in ["a%0D%0Ax-evil%3A%201", "a%0Ax-evil%3A%201", "%00"] {
        let got = world.get(&format!("/bkt/key?response-content-type={evil}"));
        assert_eq!(got.header("x-evil"), "");
        got.refused(400, "InvalidRequest");
    }
    let got = world.get("/bkt/key").expect(200);
    assert_eq!(got.header("content-type"), "binary/octet-stream");
    world.stop();
}

#[test]
fn a_file_that_a_mount_wrote_has_a_tag_that_never_repeats() {
    use engine_bucket::{Ack, WriteAt};
    let world = World::with_bucket();
    let first = world.put("/bkt/key", b"data").header("etag").to_owned();
    let bucket = world.bucket("bkt");
    let node = engine_pool::block_on(bucket.node_of(b"key")).unwrap();
    let mut tags = vec![first];
    for data in [b"more", b"data", b"more"] {
        let write = bucket.write(&node, WriteAt::Byte(0), data, Ack::Written);
        engine_pool::block_on(write).unwrap();
        let got = world.get("/bkt/key").expect(200);
        assert_eq!(got.body, data);
        let tag = got.header("etag").to_owned();
        assert!(tag.ends_with("-0\"") && tag.len() == 36, "{tag}");
        assert!(!tags.contains(&tag));
        tags.push(tag);
    }
    world.stop();
}

#[test]
fn a_copy_is_of_one_moment_of_its_source() {
    use std::sync::atomic::{AtomicBool, Ordering};
    let world = World::with_bucket();
    let contents = [crate::pattern(70_000, 1), b"small".to_vec()];
    let put = |which: usize| {
        let put = ask("PUT", "/bkt/key").header("x-amz-meta-which", &which.to_string());
        let put = world.send(put.body(&contents[which])).expect(200);
        put.header("etag").to_owned()
    };
    let tags = [put(0), put(1)];
    let is_done = AtomicBool::new(false);
    let copy = |to: &str| ask("PUT", to).header("x-amz-copy-source", "/bkt/key");
    std::thread::scope(|scope| {
        scope.spawn(|| {
            // Ends by itself too, so that a failure shows.
            for round in 0..10_000 {
                put(round % 2);
                if is_done.load(Ordering::Relaxed) {
                    break;
                }
            }
        });
        for round in 0..200 {
            let wanted = round % 3;
            let path = format!("/bkt/copy{round}");
            let copied = match tags.get(wanted) {
                Some(tag) => copy(&path).header("x-amz-copy-source-if-match", tag),
                None => copy(&path),
            };
            let copied = world.send(copied);
            let got = world.get(&path);
            if copied.status == 412 {
                assert!(wanted < tags.len(), "no condition");
                assert_eq!(got.status, 404, "a condition that fails changes nothing");
                continue;
            }
            copied.expect(200);
            let which = usize::from(got.header("x-amz-meta-which") == "1");
            assert!(wanted == 2 || wanted == which, "the content that was named");
            assert_eq!(got.header("etag"), tags[which]);
            assert!(got.body == contents[which], "metadata and content are one");
        }
        is_done.store(true, Ordering::Relaxed);
    });
    world.stop();
}
