//! Rules 1 and 8: access control lists are inherited, follow the mode, and stay with the name.

use engine_bucket::{
    Ack, Bucket, BucketError, Completion, NewInode, NewKind, Node, ObjectMetadata, SetAttributes,
    SetHow,
};
use engine_pool::block_on;

use crate::{OWNER, World, create, put};

const ACCESS: &[u8] = b"system.posix_acl_access";
const DEFAULT: &[u8] = b"system.posix_acl_default";

/// The owner's, user 1000's, the group's permissions, the mask and those of others.
fn list(permissions: [u8; 5]) -> Vec<u8> {
    let mut value = vec![2, 0, 0, 0];
    for (tag, permission) in [1, 2, 4, 0x10, 0x20].into_iter().zip(permissions) {
        let id = if tag == 2 { 1000 } else { u32::MAX };
        value.extend_from_slice(&[tag, 0, permission, 0]);
        value.extend_from_slice(&id.to_le_bytes());
    }
    value
}

fn plain(permissions: [u8; 3]) -> Vec<u8> {
    let mut value = vec![2, 0, 0, 0];
    for (tag, permission) in [1, 4, 0x20].into_iter().zip(permissions) {
        value.extend_from_slice(&[tag, 0, permission, 0, 0xff, 0xff, 0xff, 0xff]);
    }
    value
}

fn set(bucket: &Bucket, node: &Node, name: &[u8], value: &[u8]) -> Result<(), BucketError> {
    block_on(bucket.set_attribute(node, name, value, SetHow::Any, Ack::Written))
}

fn node(bucket: &Bucket, path: &str) -> Node {
    let mut node = bucket.root();
    for name in path.split('/') {
        node = block_on(bucket.lookup(&node, name.as_bytes())).unwrap().0;
    }
    node
}

/// Mode, list of its own, list for what is made in it.
type Lists = (u16, Option<Vec<u8>>, Option<Vec<u8>>);

fn lists(bucket: &Bucket, node: &Node) -> Lists {
    let mode = block_on(bucket.info(node)).unwrap().mode;
    let list = |name| block_on(bucket.attribute(node, name)).ok();
    (mode, list(ACCESS), list(DEFAULT))
}

/// A directory `d` with a default list.
fn with_default(world: &World, default: &[u8]) -> Node {
    let dir = create(
        &world.bucket,
        &world.bucket.root(),
        b"d",
        NewKind::Directory,
    );
    set(&world.bucket, &dir, DEFAULT, default).unwrap();
    dir
}

#[test]
fn what_a_mount_makes_inherits_the_default_list() {
    let world = World::new();
    let bucket = &world.bucket;
    let default = list([7, 6, 5, 7, 0]);
    let dir = with_default(&world, &default);
    let make = |name: &[u8], kind, mode| {
        let new = NewInode {
            kind,
            mode,
            uid: 1,
            gid: 2,
        };
        let made = bucket.create_with_umask(&dir, name, &new, 0o077, Ack::Written);
        block_on(made).unwrap().0
    };
    let file = make(b"f", NewKind::File, 0o666);
    let expected = (0o660, Some(list([6, 6, 5, 6, 0])), None);
    assert_eq!(lists(bucket, &file), expected);
    let below = make(b"s", NewKind::Directory, 0o750);
    let expected = (0o750, Some(list([7, 6, 5, 5, 0])), Some(default));
    assert_eq!(lists(bucket, &below), expected);
    let link = make(b"l", NewKind::Symlink(b"x"), 0o777);
    assert_eq!(lists(bucket, &link), (0o700, None, None));
    // Without one the umask decides.
    block_on(bucket.remove_attribute(&dir, DEFAULT, Ack::Written)).unwrap();
    let file = make(b"g", NewKind::File, 0o666);
    assert_eq!(lists(bucket, &file), (0o600, None, None));
}

#[test]
fn objects_and_their_directories_inherit_the_default_list() {
    let world = World::new();
    let bucket = &world.bucket;
    let default = list([7, 6, 5, 7, 0]);
    with_default(&world, &default);
    put(bucket, b"d/e/f/k", b"x");
    put(bucket, b"d/dir/", b"");
    let of_directory = (0o770, Some(list([7, 6, 5, 7, 0])), Some(default));
    for path in ["d/e", "d/e/f", "d/dir"] {
        assert_eq!(lists(bucket, &node(bucket, path)), of_directory, "{path}");
    }
    let of_file = (0o660, Some(list([6, 6, 5, 6, 0])), None);
    assert_eq!(lists(bucket, &node(bucket, "d/e/f/k")), of_file);
    let object = ObjectMetadata::default();
    let id = block_on(bucket.create_upload(b"d/g/m", OWNER, &object, Ack::Written)).unwrap();
    let mut upload = bucket.upload();
    block_on(upload.write(b"part")).unwrap();
    block_on(upload.finish_part(id, 1, b"t", b"", Ack::Written)).unwrap();
    let completion = Completion {
        parts: &[(1, b"t".to_vec())],
        owner: OWNER,
        object: &object,
    };
    block_on(bucket.complete_upload(id, &completion, None, Ack::Written)).unwrap();
    assert_eq!(lists(bucket, &node(bucket, "d/g/m")), of_file);
    assert_eq!(lists(bucket, &node(bucket, "d/g")), of_directory);
    let any = engine_bucket::RenamePreconditions::default();
    let moved = bucket.rename_object(b"d/e/f/k", b"d/h/k", OWNER, any, Ack::Written);
    block_on(moved).unwrap();
    assert_eq!(lists(bucket, &node(bucket, "d/h")), of_directory);
}

