//! Signatures: what they cover, and when they end.

use std::time::Duration;

use crate::{World, ask};

#[test]
fn what_was_signed_is_what_is_done() {
    let world = World::with_bucket();
    world.put("/bkt/key", b"data");
    let signed = |change: &dyn Fn(&mut crate::client::Ask)| {
        let mut get = ask("GET", "/bkt/key").header("range", "bytes=0-1");
        world.signer("admin").sign_headers(&mut get, &world.host());
        change(&mut get);
        world.send_plain(&get)
    };
    signed(&|_| {}).expect(206);
    signed(&|get| get.path = "/bkt/other".into()).refused(403, "SignatureDoesNotMatch");
    signed(&|get| get.method = "DELETE".into()).refused(403, "SignatureDoesNotMatch");
    signed(&|get| get.query.push(("acl".into(), String::new())))
        .refused(403, "SignatureDoesNotMatch");
    signed(&|get| {
        get.headers.insert("range".into(), "bytes=0-2".into());
    })
    .refused(403, "SignatureDoesNotMatch");
    // A header that would turn a GET or a PUT into something else.
    signed(&|get| {
        get.headers
            .insert("x-amz-copy-source".into(), "/bkt/key".into());
    })
    .refused(403, "AccessDenied");
    let mut unknown = world.signer("nobody");
    unknown.secret = "x".into();
    let mut get = ask("GET", "/bkt/key");
    unknown.sign_headers(&mut get, &world.host());
    world.send_plain(&get).refused(403, "InvalidAccessKeyId");
    let mut wrong = world.signer("admin");
    wrong.secret.push('x');
    let mut get = ask("GET", "/bkt/key");
    wrong.sign_headers(&mut get, &world.host());
    world.send_plain(&get).refused(403, "SignatureDoesNotMatch");
    world.stop();
}

#[test]
fn old_and_early_signatures_are_refused() {
    let world = World::with_bucket();
    for (time, status) in [
        ("20260102T024906Z", 200),
        ("20260102T024904Z", 403),
        ("20260102T031904Z", 200),
        ("20260102T031906Z", 403),
        ("20250102T030405Z", 403),
    ] {
        let mut signer = world.signer("admin");
        signer.time = time.to_owned();
        let mut get = ask("GET", "/bkt");
        signer.sign_headers(&mut get, &world.host());
        let answer = world.send_plain(&get).expect(status);
        if status == 403 {
            assert_eq!(answer.code(), "RequestTimeTooSkewed", "{time}");
        }
    }
    world.stop();
}

#[test]
fn signatures_that_make_no_sense_are_refused() {
    let world = World::with_bucket();
    let date = ("x-amz-date", "2026010!T030405Z");
    let good = "AWS4-HMAC-SHA256 Credential=admin/20260102/us-east-1/s3/aws4_request, \
                SignedHeaders=host, Signature=00";
    for (authorization, date) in [
        ("", date),
        ("AWS4-HMAC-SHA256", date),
        ("AWS4-HMAC-SHA256 Credential=", date),
        (good, date),
        (good, ("x-amz-date", "20260102T030405Z")),
        (
            "AWS4-HMAC-SHA256 Credential=/////, SignedHeaders=;;;, Signature=",
            date,
        ),
        ("Bearer x", date),
    ] {
        let get = ask("GET", "/bkt")
            .header("host", &world.host())
            .header("authorization", authorization)
            .header(date.0, date.1)
            .header("x-amz-content-sha256", "UNSIGNED-PAYLOAD");
        assert_eq!(world.send_plain(&get).status, 403, "{authorization}");
    }
    for query in [
        "X-Amz-Signature=",
        "X-Amz-Signature=1&X-Amz-Algorithm=AWS4-HMAC-SHA256",
        "Signature",
    ] {
        let get = ask("GET", &format!("/bkt?{query}")).header("host", &world.host());
        assert_eq!(world.send_plain(&get).status, 403, "{query}");
    }
    world.stop();
}

#[test]
fn signed_urls_end() {
    let world = World::with_bucket();
    world.put("/bkt/a%20b", b"data");
    let url = |expires| {
        let mut get = ask("GET", "/bkt/a%20b");
        world
            .signer("admin")
            .presign(&mut get, &world.host(), expires);
        get
    };
    let hour = url(3600);
    assert_eq!(world.send_plain(&hour).expect(200).body, b"data");
    world.send_plain(&url(7 * 24 * 3600)).expect(200);
    let week = url(7 * 24 * 3600 + 1);
    world
        .send_plain(&week)
        .refused(400, "AuthorizationQueryParametersError");
    world
        .send_plain(&url(0))
        .refused(400, "AuthorizationQueryParametersError");
    let mut changed = hour.clone();
    changed.path = "/bkt/other".into();
    world
        .send_plain(&changed)
        .refused(403, "SignatureDoesNotMatch");
    let mut more = hour.clone();
    more.headers.insert("x-amz-meta-a".into(), "b".into());
    world.send_plain(&more).refused(403, "AccessDenied");
    world.clock.advance(Duration::from_secs(3601));
    world.send_plain(&hour).refused(403, "AccessDenied");
    world.stop();
}

#[test]
fn signatures_of_version_2_are_refused() {
    let world = World::with_bucket();
    let host = world.host();
    let header = ask("GET", "/bkt")
        .header("host", &host)
        .header("authorization", "AWS admin:c2lnbmF0dXJl")
        .header("date", "Fri, 02 Jan 2026 03:04:05 GMT");
    world.send_plain(&header).refused(403, "AccessDenied");
    let url = "/bkt?AWSAccessKeyId=admin&Expires=99999999999&Signature=c2lnbmF0dXJl";
    let url = ask("GET", url).header("host", &host);
    world.send_plain(&url).refused(403, "AccessDenied");
    world.stop();
}

#[test]
fn a_hash_that_a_url_signs_is_not_switched_off_by_a_header() {
    use sha2::{Digest as _, Sha256};
    let world = World::with_bucket();
    let hash = |data: &[u8]| crate::client::hex(&Sha256::digest(data));
    let header = "x-amz-content-sha256";
    let open = ["UNSIGNED-PAYLOAD", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"];
    for in_query in [true, false] {
        let mut put = ask("PUT", "/bkt/key").body(b"other");
        if in_query {
            let pair = ("X-Amz-Content-Sha256".to_owned(), hash(b"data"));
            put.query.push(pair);
        } else {
            put = put.header(header, &hash(b"data"));
        }
        world.signer("admin").presign(&mut put, &world.host(), 60);
        let mismatch = |put: &crate::client::Ask| {
            let refused = world.send_plain(put);
            refused.refused(400, "XAmzContentSHA256Mismatch");
        };
        mismatch(&put);
        for value in open.into_iter().filter(|_| in_query) {
            mismatch(&put.clone().header(header, value));
        }
        world.get("/bkt/key").refused(404, "NoSuchKey");
        world.send_plain(&put.body(b"data")).expect(200);
        world.send(ask("DELETE", "/bkt/key")).expect(204);
    }
    // Where the URL leaves the body open, the header says more.
    let mut put = ask("PUT", "/bkt/key").body(b"other");
    world.signer("admin").presign(&mut put, &world.host(), 60);
    let wrong = put.clone().header(header, &hash(b"data"));
    world
        .send_plain(&wrong)
        .refused(400, "XAmzContentSHA256Mismatch");
    world.send_plain(&put).expect(200);
    world.stop();
}
