//! Keys that are bound by the permissions of files: access control lists, and uploads in parts.

use engine_bucket::{Ack, SetAttributes, SetHow};
use engine_pool::block_on;

use crate::{World, ask};

/// A list of the owner, `uid` and `gid` by name, the group, a mask and the others.
fn list_of(user: (u32, u16), own: u16, group: (u32, u16), mask: u16) -> Vec<u8> {
    let mut list = 2_u32.to_le_bytes().to_vec();
    for (tag, permissions, id) in [
        (1_u16, 7_u16, u32::MAX),
        (2, user.1, user.0),
        (4, own, u32::MAX),
        (8, group.1, group.0),
        (0x10, mask, u32::MAX),
        (0x20, 0, u32::MAX),
    ] {
        list.extend(tag.to_le_bytes());
        list.extend(permissions.to_le_bytes());
        list.extend(id.to_le_bytes());
    }
    list
}

/// The key is of uid 7 and gid 8.
#[test]
fn a_bound_key_may_do_what_an_access_control_list_allows() {
    let world = World::with_bucket();
    world.put("/bkt/key", b"data");
    let bucket = world.bucket("bkt");
    let node = block_on(bucket.node_of(b"key")).unwrap();
    for (gid, list, may) in [
        // The mask is no permission of the group.
        (8, list_of((9, 7), 0, (9, 7), 7), false),
        (8, list_of((9, 7), 4, (9, 7), 7), true),
        (8, list_of((9, 7), 4, (9, 7), 3), false),
        (9, list_of((7, 4), 0, (9, 0), 4), true),
        (8, list_of((7, 0), 7, (8, 7), 7), false),
        (9, list_of((7, 4), 0, (9, 0), 3), false),
        (9, list_of((9, 0), 0, (8, 4), 4), true),
        (9, list_of((9, 0), 7, (9, 7), 7), false),
    ] {
        let set = SetAttributes {
            uid: Some(1),
            gid: Some(gid),
            ..SetAttributes::default()
        };
        block_on(bucket.set_attributes(&node, &set, Ack::Written)).unwrap();
        let name = b"system.posix_acl_access";
        let set = bucket.set_attribute(&node, name, &list, SetHow::Any, Ack::Written);
        block_on(set).unwrap();
        let answer = world.send_as("bound", ask("GET", "/bkt/key"));
        assert_eq!(answer.status, if may { 200 } else { 403 }, "{gid} {list:?}");
    }
    world.stop();
}

#[test]
fn a_bound_key_has_nothing_to_do_with_uploads_where_it_may_not_write() {
    let world = World::with_bucket();
    world.put("/bkt/dir/other", b"data");
    let made = world.send(ask("POST", "/bkt/dir/key?uploads")).expect(200);
    let id = made.element("UploadId");
    let path = format!("/bkt/dir/key?uploadId={id}");
    let part = format!("/bkt/dir/key?partNumber=1&uploadId={id}");
    let tag = world.put(&part, b"x").header("etag").to_owned();
    let xml = format!(
        "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{tag}</ETag></Part>\
         </CompleteMultipartUpload>"
    );
    let complete = ask("POST", &path).body(xml.as_bytes());
    let bucket = world.bucket("bkt");
    let (dir, _) = block_on(bucket.lookup(&bucket.root(), b"dir")).unwrap();
    let set = SetAttributes {
        uid: Some(1),
        gid: Some(1),
        mode: Some(0o755),
        ..SetAttributes::default()
    };
    block_on(bucket.set_attributes(&dir, &set, Ack::Written)).unwrap();
    let copy = ask("PUT", &part).header("x-amz-copy-source", "/bkt/dir/other");
    for refused in [
        ask("PUT", &part).body(b"y"),
        copy,
        ask("GET", &path),
        ask("DELETE", &path),
        complete.clone(),
    ] {
        let answer = world.send_as("bound", refused);
        answer.refused(403, "AccessDenied");
    }
    world.send(complete.clone()).expect(200);
    // Completed before, and told to nobody else.
    world
        .send_as("bound", complete)
        .refused(403, "AccessDenied");
    world.stop();
}
