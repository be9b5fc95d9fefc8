//! What a check says of records that do not fit together. Each is made by a batch that no operation
//! commits.

use std::sync::Arc;

use engine_bucket::{Ack, NewKind, Node};
use engine_device::{Device, SimDevice, SimOptions};
use engine_format::{
    BatchBuilder, BucketKey, Cleanup, ContentForm, DatasetKind, DirectoryState, EntryRecord, Held,
    Inode, InodeId, InodeKind, PieceRecord,
};
use engine_log::BatchData;
use engine_pool::{CheckOptions, block_on, check};

use crate::{World, create, pattern, put};

/// A bucket with some of everything.
fn world() -> World {
    let world = World::new();
    let root = world.bucket.root();
    let below = create(&world.bucket, &root, b"below", NewKind::Directory);
    let file = create(&world.bucket, &below, b"file", NewKind::File);
    block_on(world.bucket.link(&file, (&root, b"other"), Ack::Written)).unwrap();
    put(&world.bucket, b"a/b/key", b"small");
    put(&world.bucket, b"large", &pattern(100_000, 3));
    world
}

fn id(world: &World, way: &[&[u8]]) -> InodeId {
    let mut node: Node = world.bucket.root();
    for name in way {
        node = block_on(world.bucket.lookup(&node, name)).unwrap().0;
    }
    node.id()
}

