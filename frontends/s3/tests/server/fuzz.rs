//! Requests that nobody would send, most of them signed: the server answers each, and nothing of
//! them stays.

mod random;
mod requests;
mod spoil;

use std::io::{BufReader, ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use engine_bucket::{Ack, ListItem, ListOptions};
use engine_pool::block_on;
use frontends_s3::Limits;

use crate::client::{bytes_of, try_read_answer};
use crate::{World, ask};
use random::Random;
use requests::request;
use spoil::{chunked, spoil};

const SEED: u64 = 0x53;
const CLIENTS: u64 = 4;
const REQUESTS: usize = 1500;
/// An answer that has not come by then never comes.
const HANG: Duration = Duration::from_secs(120);
/// Panics of threads of servers.
static PANICS: AtomicUsize = AtomicUsize::new(0);

fn count_panics() {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        if std::thread::current().name() == Some("s3") {
            PANICS.fetch_add(1, Ordering::SeqCst);
        }
        before(info);
    }));
}

/// Sends what is no longer a request, or not all of one, and reads what comes until the end.
fn send_spoiled(world: &World, bytes: &[u8]) {
    let mut stream = TcpStream::connect(world.server.address()).unwrap();
    stream.set_read_timeout(Some(HANG)).unwrap();
    let _ = stream.write_all(bytes);
    let _ = stream.shutdown(Shutdown::Write);
    let mut answer = Vec::new();
    if let Err(error) = stream.read_to_end(&mut answer) {
        // A connection may be reset, but not forgotten.
        let is_hang = matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut);
        assert!(!is_hang, "the server neither answers nor closes");
    }
    assert!(!answer.starts_with(b"HTTP/1.1 500"), "an internal error");
}

/// Sends a request and reads its answer; its status.
fn send_whole(world: &World, bytes: &[u8], is_head: bool) -> u16 {
    let mut stream = TcpStream::connect(world.server.address()).unwrap();
    stream.set_read_timeout(Some(HANG)).unwrap();
    let _ = stream.write_all(bytes);
    let answer = match try_read_answer(&mut BufReader::new(stream), is_head) {
        Ok(answer) => answer,
        // Refused and closed while the body was still being sent.
        Err(error) if error.kind() == ErrorKind::ConnectionReset => return 400,
        Err(error) => panic!("no answer: {error}"),
    };
    let is_known = matches!(answer.status, 200..=499 | 501 | 503 | 507);
    assert!(is_known, "{}: {}", answer.status, answer.text());
    answer.status
}

/// One client; how many of its requests were done, and how many refused.
fn attack(world: &World, upload: &str, random: &mut Random) -> (usize, usize) {
    let (mut done, mut refused) = (0, 0);
    for _ in 0..REQUESTS {
        let mut ask = request(random, upload);
        let is_chunked = ask.method == "PUT" && random.one_in(5);
        let signer = world.signer("admin");
        if is_chunked {
            chunked(random, &mut ask, &signer, &world.host());
        } else if random.one_in(20) {
            signer.presign(&mut ask, &world.host(), 60);
        } else {
            signer.sign_headers(&mut ask, &world.host());
        }
        let mut bytes = bytes_of(&ask);
        if random.one_in(5) {
            spoil(random, &mut bytes);
            send_spoiled(world, &bytes);
            continue;
        }
        match send_whole(world, &bytes, ask.method == "HEAD") {
            200..=399 => done += 1,
            _ => refused += 1,
        }
    }
    (done, refused)
}

/// Takes away what the requests have made, and waits until its space is back.
fn clear(world: &World) {
    let bucket = world.bucket("bkt");
    for upload in block_on(bucket.uploads(b"")).unwrap() {
        block_on(bucket.abort_upload(upload.id, Ack::Written)).unwrap();
    }
    let all = ListOptions {
        max: 10_000,
        ..ListOptions::default()
    };
    for item in block_on(bucket.list(&all)).unwrap().items {
        let ListItem::Object { key, .. } = item else {
            continue;
        };
        block_on(bucket.remove(&key, None, Ack::Written)).unwrap();
    }
    while world.buckets.show("bkt").unwrap().allocated.get() > 0 {
        std::thread::yield_now();
    }
}

#[test]
fn no_request_ends_hangs_or_fills_the_server() {
    println!("seed {SEED:#x}");
    count_panics();
    let world = World::with(512 << 20, Limits::default());
    world.send(ask("PUT", "/bkt")).expect(200);
    world.put("/bkt/kept", b"kept");
    let made = world.send(ask("POST", "/bkt/key?uploads")).expect(200);
    let upload = made.element("UploadId");
    let (done, refused) = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|client| {
                let (world, upload) = (&world, &upload);
                scope.spawn(move || attack(world, upload, &mut Random(SEED + client)))
            })
            .collect();
        let counts = clients.into_iter().map(|client| client.join().unwrap());
        counts.fold((0, 0), |all, one| (all.0 + one.0, all.1 + one.1))
    });
    println!("{done} done, {refused} refused");
    assert!(done > REQUESTS / 2 && refused > REQUESTS / 2);
    assert_eq!(
        PANICS.load(Ordering::SeqCst),
        0,
        "threads of the server panicked"
    );
    let metrics = world.server.metrics();
    while metrics.requests_in_flight.load(Ordering::Relaxed) > 0
        || metrics.connections_open.load(Ordering::Relaxed) > 0
    {
        std::thread::yield_now();
    }
    assert_eq!(world.get("/bkt/kept").expect(200).text(), "kept");
    world.put("/bkt/after", b"well");
    assert_eq!(world.get("/bkt/after").expect(200).text(), "well");
    clear(&world);
    world.stop();
}
