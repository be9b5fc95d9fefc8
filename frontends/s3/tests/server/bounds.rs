//! What a client may use, and what is not there.

use std::io::{BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::atomic::Ordering;
use std::time::Duration;

use engine_bucket::{Ack, ObjectMetadata, Owner};
use engine_pool::block_on;
use frontends_s3::{Class, Limits};

use crate::client::{bytes_of, read_answer};
use crate::{World, ask, pattern};

#[test]
fn more_requests_than_places_are_told_to_slow_down() {
    let limits = Limits {
        requests: 1,
        ..Limits::default()
    };
    let world = World::with(256 << 20, limits);
    world.send(ask("PUT", "/bkt")).expect(200);
    let mut put = ask("PUT", "/bkt/key").body(&pattern(10_000, 0));
    world.signer("admin").sign_headers(&mut put, &world.host());
    let bytes = bytes_of(&put);
    let (head, tail) = bytes.split_at(bytes.len() - 1);
    let mut slow = TcpStream::connect(world.server.address()).unwrap();
    slow.write_all(head).unwrap();
    let metrics = world.server.metrics();
    while metrics.requests(Class::Put) == 0 {
        std::thread::yield_now();
    }
    let refused = world.get("/bkt/key").refused(503, "SlowDown");
    assert!(!refused.header("x-amz-request-id").is_empty());
    slow.write_all(tail).unwrap();
    read_answer(&mut BufReader::new(slow), false).expect(200);
    assert_eq!(metrics.slowed_down.load(Ordering::Relaxed), 1);
    world.stop();
}

#[test]
fn a_body_that_stalls_is_given_up() {
    let limits = Limits {
        stall_time: Duration::from_millis(50),
        ..Limits::default()
    };
    let world = World::with(256 << 20, limits);
    world.send(ask("PUT", "/bkt")).expect(200);
    let mut put = ask("PUT", "/bkt/key").body(&pattern(10_000, 0));
    world.signer("admin").sign_headers(&mut put, &world.host());
    let bytes = bytes_of(&put);
    let mut slow = TcpStream::connect(world.server.address()).unwrap();
    slow.write_all(&bytes[..bytes.len() - 1]).unwrap();
    let answer = read_answer(&mut BufReader::new(slow), false);
    answer.refused(400, "RequestTimeout");
    world.get("/bkt/key").refused(404, "NoSuchKey");
    world.stop();
}

#[test]
fn an_answer_that_nobody_reads_is_given_up() {
    let limits = Limits {
        stall_time: Duration::from_millis(50),
        ..Limits::default()
    };
    let world = World::with(256 << 20, limits);
    world.send(ask("PUT", "/bkt")).expect(200);
    let data = pattern(40 << 20, 1);
    // Not through the server, to which a busy machine may send too slowly for such limits.
    let mut upload = world.bucket("bkt").upload();
    block_on(upload.write(&data)).unwrap();
    let object = ObjectMetadata::default();
    let owner = Owner {
        uid: 0,
        gid: 0,
        umask: 0o022,
    };
    block_on(upload.finish(b"key", owner, &object, None, Ack::Durable)).unwrap();
    let mut get = ask("GET", "/bkt/key");
    world.signer("admin").sign_headers(&mut get, &world.host());
    let mut stream = TcpStream::connect(world.server.address()).unwrap();
    stream.write_all(&bytes_of(&get)).unwrap();
    let metrics = world.server.metrics();
    while metrics.requests(Class::Get) == 0
        || metrics.requests_in_flight.load(Ordering::Relaxed) > 0
    {
        std::thread::yield_now();
    }
    let mut got = Vec::new();
    let _ = stream.read_to_end(&mut got);
    assert!(got.len() < data.len(), "the answer was cut off");
    world.stop();
}

#[test]
fn what_does_not_fit_is_refused_before_it_is_read() {
    let world = World::with(96 << 20, Limits::default());
    world.send(ask("PUT", "/bkt")).expect(200);
    let mut put = ask("PUT", "/bkt/key").header("content-length", "10000000000");
    put.payload = Some("UNSIGNED-PAYLOAD".to_owned());
    world.signer("admin").sign_headers(&mut put, &world.host());
    world.send_plain(&put).refused(507, "InsufficientStorage");
    world.stop();
}

#[test]
fn documents_are_bounded() {
    let world = World::with_bucket();
    let mut delete = ask("POST", "/bkt?delete").header("content-length", "1000000000");
    delete.payload = Some("UNSIGNED-PAYLOAD".to_owned());
    world
        .signer("admin")
        .sign_headers(&mut delete, &world.host());
    world
        .send_plain(&delete)
        .refused(400, "MaxMessageLengthExceeded");
    world.stop();
}

#[test]
fn what_is_not_there_says_so() {
    let world = World::with_bucket();
    world.put("/bkt/key", b"x");
    for request in [
        ask("GET", "/bkt?acl"),
        ask("GET", "/bkt?policy"),
        ask("GET", "/bkt?lifecycle"),
        ask("GET", "/bkt/key?acl"),
        ask("GET", "/bkt/key?torrent"),
        ask("POST", "/bkt/key?restore"),
        ask("DELETE", "/bkt/key?legal-hold"),
        ask("DELETE", "/bkt/key?acl"),
        ask("DELETE", "/bkt?abac"),
        ask("PUT", "/bkt/key?restore"),
        ask("OPTIONS", "/bkt/key"),
        ask("PUT", "/bkt/key").header("x-amz-server-side-encryption", "AES256"),
        ask("PUT", "/bkt/key").header("x-amz-acl", "public-read"),
        ask("PUT", "/bkt/key").header("x-amz-object-lock-mode", "GOVERNANCE"),
        ask("POST", "/bkt").header("content-type", "multipart/form-data; boundary=x"),
    ] {
        let what = format!("{} {} {:?}", request.method, request.path, request.query);
        let answer = world.send(request);
        assert_eq!(
            (answer.status, &answer.code()[..]),
            (501, "NotImplemented"),
            "{what}"
        );
    }
    world
        .send(ask("PUT", "/bkt/key?uploadId=1"))
        .refused(400, "InvalidArgument");
    assert_eq!(
        world.get("/bkt/key").text(),
        "x",
        "nothing was done instead"
    );
    let class = ask("PUT", "/bkt/key").header("x-amz-storage-class", "GLACIER");
    world.send(class).refused(400, "InvalidStorageClass");
    let usual = ask("PUT", "/bkt/key").header("x-amz-acl", "private");
    world
        .send(usual.header("x-amz-storage-class", "STANDARD"))
        .expect(200);
    world
        .get("/bkt/key?versionId=abc")
        .refused(404, "NoSuchVersion");
    world.get("/bkt/key?versionId=null").expect(200);
    world.stop();
}

#[test]
fn a_request_in_flight_is_finished_before_the_server_ends() {
    let world = World::with_bucket();
    let mut put = ask("PUT", "/bkt/key").body(&pattern(10_000, 0));
    world.signer("admin").sign_headers(&mut put, &world.host());
    let bytes = bytes_of(&put);
    let (head, tail) = bytes.split_at(bytes.len() - 1);
    let mut slow = TcpStream::connect(world.server.address()).unwrap();
    slow.write_all(head).unwrap();
    let metrics = world.server.metrics();
    while metrics.requests(Class::Put) == 0 {
        std::thread::yield_now();
    }
    let stopping = std::thread::spawn(move || world.stop());
    slow.write_all(tail).unwrap();
    read_answer(&mut BufReader::new(slow), false).expect(200);
    stopping.join().unwrap();
    assert_eq!(metrics.connections_open.load(Ordering::Relaxed), 0);
}

#[test]
fn connections_that_ask_nothing_are_closed() {
    let limits = Limits {
        head_time: Duration::from_millis(50),
        ..Limits::default()
    };
    let world = World::with(256 << 20, limits);
    for begin in [&b""[..], b"GET /bkt HTTP/1.1\r\nho"] {
        let mut stream = TcpStream::connect(world.server.address()).unwrap();
        stream.write_all(begin).unwrap();
        let mut end = Vec::new();
        let _ = stream.read_to_end(&mut end);
    }
    world.stop();
}

#[test]
fn connections_above_the_limit_are_closed() {
    let limits = Limits {
        connections: 1,
        ..Limits::default()
    };
    let world = World::with(256 << 20, limits);
    let first = TcpStream::connect(world.server.address()).unwrap();
    let metrics = world.server.metrics();
    while metrics.connections_open.load(Ordering::Relaxed) == 0 {
        std::thread::yield_now();
    }
    let mut second = TcpStream::connect(world.server.address()).unwrap();
    assert_eq!(second.read(&mut [0]).unwrap_or(0), 0);
    assert_eq!(metrics.connections_refused.load(Ordering::Relaxed), 1);
    drop(first);
    world.stop();
}
