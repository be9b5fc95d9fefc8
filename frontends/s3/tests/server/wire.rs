//! What is no request, or one that means harm: the right answer or none, and the server goes on.

use std::io::{BufRead as _, BufReader, ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use frontends_s3::Limits;

use crate::client::{Ask, bytes_of, read_answer};
use crate::{World, ask, pattern};

/// The bytes of a signed request.
pub(crate) fn signed(world: &World, mut ask: Ask) -> Vec<u8> {
    world.signer("admin").sign_headers(&mut ask, &world.host());
    bytes_of(&ask)
}

/// All that the server says to `bytes` until it closes; the client sends no more.
fn say(world: &World, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(world.server.address()).unwrap();
    // A server that refuses closes while bytes are still being sent.
    let _ = stream.write_all(bytes);
    let _ = stream.shutdown(Shutdown::Write);
    let mut all = Vec::new();
    let _ = stream.read_to_end(&mut all);
    String::from_utf8_lossy(&all).into_owned()
}

/// Ends a world that still serves, with nothing in flight.
fn end(world: World) {
    world.put("/bkt/after", b"well");
    assert_eq!(world.get("/bkt/after").expect(200).text(), "well");
    world.stop();
}

#[test]
fn bytes_that_are_no_request_are_refused() {
    let world = World::with_bucket();
    let host = "host: x\r\n";
    for bytes in [
        "\0\0\0\0\r\n\r\n".to_owned(),
        "\x16\x03\x01\x02\0\x01\0\x01\u{7f}\x03\x03".to_owned(),
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(),
        format!("GET / HTTP/9.9\r\n{host}\r\n"),
        format!("GET /a b HTTP/1.1\r\n{host}\r\n"),
        format!("G\0T / HTTP/1.1\r\n{host}\r\n"),
        format!("GET / HTTP/1.1\r\n{host}na me: x\r\n\r\n"),
        format!("GET / HTTP/1.1\r\n{host}name: a\0b\r\n\r\n"),
        format!("GET / HTTP/1.1\r\n{host}content-length: -1\r\n\r\n"),
        format!("GET / HTTP/1.1\r\n{host}content-length: +1\r\n\r\nx"),
        format!("GET / HTTP/1.1\r\n{host}content-length: 1\r\ncontent-length: 2\r\n\r\nxx"),
        format!("GET / HTTP/1.1\r\n{host}content-length: 99999999999999999999\r\n\r\n"),
    ] {
        let answer = say(&world, bytes.as_bytes());
        let is_refused = answer.is_empty() || answer.starts_with("HTTP/1.1 400");
        assert!(is_refused, "{bytes:?}: {answer}");
    }
    end(world);
}

#[test]
fn headers_that_are_too_large_or_too_many_are_refused() {
    let world = World::with_bucket();
    let large = format!("x-large: {}\r\n", "x".repeat(300 << 10));
    let many: String = (0..200).map(|index| format!("x-{index}: 1\r\n")).collect();
    for headers in [large, many] {
        let answer = say(
            &world,
            format!("GET /bkt HTTP/1.1\r\n{headers}\r\n").as_bytes(),
        );
        assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
    }
    let path = "p".repeat(300 << 10);
    let answer = say(&world, format!("GET /{path} HTTP/1.1\r\n\r\n").as_bytes());
    let is_refused = ["HTTP/1.1 414", "HTTP/1.1 431"]
        .iter()
        .any(|begin| answer.starts_with(begin));
    assert!(is_refused, "{answer}");
    end(world);
}

/// The bound holds for a head that comes at once, too.
#[test]
fn a_head_above_the_limit_is_refused_however_it_comes() {
    let world = World::with_bucket();
    let limit = Limits::default().head_bytes;
    let of = |bytes: usize| {
        let begin = "GET /bkt HTTP/1.1\r\nhost: x\r\nx-large: ";
        let fill = "x".repeat(bytes - begin.len() - "\r\n\r\n".len());
        say(&world, format!("{begin}{fill}\r\n\r\n").as_bytes())
    };
    let small = of(limit - 4096);
    assert!(small.starts_with("HTTP/1.1 403"), "{small}");
    for bytes in [limit + 1, limit + 1000, limit + (20 << 10)] {
        let refused = of(bytes);
        let is_refused = refused.starts_with("HTTP/1.1 431")
            || refused.contains("<Code>RequestHeaderSectionTooLarge</Code>");
        assert!(is_refused, "{bytes}: {refused:?}");
    }
    end(world);
}

/// What a refused client still sends does not take the answer from it: the connection is ended,
/// not reset.
#[test]
fn a_client_that_goes_on_sending_reads_its_refusal() {
    let world = World::with_bucket();
    let mut stream = TcpStream::connect(world.server.address()).unwrap();
    let fill = "x".repeat(300 << 10);
    let head = format!("GET /bkt HTTP/1.1\r\nhost: x\r\nx-large: {fill}");
    stream.write_all(head.as_bytes()).unwrap();
    let mut begin = [0; 12];
    stream.read_exact(&mut begin).unwrap();
    assert_eq!(&begin, b"HTTP/1.1 431");
    for _ in 0..16 {
        stream.write_all(&[b'x'; 8 << 10]).unwrap();
    }
    stream.read_to_end(&mut Vec::new()).unwrap();
    drop(stream);
    end(world);
}

/// Memory for a head is bounded although it never ends.
#[test]
fn headers_without_an_end_are_cut_off() {
    let world = World::with_bucket();
    let mut stream = TcpStream::connect(world.server.address()).unwrap();
    stream.write_all(b"GET /bkt HTTP/1.1\r\n").unwrap();
    let line = format!("x-more: {}\r\n", "x".repeat(1000));
    let mut sent = 0;
    while sent < 64 << 20 && stream.write_all(line.as_bytes()).is_ok() {
        sent += line.len();
    }
    assert!(sent < 64 << 20, "the server read {sent} bytes of a head");
    drop(stream);
    end(world);
}

/// Sends `bytes` over and over, one after the other, with pauses; whether the server puts an end to
/// it.
fn is_given_up(stream: &mut TcpStream, bytes: &[u8]) -> bool {
    // The time between two bytes passes in reading.
    let pause = Some(Duration::from_millis(20));
    stream.set_read_timeout(pause).unwrap();
    bytes.iter().cycle().take(10_000).any(|byte| {
        if stream.write_all(&[*byte]).is_err() {
            return true;
        }
        match stream.peek(&mut [0]) {
            Ok(_) => true,
            Err(error) => !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
        }
    })
}

#[test]
fn a_body_that_comes_byte_by_byte_is_given_up() {
    let limits = Limits {
        stall_time: Duration::from_millis(200),
        ..Limits::default()
    };
    let world = World::with(256 << 20, limits);
    world.send(ask("PUT", "/bkt")).expect(200);
    let data = pattern(1 << 20, 1);
    let bytes = signed(&world, ask("PUT", "/bkt/key").body(&data));
    let (head, body) = bytes.split_at(bytes.len() - data.len());
    let mut stream = TcpStream::connect(world.server.address()).unwrap();
    stream.write_all(head).unwrap();
    assert!(is_given_up(&mut stream, body), "the body holds its place");
    stream.set_read_timeout(None).unwrap();
    let answer = read_answer(&mut BufReader::new(stream), false);
    answer.refused(400, "RequestTimeout");
    world.get("/bkt/key").refused(404, "NoSuchKey");
    end(world);
}

#[test]
fn a_head_that_comes_byte_by_byte_is_given_up() {
    let limits = Limits {
        // Long enough for the requests that are none of that.
        head_time: Duration::from_secs(2),
        ..Limits::default()
    };
    let world = World::with(256 << 20, limits);
    world.send(ask("PUT", "/bkt")).expect(200);
    let bytes = signed(&world, ask("GET", "/bkt"));
    let endless: Vec<u8> = bytes.into_iter().filter(|byte| *byte != b'\n').collect();
    let mut stream = TcpStream::connect(world.server.address()).unwrap();
    assert!(
        is_given_up(&mut stream, &endless),
        "the server waits for a head that never ends"
    );
    end(world);
}

#[test]
fn a_body_of_unknown_length_is_refused() {
    let world = World::with_bucket();
    for coding in ["chunked", "gzip, chunked", "identity", "chunked, chunked"] {
        let put = ask("PUT", "/bkt/key").header("transfer-encoding", coding);
        let text = String::from_utf8(signed(&world, put)).unwrap();
        let text = text.replace("content-length: 0\r\n", "") + "4\r\ndata\r\n0\r\n\r\n";
        let answer = say(&world, text.as_bytes());
        let is_refused = answer.starts_with("HTTP/1.1 4") || answer.is_empty();
        assert!(is_refused, "{coding}: {answer}");
        world.get("/bkt/key").refused(404, "NoSuchKey");
    }
    end(world);
}

/// Two lengths of one body are how a request is smuggled past a proxy.
#[test]
fn a_body_with_two_lengths_hides_no_request() {
    let world = World::with_bucket();
    world.put("/bkt/kept", b"kept");
    let hidden = String::from_utf8(signed(&world, ask("DELETE", "/bkt/kept"))).unwrap();
    let put = ask("PUT", "/bkt/key").header("transfer-encoding", "chunked");
    let text = String::from_utf8(signed(&world, put)).unwrap();
    let length = format!("content-length: {}\r\n", 5 + hidden.len());
    let text = text.replace("content-length: 0\r\n", &length) + "0\r\n\r\n" + &hidden;
    let answer = say(&world, text.as_bytes());
    assert!(!answer.contains("HTTP/1.1 200"), "{answer}");
    // Either all of it was a body, or what follows it was never read as a request.
    world.get("/bkt/kept").expect(200);
    end(world);
}

#[test]
fn the_body_of_a_refused_request_is_not_the_next_request() {
    let world = World::with_bucket();
    world.put("/bkt/kept", b"kept");
    let hidden = signed(&world, ask("DELETE", "/bkt/kept"));
    for refused in [
        ask("PUT", "/bkt/key").header("content-md5", "nonsense"),
        ask("PUT", "/bkt/key").header("x-amz-acl", "public-read"),
        ask("PUT", "/none/key"),
        ask("GET", "/bkt/kept"),
        ask("DELETE", "/bkt/none?acl"),
    ] {
        let what = format!("{} {}", refused.method, refused.path);
        let mut unsigned = refused.clone().body(&hidden);
        unsigned.headers.insert("host".into(), world.host());
        say(&world, &bytes_of(&unsigned));
        say(&world, &signed(&world, refused.body(&hidden)));
        assert_eq!(world.get("/bkt/kept").expect(200).text(), "kept", "{what}");
    }
    end(world);
}

#[test]
fn requests_on_one_connection_are_answered_in_their_order() {
    let world = World::with_bucket();
    let mut bytes = Vec::new();
    for index in 0..20 {
        let data = pattern(1000 * index, index);
        bytes.extend(signed(&world, ask("PUT", "/bkt/key").body(&data)));
        bytes.extend(signed(&world, ask("GET", "/bkt/key")));
    }
    let mut stream = TcpStream::connect(world.server.address()).unwrap();
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    std::thread::scope(|scope| {
        scope.spawn(|| stream.write_all(&bytes).unwrap());
        for index in 0..20 {
            read_answer(&mut reader, false).expect(200);
            let got = read_answer(&mut reader, false).expect(200);
            assert!(got.body == pattern(1000 * index, index), "answer {index}");
        }
    });
    drop((stream, reader));
    end(world);
}

#[test]
fn a_body_is_asked_for_only_if_it_is_wanted() {
    let world = World::with_bucket();
    let put = |path: &str| {
        let put = ask("PUT", path).header("expect", "100-continue");
        let bytes = signed(&world, put.body(b"data"));
        let (head, body) = bytes.split_at(bytes.len() - 4);
        let mut stream = TcpStream::connect(world.server.address()).unwrap();
        stream.write_all(head).unwrap();
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        if line.starts_with("HTTP/1.1 100") {
            reader.read_line(&mut String::new()).unwrap();
            stream.write_all(body).unwrap();
            line.clear();
            reader.read_line(&mut line).unwrap();
            return (true, line);
        }
        (false, line)
    };
    let (is_asked, line) = put("/bkt/key");
    assert!(is_asked && line.starts_with("HTTP/1.1 200"), "{line}");
    let (is_asked, line) = put("/none/key");
    assert!(!is_asked && line.starts_with("HTTP/1.1 404"), "{line}");
    end(world);
}
