//! Parts of many sizes, or of none, and uploads that never end.

use super::Upload;
use crate::{World, ask, pattern};

/// More differing sizes than are kept beside the object.
#[test]
fn each_of_many_parts_of_differing_sizes_is_read() {
    let world = World::with_bucket();
    let mut upload = Upload::new(&world);
    let sizes: Vec<usize> = (1..=60).map(|number| number * 137 % 1009 + 1).collect();
    let all = pattern(sizes.iter().sum(), 3);
    let mut at = 0;
    for (index, size) in sizes.iter().enumerate() {
        upload.part(index + 1, &all[at..at + size]);
        at += size;
    }
    // The last part may be empty.
    upload.part(61, b"");
    upload.complete().expect(200);
    let part = |key: &str, number: usize| world.get(&format!("/bkt/{key}?partNumber={number}"));
    let mut at = 0;
    for (index, size) in sizes.iter().enumerate() {
        let got = part("key", index + 1).expect(206);
        assert!(got.body == all[at..at + size], "part {}", index + 1);
        assert_eq!(got.header("x-amz-mp-parts-count"), "61");
        at += size;
    }
    let head = world
        .send(ask("HEAD", "/bkt/key?partNumber=60"))
        .expect(206);
    assert_eq!(head.header("content-length"), sizes[59].to_string());
    assert_eq!(part("key", 61).status, 200);
    part("key", 62).refused(416, "InvalidPartNumber");
    let attributes = ask("GET", "/bkt/key?attributes")
        .header("x-amz-object-attributes", "ObjectParts")
        .header("x-amz-max-parts", "2")
        .header("x-amz-part-number-marker", "58");
    let attributes = world.send(attributes);
    assert_eq!(
        attributes.expect(200).elements("Size"),
        [sizes[58].to_string(), sizes[59].to_string()]
    );
    // A copy is one content: its parts are not kept.
    let copy = ask("PUT", "/bkt/copy").header("x-amz-copy-source", "/bkt/key");
    world.send(copy).expect(200);
    assert!(part("copy", 1).expect(200).body == all);
    part("copy", 2).refused(416, "InvalidPartNumber");
    world.stop();
}

#[test]
fn only_the_last_part_may_be_empty() {
    let world = World::with_bucket();
    let mut upload = Upload::new(&world);
    upload.part(1, b"");
    upload.part(2, b"x");
    upload.complete().refused(400, "EntityTooSmall");
    upload.parts.clear();
    upload.part(2, b"x");
    upload.part(3, b"");
    upload.complete().expect(200);
    assert_eq!(world.get("/bkt/key").text(), "x");
    world.stop();
}

/// As S3 does with its general purpose buckets: only objects keep one from being deleted.
#[test]
fn a_bucket_of_unfinished_uploads_is_deleted_with_them() {
    let world = World::with_bucket();
    let mut upload = Upload::new(&world);
    upload.part(1, &pattern(300_000, 1));
    world.send(ask("DELETE", "/bkt")).expect(204);
    upload.complete().refused(404, "NoSuchBucket");
    world.send(ask("PUT", "/bkt")).expect(200);
    let uploads = world.get("/bkt?uploads").expect(200);
    assert_eq!(uploads.elements("UploadId"), [""; 0]);
    world.stop();
}
