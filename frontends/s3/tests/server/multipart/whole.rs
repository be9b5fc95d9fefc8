//! Checksums of an object that is uploaded in parts, as the client that completes it gives them.

use super::Upload;
use crate::client::Answer;
use crate::sums::{CHECK, base64};
use crate::{World, ask};

/// An upload of the bytes that [`CHECK`] is of, in two parts.
fn uploaded<'a>(world: &'a World, headers: &[(&str, &str)]) -> Upload<'a> {
    let mut ask = ask("POST", "/bkt/key?uploads");
    for (name, value) in headers {
        ask = ask.header(name, value);
    }
    let id = world.send(ask).expect(200).element("UploadId");
    let mut upload = Upload {
        world,
        id,
        parts: String::new(),
    };
    upload.part(1, b"12345");
    upload.part(2, b"6789");
    upload
}

impl Upload<'_> {
    fn complete_with(&self, headers: &[(&str, &str)]) -> Answer {
        let parts = &self.parts;
        let xml = format!("<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>");
        let path = format!("/bkt/key?uploadId={}", self.id);
        let mut ask = ask("POST", &path).body(xml.as_bytes());
        for (name, value) in headers {
            ask = ask.header(name, value);
        }
        self.world.send(ask)
    }
}

#[test]
fn a_checksum_of_all_bytes_is_compared_with_the_object() {
    let world = World::with_bucket();
    for (name, value) in CHECK {
        let full = ("x-amz-checksum-type", "FULL_OBJECT");
        let algorithm = ("x-amz-checksum-algorithm", &*name.to_ascii_uppercase());
        let upload = uploaded(&world, &[algorithm, full]);
        let header = format!("x-amz-checksum-{name}");
        let right = base64(value);
        let mut wrong = value.to_vec();
        wrong[0] ^= 1;
        let wrong = base64(&wrong);
        let complete = |sum: &str| upload.complete_with(&[(&header, sum), full]);
        complete(&wrong).refused(400, "BadDigest");
        complete("nonsense").refused(400, "BadDigest");
        let other = [("x-amz-checksum-sha1", "AAAAAAAAAAAAAAAAAAAAAAAAAAA=")];
        upload.complete_with(&other).refused(400, "InvalidRequest");
        let two = [(&*header, &*right), other[0]];
        upload.complete_with(&two).refused(400, "InvalidRequest");
        let type_of = |kind| upload.complete_with(&[("x-amz-checksum-type", kind)]);
        type_of("COMPOSITE").refused(400, "InvalidRequest");
        type_of("NONE").refused(400, "InvalidArgument");
        let md5 = [
            (&*header, &*right),
            ("content-md5", "1B2M2Y8AsgTpgAmY7PhCfg=="),
        ];
        upload.complete_with(&md5).refused(400, "BadDigest");
        world.get("/bkt/key").refused(404, "NoSuchKey");
        complete(&right).expect(200);
        let get = ask("GET", "/bkt/key").header("x-amz-checksum-mode", "ENABLED");
        let got = world.send(get).expect(200);
        assert_eq!(got.text(), "123456789");
        assert_eq!(got.header(&header), right);
        // Completed again.
        complete(&right).expect(200);
        complete(&wrong).refused(400, "BadDigest");
        world.send(ask("DELETE", "/bkt/key")).expect(204);
    }
    world.stop();
}

#[test]
fn a_checksum_of_checksums_is_compared_with_the_object() {
    let world = World::with_bucket();
    let algorithm = [("x-amz-checksum-algorithm", "SHA256")];
    let done = uploaded(&world, &algorithm).complete_with(&[]).expect(200);
    let sum = done.element("ChecksumSHA256");
    assert!(sum.ends_with("-2"), "{}", done.text());
    let upload = uploaded(&world, &algorithm);
    let complete = |sum: &str| upload.complete_with(&[("x-amz-checksum-sha256", sum)]);
    complete(&sum.replace("-2", "-3")).refused(400, "BadDigest");
    complete(&sum).expect(200);
    world.stop();
}

#[test]
fn a_checksum_that_cannot_be_compared_is_refused() {
    let world = World::with_bucket();
    let upload = uploaded(&world, &[]);
    let sum = [("x-amz-checksum-crc32", &*base64(CHECK[0].1))];
    upload.complete_with(&sum).refused(400, "InvalidRequest");
    world.get("/bkt/key").refused(404, "NoSuchKey");
    upload.complete_with(&[]).expect(200);
    upload.complete_with(&sum).refused(400, "BadDigest");
    world.stop();
}