/// Changes records, and tells what a check finds.
fn found(world: &World, changes: &[(BucketKey<'_>, Option<Vec<u8>>)]) -> Vec<String> {
    let pool = world.buckets.pool();
    let dataset = pool.find_dataset(DatasetKind::Bucket, "b").unwrap();
    let mut batch = BatchBuilder::new();
    let mut spans = Vec::new();
    for (key, value) in changes {
        let key = key.encode();
        match value {
            Some(value) => batch.put(dataset.id(), &key, value),
            None => batch.delete(dataset.id(), &key),
        }
        spans.push((key.clone(), key));
    }
    let batch = BatchData {
        mutations: batch.finish().unwrap(),
        data: Vec::new(),
        streamed: false,
    };
    if !spans.is_empty() {
        block_on(pool.commit_keys(&dataset, spans, batch)).unwrap();
    }
    block_on(pool.flush()).unwrap();
    let image = SimDevice::from_image(world.image(), SimOptions::default());
    let device = Arc::new(image) as Arc<dyn Device>;
    let report = check(device, &CheckOptions::default(), &mut |_| {}).unwrap();
    report
        .findings
        .into_iter()
        .map(|finding| finding.what)
        .collect()
}

fn assert_says(found: &[String], words: &[&str]) {
    let says = |what: &String| words.iter().all(|word| what.contains(word));
    assert!(found.iter().any(says), "nothing says {words:?}: {found:#?}");
}

#[test]
fn nothing_is_said_of_a_whole_bucket() {
    assert_eq!(found(&world(), &[]), [""; 0]);
}

#[test]
fn a_directory_without_times_and_counts() {
    let world = world();
    let below = id(&world, &[b"below"]);
    let found = found(&world, &[(BucketKey::Directory(below), None)]);
    assert_says(&found, &["the directory", "has no times and counts"]);
    assert_says(&found, &["entries in", "which is no directory"]);
}

#[test]
fn counts_that_are_wrong() {
    let world = world();
    let below = id(&world, &[b"below"]);
    let state = DirectoryState {
        entries: 9,
        keys: 1,
        ..DirectoryState::default()
    };
    let change = (BucketKey::Directory(below), Some(state.encode().to_vec()));
    let found = found(&world, &[change]);
    assert_says(&found, &["counts 9 entries", "there are 1, 0 and 1"]);
    assert_eq!(found.len(), 1, "{found:#?}");
}

#[test]
fn a_name_that_leads_nowhere_and_links_that_are_wrong() {
    let world = world();
    let file = id(&world, &[b"other"]);
    let found_without = found(&world, &[(BucketKey::Inode(file), None)]);
    assert_says(&found_without, &["2 names lead to", "has no record"]);

    let world = self::world();
    let other = BucketKey::Entry(InodeId::ROOT, b"other");
    let found_one = found(&world, &[(other, None)]);
    assert_says(&found_one, &["counts 2 names, but there are 1"]);
    assert_says(&found_one, &["the directory inode 1 counts"]);
}

#[test]
fn a_directory_that_the_root_does_not_lead_to() {
    let world = world();
    let (a, below) = (id(&world, &[b"a"]), id(&world, &[b"below"]));
    let entry = |world: &World, name: &[u8]| {
        let pool = world.buckets.pool();
        let dataset = pool.find_dataset(DatasetKind::Bucket, "b").unwrap();
        let key = BucketKey::Entry(InodeId::ROOT, name).encode();
        let look = |tree: &engine_tree::Tree| tree.get(&key, |value| value.map(<[u8]>::to_vec));
        block_on(pool.look(&dataset, look)).unwrap().unwrap()
    };
    // Each is in the other.
    let changes = [
        (BucketKey::Entry(below, b"a/"), Some(entry(&world, b"a/"))),
        (
            BucketKey::Entry(a, b"below/"),
            Some(entry(&world, b"below/")),
        ),
        (BucketKey::Entry(InodeId::ROOT, b"a/"), None),
        (BucketKey::Entry(InodeId::ROOT, b"below/"), None),
    ];
    let found = found(&world, &changes);
    assert_says(&found, &["the root does not lead to the directory"]);
}

#[test]
fn one_inode_in_two_places() {
    let world = world();
    let entry = EntryRecord::Inline(inode(id(&world, &[b"large"]), ContentForm::None));
    let key = BucketKey::Entry(InodeId::ROOT, b"twice");
    let found = found(&world, &[(key, Some(entry.encode()))]);
    assert_says(&found, &["is there twice"]);
}

fn inode(id: InodeId, content: ContentForm) -> Inode {
    Inode {
        id,
        kind: InodeKind::File,
        content,
        explicit: false,
        mode: 0o644,
        uid: 0,
        gid: 0,
        links: 1,
        device: 0,
        size: 0,
        allocated: 0,
        accessed: 0,
        modified: 0,
        changed: 0,
        created: 0,
        changes: 0,
        fields: engine_format::InodeFields::default(),
    }
}

#[test]
fn an_inode_with_a_number_that_nobody_gave_out() {
    let world = world();
    let far = InodeId::new(1 << 40).unwrap();
    let entry = EntryRecord::Inline(inode(far, ContentForm::None));
    let key = BucketKey::Entry(InodeId::ROOT, b"far");
    let found = found(&world, &[(key, Some(entry.encode()))]);
    assert_says(&found, &["never given out"]);
}

#[test]
fn a_directory_that_is_there_for_keys_that_are_not() {
    let world = world();
    let (a, b) = (id(&world, &[b"a"]), id(&world, &[b"a", b"b"]));
    let state = DirectoryState::default().encode().to_vec();
    let key = id(&world, &[b"a", b"b", b"key"]);
    let changes = [
        (BucketKey::Entry(b, b"key"), None),
        (BucketKey::Small(key), None),
        (BucketKey::Directory(b), Some(state)),
    ];
    let found = found(&world, &changes);
    assert_says(&found, &["only for the keys below it"]);
    assert!(a != b);
}

#[test]
fn contents_that_nobody_has() {
    let world = world();
    let large = id(&world, &[b"large"]);
    let name = BucketKey::Entry(InodeId::ROOT, b"large");
    let found_content = found(&world, &[(name, None)]);
    assert_says(&found_content, &["nothing refers to the content of"]);

    let world = self::world();
    let stray = InodeId::new(17).unwrap();
    let changes = [
        (BucketKey::Small(large), Some(b"x".to_vec())),
        (
            BucketKey::Attribute(InodeId::new(900).unwrap(), b"user.x"),
            Some(b"y".to_vec()),
        ),
        (
            BucketKey::Piece(InodeId::new(901).unwrap(), 0),
            Some(PieceRecord { content: stray }.encode()),
        ),
    ];
    let found_parts = found(&world, &changes);
    assert_says(&found_parts, &["a small content of"]);
    assert_says(&found_parts, &["an attribute of inode 900"]);
    assert_says(&found_parts, &["a piece of content of inode 901"]);
}

#[test]
fn what_is_to_be_given_back_and_is_not_nameless() {
    let world = world();
    let file = id(&world, &[b"other"]);
    let held = (BucketKey::Held(file), Some(Held::Orphan.encode()));
    let found_held = found(&world, &[held]);
    assert_says(&found_held, &["is to be given back, and is not nameless"]);

    // Contents that are being given back are no finding.
    let world = self::world();
    let content = InodeId::new(950).unwrap();
    let cleanup = (BucketKey::Cleanup(content), Some(Cleanup::All.encode()));
    assert_eq!(found(&world, &[cleanup]), [""; 0]);
}

#[test]
fn names_that_no_entry_can_have() {
    let world = world();
    let number = InodeId::new(960).unwrap();
    let entry = EntryRecord::Inline(inode(number, ContentForm::None));
    let key = BucketKey::Entry(InodeId::ROOT, b"x/y");
    let found = found(&world, &[(key, Some(entry.encode()))]);
    assert_says(&found, &["\"x/y\"", "which no File can have"]);
}
