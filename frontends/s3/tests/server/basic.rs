//! Buckets and whole objects.

use crate::{World, ask, pattern};

#[test]
fn buckets_come_and_go() {
    let world = World::new();
    world.send(ask("PUT", "/first")).expect(200);
    world.send(ask("PUT", "/second")).expect(200);
    let again = world.send(ask("PUT", "/first"));
    again.refused(409, "BucketAlreadyOwnedByYou");
    let list = world.get("/").expect(200);
    assert_eq!(list.elements("Name"), ["first", "second"]);
    world.send(ask("HEAD", "/first")).expect(200);
    world.send(ask("HEAD", "/third")).expect(404);
    world.get("/third").refused(404, "NoSuchBucket");
    let location = world.get("/first?location").expect(200);
    assert!(
        location.text().contains("LocationConstraint"),
        "{}",
        location.text()
    );
    world.put("/first/a", b"x");
    world
        .send(ask("DELETE", "/first"))
        .refused(409, "BucketNotEmpty");
    world.send(ask("DELETE", "/first/a")).expect(204);
    world.send(ask("DELETE", "/first")).expect(204);
    world
        .send(ask("DELETE", "/first"))
        .refused(404, "NoSuchBucket");
    world.stop();
}

#[test]
fn names_of_buckets_follow_the_rules() {
    let world = World::new();
    for name in [
        "ab",
        "Upper",
        "under_score",
        "-a-",
        "a..b",
        "10.0.0.1",
        "b--at--s",
    ] {
        let made = world.send(ask("PUT", &format!("/{name}")));
        made.refused(400, "InvalidBucketName");
    }
    world.stop();
}

#[test]
fn objects_come_back_as_they_were_put() {
    let world = World::with_bucket();
    for bytes in [0, 1, 2000, 5000, 1 << 20, (3 << 20) + 17] {
        let data = pattern(bytes, bytes);
        let put = world.put("/bkt/dir/key", &data);
        let tag = put.header("etag").to_owned();
        assert_eq!(tag.len(), 34, "an MD5 in quotes: {tag}");
        let got = world.get("/bkt/dir/key").expect(200);
        assert_eq!(got.header("etag"), tag);
        assert_eq!(got.header("content-type"), "binary/octet-stream");
        assert_eq!(got.header("last-modified"), "Fri, 02 Jan 2026 03:04:05 GMT");
        assert!(got.body == data, "{bytes} bytes are the same");
        let head = world.send(ask("HEAD", "/bkt/dir/key")).expect(200);
        assert_eq!(head.header("content-length"), bytes.to_string());
    }
    world.send(ask("DELETE", "/bkt/dir/key")).expect(204);
    world.get("/bkt/dir/key").refused(404, "NoSuchKey");
    world.send(ask("HEAD", "/bkt/dir/key")).expect(404);
    world.send(ask("DELETE", "/bkt/dir/key")).expect(204);
    world.stop();
}

#[test]
fn listings_are_in_order_and_in_pages() {
    let world = World::with_bucket();
    for key in ["a", "b/1", "b/2", "b.txt", "c/x/y", "z"] {
        world.put(&format!("/bkt/{key}"), key.as_bytes());
    }
    let all = world.get("/bkt?list-type=2").expect(200);
    assert_eq!(
        all.elements("Key"),
        ["a", "b.txt", "b/1", "b/2", "c/x/y", "z"]
    );
    assert_eq!(all.element("KeyCount"), "6");
    let rolled = world.get("/bkt?list-type=2&delimiter=%2F").expect(200);
    assert_eq!(rolled.elements("Key"), ["a", "b.txt", "z"]);
    assert_eq!(rolled.elements("Prefix")[1..], ["b/", "c/"]);
    let (mut keys, mut token) = (Vec::new(), String::new());
    loop {
        let path = format!("/bkt?list-type=2&max-keys=2{token}");
        let page = world.get(&path).expect(200);
        keys.extend(page.elements("Key"));
        if page.element("IsTruncated") == "false" {
            break;
        }
        let next = page.element("NextContinuationToken").replace('=', "%3D");
        token = format!("&continuation-token={next}");
    }
    assert_eq!(keys, all.elements("Key"));
    let old = world.get("/bkt?marker=b.txt&max-keys=2").expect(200);
    assert_eq!(old.elements("Key"), ["b/1", "b/2"]);
    assert_eq!(old.element("NextMarker"), "b/2");
    let versions = world.get("/bkt?versions").expect(200);
    assert_eq!(versions.elements("VersionId").len(), 6);
    world.stop();
}

#[test]
fn parts_become_one_object() {
    let world = World::with_bucket();
    let made = world.send(ask("POST", "/bkt/big?uploads")).expect(200);
    let id = made.element("UploadId");
    let (mut list, mut data) = (String::new(), Vec::new());
    for number in 1..=3 {
        let part = pattern(100_000 * number, number);
        let path = format!("/bkt/big?partNumber={number}&uploadId={id}");
        let put = world.put(&path, &part);
        let tag = put.header("etag").replace('"', "&quot;");
        list += &format!("<Part><PartNumber>{number}</PartNumber><ETag>{tag}</ETag></Part>");
        data.extend(part);
    }
    let parts = world.get(&format!("/bkt/big?uploadId={id}")).expect(200);
    assert_eq!(parts.elements("PartNumber"), ["1", "2", "3"]);
    let uploads = world.get("/bkt?uploads").expect(200);
    assert_eq!(uploads.elements("UploadId"), [&id[..]]);
    let xml = format!("<CompleteMultipartUpload>{list}</CompleteMultipartUpload>");
    let path = format!("/bkt/big?uploadId={id}");
    let done = world
        .send(ask("POST", &path).body(xml.as_bytes()))
        .expect(200);
    assert!(done.element("ETag").contains("-3"), "{}", done.text());
    assert!(world.get("/bkt/big").expect(200).body == data);
    let part = world.get("/bkt/big?partNumber=2").expect(206);
    assert!(part.body == pattern(200_000, 2));
    assert_eq!(part.header("x-amz-mp-parts-count"), "3");
    // The answer was lost, and the client asks again.
    let again = world
        .send(ask("POST", &path).body(xml.as_bytes()))
        .expect(200);
    assert_eq!(again.element("ETag"), done.element("ETag"));
    world.stop();
}

/// Clients built on botocore wait for `100 Continue`, get the answer instead, and misread the next
/// answer on the same connection.
#[test]
fn an_empty_body_that_expects_to_be_asked_for_ends_its_connection() {
    let world = World::new();
    world.send(ask("PUT", "/box")).expect(200);
    let empty = ask("PUT", "/box/empty").header("expect", "100-continue");
    assert_eq!(world.send(empty).expect(200).header("connection"), "close");
    let usual = world.send(ask("PUT", "/box/empty")).expect(200);
    assert_eq!(usual.header("connection"), "");
    world.stop();
}
