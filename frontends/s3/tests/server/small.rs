//! What an answer says besides the object, and what a request must say.

use crate::{World, ask};

#[test]
fn a_range_of_another_content_is_all_of_it() {
    let world = World::with_bucket();
    let tag = world
        .put("/bkt/key", b"123456789")
        .header("etag")
        .to_owned();
    let time = "Fri, 02 Jan 2026 03:04:05 GMT";
    for (validator, is_same) in [
        (&tag[..], true),
        (time, true),
        (&format!("W/{tag}"), false),
        (tag.trim_matches('"'), false),
        ("\"other\"", false),
        ("Fri, 02 Jan 2026 03:04:06 GMT", false),
        ("nonsense", false),
        ("*", false),
    ] {
        for method in ["GET", "HEAD"] {
            let part = ask(method, "/bkt/key").header("range", "bytes=2-4");
            let answer = world.send(part.header("if-range", validator));
            let (status, length) = if is_same { (206, "3") } else { (200, "9") };
            let answer = answer.expect(status);
            assert_eq!(answer.header("content-length"), length, "{validator}");
        }
        let behind = ask("GET", "/bkt/key").header("range", "bytes=20-");
        let answer = world.send(behind.header("if-range", validator));
        answer.expect(if is_same { 416 } else { 200 });
    }
    let whole = ask("GET", "/bkt/key").header("if-range", &tag);
    world.send(whole).expect(200);
    world.stop();
}

#[test]
fn not_modified_says_for_how_long() {
    let world = World::with_bucket();
    let expires = "Fri, 02 Jan 2026 04:04:05 GMT";
    let put = ask("PUT", "/bkt/key").header("cache-control", "max-age=60");
    let put = world.send(put.header("expires", expires).body(b"data"));
    let tag = put.expect(200).header("etag").to_owned();
    for method in ["GET", "HEAD"] {
        let known = world.send(ask(method, "/bkt/key").header("if-none-match", &tag));
        let known = known.expect(304);
        assert_eq!(known.header("etag"), tag);
        assert_eq!(known.header("cache-control"), "max-age=60");
        assert_eq!(known.header("expires"), expires);
    }
    world.stop();
}

#[test]
fn attributes_have_the_bare_tag_and_pages_that_end() {
    let world = World::with_bucket();
    let tag = world.put("/bkt/key", b"data").header("etag").to_owned();
    let about = |headers: &[(&str, &str)]| {
        let mut get = ask("GET", "/bkt/key?attributes");
        for (name, value) in headers {
            get = get.header(name, value);
        }
        world.send(get).expect(200)
    };
    let all = ("x-amz-object-attributes", "ETag,ObjectParts");
    assert_eq!(about(&[all]).element("ETag"), tag.trim_matches('"'));
    let list = world.get("/bkt").expect(200);
    assert_eq!(list.element("ETag").replace("&quot;", "\""), tag);
    let made = world.send(ask("POST", "/bkt/key?uploads")).expect(200);
    let id = made.element("UploadId");
    let part = world.put(&format!("/bkt/key?partNumber=1&uploadId={id}"), b"x");
    let tag = part.header("etag");
    let xml = format!(
        "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{tag}</ETag></Part>\
         </CompleteMultipartUpload>"
    );
    let complete = ask("POST", &format!("/bkt/key?uploadId={id}"));
    world.send(complete.body(xml.as_bytes())).expect(200);
    let none = about(&[all, ("x-amz-max-parts", "0")]);
    assert_eq!(none.element("IsTruncated"), "false", "{}", none.text());
    assert_eq!(none.element("PartNumber"), "");
    world.stop();
}

#[test]
fn a_body_of_unknown_length_is_no_empty_object() {
    let world = World::with_bucket();
    let mut put = ask("PUT", "/bkt/key");
    world.signer("admin").sign_headers(&mut put, &world.host());
    let bytes = crate::client::bytes_of(&put);
    let text = String::from_utf8(bytes).unwrap();
    let text = text.replace("content-length: 0\r\n", "");
    let answer = crate::client::send(world.server.address(), text.as_bytes(), false);
    answer.refused(411, "MissingContentLength");
    world.get("/bkt/key").refused(404, "NoSuchKey");
    world.put("/bkt/key", b"");
    world.stop();
}

#[test]
fn tokens_and_owners_that_are_not_there_are_refused() {
    let world = World::with_bucket();
    world.put("/bkt/key", b"data");
    world
        .get("/bkt?list-type=2&continuation-token=")
        .refused(400, "InvalidArgument");
    let copy = ask("PUT", "/bkt/copy").header("x-amz-copy-source", "/bkt/key");
    let copy = copy.header("x-amz-source-expected-bucket-owner", "111122223333");
    world.send(copy).refused(403, "AccessDenied");
    world.get("/bkt/copy").refused(404, "NoSuchKey");
    world.stop();
}

#[test]
fn carriage_returns_in_keys_come_back() {
    let world = World::with_bucket();
    world.put("/bkt/a%0Db", b"\r");
    let put = ask("PUT", "/bkt/xml").header("content-type", "application/xml");
    world.send(put.body(b"<a>\r\n</a>")).expect(200);
    let key = "a&#13;b";
    let list = world.get("/bkt?list-type=2").expect(200);
    assert_eq!(list.elements("Key"), [key, "xml"]);
    let delete = format!("<Delete><Object><Key>{key}</Key></Object></Delete>");
    let deleted = world.send(ask("POST", "/bkt?delete").body(delete.as_bytes()));
    assert_eq!(deleted.expect(200).element("Key"), key);
    world.get("/bkt/a%0Db").refused(404, "NoSuchKey");
    // What an object holds stays as it is.
    assert_eq!(world.get("/bkt/xml").expect(200).body, b"<a>\r\n</a>");
    world.stop();
}
