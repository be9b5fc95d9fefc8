//! Rule 15: directories are renamed by their keys.

use engine_bucket::{
    Ack, BucketError, Info, ListItem, ListOptions, NewKind, ObjectHead, Precondition,
    RenamePreconditions, WriteAt,
};
use engine_pool::block_on;

use crate::{OWNER, World, create, get, pattern, put};

fn rename(world: &World, from: &[u8], to: &[u8]) -> Result<(), BucketError> {
    let renamed = world.bucket.rename_object(
        from,
        to,
        OWNER,
        RenamePreconditions::default(),
        Ack::Durable,
    );
    block_on(renamed)
}

fn keys(world: &World) -> Vec<String> {
    let options = ListOptions {
        max: 1000,
        ..ListOptions::default()
    };
    let page = block_on(world.bucket.list(&options)).unwrap();
    let text = |item: &ListItem| String::from_utf8(item.key().to_vec()).unwrap();
    page.items.iter().map(text).collect()
}

#[test]
fn a_directory_moves_with_all_below_it() {
    let world = World::new();
    let bucket = &world.bucket;
    let large = pattern(3_000_000, 1);
    put(bucket, b"a/b/large", &large);
    put(bucket, b"a/b/c/k", b"1");
    put(bucket, b"a/other", b"2");
    let (a, _) = block_on(bucket.lookup(&bucket.root(), b"a")).unwrap();
    let (b, _) = block_on(bucket.lookup(&a, b"b")).unwrap();
    let (file, _) = block_on(bucket.lookup(&b, b"large")).unwrap();
    rename(&world, b"a/b/", b"x/y/z/").unwrap();
    assert_eq!(keys(&world), ["a/other", "x/y/z/c/k", "x/y/z/large"]);
    // Handles from before go on, and know where they are.
    block_on(bucket.write(&file, WriteAt::Byte(0), b"new", Ack::Written)).unwrap();
    assert_eq!(&get(bucket, b"x/y/z/large").unwrap()[..3], b"new");
    create(bucket, &b, b"made", NewKind::File);
    let below = rename(&world, b"x/y/", b"x/y/z/c/d/");
    assert!(matches!(below, Err(BucketError::Below)));
    rename(&world, b"x/", b"x2/").unwrap();
    let world = world.kill();
    let expected = [
        "a/other",
        "x2/y/z/",
        "x2/y/z/c/k",
        "x2/y/z/large",
        "x2/y/z/made",
    ];
    assert_eq!(keys(&world), expected, "the mount's file made z explicit");
    assert_eq!(
        get(&world.bucket, b"x2/y/z/large").unwrap()[3..],
        large[3..]
    );
}

/// Rules 4 and 5: directories that are there only for keys come and go.
#[test]
fn directories_around_a_move_come_and_go() {
    let world = World::new();
    let bucket = &world.bucket;
    put(bucket, b"p/q/r/k", b"1");
    rename(&world, b"p/q/r/", b"p/s/").unwrap();
    assert_eq!(keys(&world), ["p/s/k"]);
    rename(&world, b"p/s/", b"t/").unwrap();
    assert_eq!(keys(&world), ["t/k"]);
    assert!(block_on(bucket.lookup(&bucket.root(), b"p")).is_err());
    let gone = bucket.remove(b"t/k", None, Ack::Written);
    assert!(block_on(gone).unwrap().existed);
    let root = block_on(bucket.directory_state(bucket.root().id())).unwrap();
    assert_eq!((root.entries, root.directories, root.keys), (0, 0, 0));
}

#[test]
fn a_directory_takes_the_place_of_an_empty_one_only() {
    let world = World::new();
    let bucket = &world.bucket;
    let root = bucket.root();
    put(bucket, b"d/", &pattern(100_000, 2));
    put(bucket, b"d/k", b"1");
    put(bucket, b"full/k", b"2");
    put(bucket, b"empty/", &pattern(200_000, 3));
    create(bucket, &root, b"link", NewKind::Symlink(b"x"));
    let full = rename(&world, b"d/", b"full/");
    assert!(matches!(full, Err(BucketError::NotEmpty)));
    let blocked = rename(&world, b"d/", b"link/");
    assert!(matches!(blocked, Err(BucketError::InTheWay)));
    let missing = rename(&world, b"none/", b"new/");
    assert!(matches!(missing, Err(BucketError::NotFound { .. })));
    let mixed = rename(&world, b"d/", b"file");
    assert!(matches!(mixed, Err(BucketError::Invalid { .. })));
    let absent = |found: Option<&engine_bucket::Info>| found.is_none();
    let conditions = RenamePreconditions {
        moved: None,
        replaced: Some(&absent),
    };
    let demanded = bucket.rename_object(b"d/", b"empty/", OWNER, conditions, Ack::Written);
    assert!(matches!(block_on(demanded), Err(BucketError::Precondition)));
    rename(&world, b"d/", b"d/").unwrap();
    // A file of the same name is another object, and stays.
    put(bucket, b"empty", b"file");
    rename(&world, b"d/", b"empty/").unwrap();
    assert_eq!(keys(&world), ["empty", "empty/", "empty/k", "full/k"]);
    assert!(get(bucket, b"empty/").unwrap() == pattern(100_000, 2));
    assert_eq!(world.kill().allocated(), 100_000);
}

/// Conditions on both ends of a rename are those of the commit.
#[test]
fn renames_under_conditions() {
    let world = World::new();
    let bucket = &world.bucket;
    put(bucket, b"from", b"data");
    put(bucket, b"to", b"old");
    let (holds, fails) = (
        |found: Option<&Info>| found.is_some(),
        |found: Option<&Info>| found.is_none(),
    );
    let rename = |moved, replaced| {
        let conditions = RenamePreconditions { moved, replaced };
        block_on(bucket.rename_object(b"from", b"to", OWNER, conditions, Ack::Written))
    };
    for (moved, replaced) in [
        (Some(&fails as Precondition<'_>), None),
        (Some(&fails as _), Some(&holds as Precondition<'_>)),
        (Some(&holds as _), Some(&fails as _)),
    ] {
        let refused = rename(moved, replaced);
        assert!(matches!(refused, Err(BucketError::Precondition)));
        assert_eq!(get(bucket, b"to").unwrap(), b"old");
    }
    rename(Some(&holds), Some(&holds)).unwrap();
    assert_eq!(get(bucket, b"to").unwrap(), b"data");
}

/// What decides on new metadata sees the object as it is when they are committed.
#[test]
fn metadata_is_revised_from_what_it_is() {
    let world = World::new();
    let bucket = &world.bucket;
    put(bucket, b"k", b"data");
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..25 {
                    let count = |head: &ObjectHead| {
                        let mut value = head.metadata.first().map_or(vec![], |p| p.1.clone());
                        value.push(b'x');
                        Ok(vec![(b"meta.count".to_vec(), value)])
                    };
                    block_on(bucket.revise_metadata(b"k", &count, Ack::Written)).unwrap();
                }
            });
        }
    });
    let head = block_on(bucket.head(b"k")).unwrap().found.unwrap();
    assert_eq!(head.metadata[0].1.len(), 100);
    let refuse = |_: &ObjectHead| Err(BucketError::Precondition);
    let refused = block_on(bucket.revise_metadata(b"k", &refuse, Ack::Written));
    assert!(matches!(refused, Err(BucketError::Precondition)));
    let absent = block_on(bucket.revise_metadata(b"none", &refuse, Ack::Written));
    assert!(matches!(absent, Err(BucketError::NotFound { .. })));
}