#[test]
fn a_put_over_a_file_keeps_its_list_and_takes_none_from_above() {
    let world = World::new();
    let bucket = &world.bucket;
    let dir = with_default(&world, &list([7, 6, 5, 7, 0]));
    put(bucket, b"d/k", b"1");
    let own = list([7, 4, 4, 4, 1]);
    set(bucket, &node(bucket, "d/k"), ACCESS, &own).unwrap();
    put(bucket, b"d/k", b"2");
    assert_eq!(
        lists(bucket, &node(bucket, "d/k")),
        (0o741, Some(own), None)
    );
    let k = node(bucket, "d/k");
    block_on(bucket.remove_attribute(&k, ACCESS, Ack::Written)).unwrap();
    put(bucket, b"d/k", b"3");
    assert_eq!(lists(bucket, &node(bucket, "d/k")), (0o741, None, None));
    drop(dir);
}

#[test]
fn mode_and_list_say_the_same() {
    let world = World::new();
    let bucket = &world.bucket;
    let file = create(bucket, &bucket.root(), b"f", NewKind::File);
    set(bucket, &file, ACCESS, &list([6, 7, 5, 4, 1])).unwrap();
    let seen = lists(bucket, &file);
    assert_eq!(seen, (0o641, Some(list([6, 7, 5, 4, 1])), None));
    let mode = SetAttributes {
        mode: Some(0o1712),
        ..SetAttributes::default()
    };
    block_on(bucket.set_attributes(&file, &mode, Ack::Written)).unwrap();
    let seen = lists(bucket, &file);
    assert_eq!(seen, (0o1712, Some(list([7, 7, 5, 1, 2])), None));
    set(bucket, &file, ACCESS, &plain([6, 4, 0])).unwrap();
    assert_eq!(lists(bucket, &file), (0o1640, None, None), "as the mode");
    let dir = create(bucket, &bucket.root(), b"d", NewKind::Directory);
    set(bucket, &dir, DEFAULT, &plain([7, 5, 0])).unwrap();
    set(bucket, &dir, ACCESS, &list([7, 7, 7, 7, 7])).unwrap();
    set(bucket, &dir, ACCESS, &[2, 0, 0, 0]).unwrap();
    assert_eq!(lists(bucket, &dir).2, Some(plain([7, 5, 0])));
    set(bucket, &dir, DEFAULT, &[2, 0, 0, 0]).unwrap();
    assert_eq!(lists(bucket, &dir), (0o777, None, None), "nothing is left");
}

#[test]
fn lists_that_mean_nothing_are_refused() {
    let world = World::new();
    let bucket = &world.bucket;
    let file = create(bucket, &bucket.root(), b"f", NewKind::File);
    let link = create(bucket, &bucket.root(), b"l", NewKind::Symlink(b"x"));
    let good = list([7, 7, 7, 7, 7]);
    let wrong = [
        (&file, ACCESS, &good[..43]),
        (&file, ACCESS, &[][..]),
        (&file, ACCESS, &good[..36]),
        (&file, DEFAULT, &good),
        (&link, ACCESS, &good),
    ];
    for (index, (node, name, value)) in wrong.into_iter().enumerate() {
        let refused = set(bucket, node, name, value);
        let invalid = matches!(refused, Err(BucketError::Invalid { .. }));
        assert!(invalid, "{index}: {refused:?}");
    }
}

/// A key of many new directories under a long list: refused as a whole instead of a batch that does
/// not fit.
#[test]
fn lists_of_new_directories_are_bounded() {
    let world = World::new();
    let bucket = &world.bucket;
    with_default(&world, &list([7, 6, 5, 7, 0]));
    let deep = |levels: usize| [&b"d/"[..], &b"x/".repeat(levels), b"k"].concat();
    put(bucket, &deep(150), b"x");
    block_on(bucket.remove(&deep(150), None, Ack::Written)).unwrap();
    let upload = bucket.upload();
    let object = ObjectMetadata::default();
    let refused = block_on(upload.finish(&deep(400), OWNER, &object, None, Ack::Written));
    assert!(matches!(refused, Err(BucketError::TooLarge { .. })));
    assert!(block_on(bucket.lookup(&node(bucket, "d"), b"x")).is_err());
}
