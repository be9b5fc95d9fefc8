//! Who may do what: without a valid signature nothing, with a bound key what it is bound to.

use crate::client::{bytes_of, send};
use crate::{World, ask};

#[test]
fn without_a_signature_every_request_is_forbidden() {
    let world = World::with_bucket();
    world.put("/bkt/key", b"secret");
    for (method, path) in [
        ("GET", "/"),
        ("GET", "/bkt"),
        ("GET", "/bkt/key"),
        ("HEAD", "/bkt/key"),
        ("GET", "/no-such-bucket"),
        ("GET", "/Not_A_Name/x"),
        ("PUT", "/bkt/new"),
        ("DELETE", "/bkt/key"),
        ("POST", "/bkt?delete"),
        ("OPTIONS", "/bkt/key"),
        ("PATCH", "/bkt/key"),
        ("GET", "/bkt/%ff"),
        ("GET", "/bkt?nonsense"),
    ] {
        let answer = world.send_plain(&ask(method, path).header("host", &world.host()));
        assert_eq!(answer.status, 403, "{method} {path}: {}", answer.text());
        assert!(!answer.text().contains("secret"));
    }
    let post = ask("POST", "/bkt").header("host", &world.host());
    let post = post.header("content-type", "multipart/form-data; boundary=x");
    assert_eq!(world.send_plain(&post).status, 403);
    world.stop();
}

#[test]
fn a_key_that_may_only_read_changes_nothing() {
    let world = World::with_bucket();
    world.put("/bkt/key", b"data");
    world.send_as("reader", ask("GET", "/bkt/key")).expect(200);
    world.send_as("reader", ask("GET", "/bkt")).expect(200);
    world.send_as("reader", ask("GET", "/")).expect(200);
    world
        .send_as("reader", ask("GET", "/bkt/key?tagging"))
        .expect(200);
    let delete = b"<Delete><Object><Key>key</Key></Object></Delete>";
    let tags = b"<Tagging><TagSet></TagSet></Tagging>";
    for change in [
        ask("PUT", "/new-bucket"),
        ask("DELETE", "/bkt"),
        ask("PUT", "/bkt/key").body(b"x"),
        ask("PUT", "/bkt/key").header("x-amz-write-offset-bytes", "4"),
        ask("PUT", "/bkt/copy").header("x-amz-copy-source", "/bkt/key"),
        ask("PUT", "/bkt/to?renameObject").header("x-amz-rename-source", "/bkt/key"),
        ask("DELETE", "/bkt/key"),
        ask("POST", "/bkt?delete").body(delete),
        ask("POST", "/bkt/key?uploads"),
        ask("PUT", "/bkt/key?tagging").body(tags),
        ask("DELETE", "/bkt/key?tagging"),
    ] {
        let what = format!("{} {}", change.method, change.path);
        let answer = world.send_as("reader", change);
        assert_eq!(
            (answer.status, &answer.code()[..]),
            (403, "AccessDenied"),
            "{what}"
        );
    }
    assert_eq!(world.get("/bkt/key").body, b"data");
    world.stop();
}

#[test]
fn a_key_of_one_bucket_sees_no_other() {
    let world = World::with_bucket();
    world.send(ask("PUT", "/one")).expect(200);
    world.put("/bkt/key", b"data");
    let list = world.send_as("one", ask("GET", "/")).expect(200);
    assert_eq!(list.elements("Name"), ["one"]);
    world
        .send_as("one", ask("PUT", "/one/key").body(b"x"))
        .expect(200);
    for other in [
        ask("GET", "/bkt"),
        ask("GET", "/bkt/key"),
        ask("GET", "/no-such-bucket"),
        ask("PUT", "/new-bucket"),
        ask("DELETE", "/one"),
        ask("PUT", "/one"),
        ask("PUT", "/one/copy").header("x-amz-copy-source", "/bkt/key"),
        ask("PUT", "/bkt/copy").header("x-amz-copy-source", "/one/key"),
        ask("GET", "/bkt?policy"),
    ] {
        let what = format!("{} {}", other.method, other.path);
        let answer = world.send_as("one", other);
        assert_eq!(
            (answer.status, &answer.code()[..]),
            (403, "AccessDenied"),
            "{what}"
        );
    }
    world.stop();
}

