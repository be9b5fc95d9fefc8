//! Clients that are gone, or refused, in the middle of a body.

use std::io::{BufReader, Write as _};
use std::net::TcpStream;
use std::sync::atomic::Ordering;

use frontends_s3::Class;

use crate::client::read_answer;
use crate::wire::signed;
use crate::{World, ask, pattern};

/// Sends all of a large body but its end, and is gone.
fn cut(world: &World, path: &str) {
    let class = Class::Put;
    let before = world.server.metrics().requests(class);
    let bytes = signed(world, ask("PUT", path).body(&pattern(5 << 20, 3)));
    let mut stream = TcpStream::connect(world.server.address()).unwrap();
    stream.write_all(&bytes[..bytes.len() - 1]).unwrap();
    while world.server.metrics().requests(class) == before {
        std::thread::yield_now();
    }
    drop(stream);
    while world
        .server
        .metrics()
        .requests_in_flight
        .load(Ordering::Relaxed)
        > 0
    {
        std::thread::yield_now();
    }
}

#[test]
fn a_connection_that_is_cut_publishes_nothing_and_leaves_nothing_staged() {
    let world = World::with_bucket();
    let made = world.send(ask("POST", "/bkt/parts?uploads")).expect(200);
    let id = made.element("UploadId");
    cut(&world, "/bkt/key");
    cut(&world, &format!("/bkt/parts?partNumber=1&uploadId={id}"));
    world.get("/bkt/key").refused(404, "NoSuchKey");
    let parts = world.get(&format!("/bkt/parts?uploadId={id}")).expect(200);
    assert_eq!(parts.elements("PartNumber"), [""; 0]);
    // Nobody changes the bucket from here on: it comes back by itself.
    while world.buckets.show("bkt").unwrap().allocated.get() > 0 {
        std::thread::yield_now();
    }
    world.stop();
}

/// A client that looks for the answer only when all of its body is sent finds it, and goes on.
#[test]
fn a_refusal_reaches_a_client_that_still_sends() {
    let world = World::with_bucket();
    let mut stream = TcpStream::connect(world.server.address()).unwrap();
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let data = pattern(12 << 20, 1);
    let long = format!("/bkt/{}", "k".repeat(1025));
    for (put, status) in [
        (ask("PUT", "/none/key"), 404),
        (ask("PUT", &long), 400),
        (
            ask("PUT", "/bkt/key").header("x-amz-acl", "public-read"),
            501,
        ),
        (
            ask("PUT", "/bkt/key").header("content-md5", "nonsense"),
            400,
        ),
    ] {
        stream.write_all(&signed(&world, put.body(&data))).unwrap();
        read_answer(&mut reader, false).expect(status);
    }
    stream
        .write_all(&signed(&world, ask("HEAD", "/bkt")))
        .unwrap();
    read_answer(&mut reader, true).expect(200);
    drop((stream, reader));
    world.stop();
}