#[test]
fn a_bound_key_may_do_what_permissions_allow() {
    use engine_bucket::{Ack, SetAttributes};
    let world = World::with_bucket();
    world.put("/bkt/dir/key", b"data");
    let bucket = world.bucket("bkt");
    let node = |path: &[u8]| engine_pool::block_on(bucket.node_of(path)).unwrap();
    let set = |path: &[u8], uid, mode| {
        let set = SetAttributes {
            uid: Some(uid),
            gid: Some(0),
            mode: Some(mode),
            ..SetAttributes::default()
        };
        let node = node(path);
        engine_pool::block_on(bucket.set_attributes(&node, &set, Ack::Written)).unwrap();
    };
    world
        .send_as("bound", ask("GET", "/bkt/dir/key"))
        .expect(200);
    set(b"dir/key", 0, 0o600);
    let denied = |ask| {
        world.send_as("bound", ask).refused(403, "AccessDenied");
    };
    denied(ask("GET", "/bkt/dir/key"));
    denied(
        ask("PUT", "/bkt/dir/key")
            .header("x-amz-write-offset-bytes", "4")
            .body(b"x"),
    );
    // The directory is its own: it may replace and remove what it cannot read.
    world
        .send_as("bound", ask("PUT", "/bkt/dir/key").body(b"mine"))
        .expect(200);
    world.put("/bkt/dir/sub/", b"");
    let dir = engine_pool::block_on(bucket.lookup(&bucket.root(), b"dir")).unwrap();
    let set_dir = SetAttributes {
        uid: Some(0),
        gid: Some(0),
        mode: Some(0o700),
        ..SetAttributes::default()
    };
    engine_pool::block_on(bucket.set_attributes(&dir.0, &set_dir, Ack::Written)).unwrap();
    denied(ask("GET", "/bkt/dir/key"));
    denied(ask("PUT", "/bkt/dir/new").body(b"x"));
    denied(ask("DELETE", "/bkt/dir/key"));
    denied(ask("GET", "/bkt?list-type=2&prefix=dir%2F"));
    let list = world
        .send_as("bound", ask("GET", "/bkt?list-type=2"))
        .expect(200);
    assert!(!list.elements("Key").contains(&"dir/key".to_owned()));
    // Others are not bound.
    world.get("/bkt/dir/key").expect(200);
    world.stop();
}

#[test]
fn the_bucket_may_be_in_the_name_of_the_host() {
    let world = World::with_bucket();
    world.put("/bkt/key", b"data");
    let host = |name: &str, path: &str| world.send(ask("GET", path).header("host", name));
    assert_eq!(host("bkt.s3.test", "/key").expect(200).body, b"data");
    assert_eq!(host("BKT.s3.test:9000", "/key").expect(200).body, b"data");
    assert_eq!(host("s3.test", "/bkt/key").expect(200).body, b"data");
    assert_eq!(host("localhost", "/bkt/key").expect(200).body, b"data");
    assert_eq!(host("bkt.s3.test", "/").expect(200).element("Name"), "bkt");
    host("none.s3.test", "/key").refused(404, "NoSuchBucket");
    world.stop();
}

#[test]
fn nothing_but_http_ends_the_connection_only() {
    let world = World::with_bucket();
    let mut get = ask("GET", "/bkt");
    world.signer("admin").sign_headers(&mut get, &world.host());
    let bytes = bytes_of(&get);
    let mut stream = std::net::TcpStream::connect(world.server.address()).unwrap();
    std::io::Write::write_all(&mut stream, b"\x16\x03\x01 nonsense\r\n\r\n").unwrap();
    let mut end = Vec::new();
    let _ = std::io::Read::read_to_end(&mut stream, &mut end);
    let answer = send(world.server.address(), &bytes, false);
    answer.expect(200);
    world.stop();
}
