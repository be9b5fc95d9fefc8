//! Interleavings of requests with changes made elsewhere, step by step.

use std::sync::Arc;

use engine_base::{ByteCount, ManualClock, SeededEntropy};
use engine_bucket::{Ack, Bucket, Buckets, Changed, NewInode, NewKind, Node, RootOwner};
use engine_device::{Device, SimDevice, SimImage, SimOptions};
use engine_pool::{CreateOptions, Pool, PoolOptions, block_on};

use super::{Fresh, Job, Table};
use crate::limits::ABSENT_NAMES_MAX;

const ROOT: u64 = 1;

fn bucket() -> Bucket {
    let options = SimOptions {
        capacity: ByteCount::new(1 << 30),
        ..SimOptions::default()
    };
    let device = Arc::new(SimDevice::from_image(SimImage::default(), options)) as Arc<dyn Device>;
    let create = CreateOptions {
        capacity: Some(ByteCount::new(256 << 20)),
        segment_bytes: Some(2 << 20),
        clock: Arc::new(ManualClock::default()),
        entropy: Arc::new(SeededEntropy::new(5)),
    };
    Pool::create(&*device, &create).unwrap();
    let buckets = Buckets::new(Pool::open(device, &PoolOptions::default()).unwrap());
    block_on(buckets.create("b", RootOwner::default())).unwrap();
    block_on(buckets.open("b")).unwrap()
}

fn file(bucket: &Bucket, name: &[u8]) -> Node {
    let new = NewInode {
        kind: NewKind::File,
        mode: 0o644,
        uid: 0,
        gid: 0,
    };
    let made = block_on(bucket.create(&bucket.root(), name, &new, Ack::Written));
    made.unwrap().0
}

/// A table, and a file `f` in the root that the kernel does not know yet.
fn world() -> (Table, Node) {
    let bucket = bucket();
    (Table::new(bucket.root()), file(&bucket, b"f"))
}

fn entry(name: &[u8]) -> Changed {
    Changed::Entry {
        directory: engine_bucket::InodeId::ROOT,
        name: name.to_vec(),
    }
}

fn is_entry(job: &Job, name: &[u8]) -> bool {
    matches!(job, Job::Entry { directory: ROOT, name: of, .. } if of == name)
}

/// The kernel looks `f` up, and nothing happens meanwhile.
fn look_up(table: &Table, node: &Node) -> Fresh {
    let ticket = table.begin();
    table.expect(ROOT, b"f");
    table.give(&ticket, ROOT, b"f", node)
}

const LONG: Fresh = Fresh {
    entry: true,
    attributes: true,
};

#[test]
fn what_the_kernel_does_not_hold_costs_nothing() {
    let (table, node) = world();
    let changes = [entry(b"f"), Changed::Content(node.id())];
    assert!(table.changed(&changes).is_empty());
}

#[test]
fn what_it_holds_is_worth_one_job_each() {
    let (table, node) = world();
    assert_eq!(look_up(&table, &node), LONG);
    let jobs = table.changed(&[entry(b"f"), Changed::Attributes(node.id())]);
    assert_eq!(jobs.len(), 2);
    assert!(is_entry(&jobs[0], b"f"));
    let Job::Inode {
        id,
        pages,
        ref settling,
    } = jobs[1]
    else {
        panic!("{jobs:?}");
    };
    assert_eq!(
        (id, pages, &settling[..]),
        (node.id().get(), false, &[ROOT][..])
    );
    // The attributes are gone now, the name may still be known.
    assert_eq!(table.changed(&[Changed::Attributes(node.id())]), []);
    assert_eq!(table.changed(&[entry(b"f")]).len(), 1);
    assert_eq!(table.changed(&[entry(b"g")]), []);
}

#[test]
fn a_change_before_the_look_is_of_no_concern() {
    let (table, node) = world();
    assert!(table.changed(&[entry(b"f")]).is_empty());
    assert_eq!(look_up(&table, &node), LONG);
}

#[test]
fn a_change_between_look_and_note_shortens_the_lifetime() {
    let (table, node) = world();
    let ticket = table.begin();
    table.expect(ROOT, b"f");
    // Here it looks at the tree. The name is noted already, so it is worth a notification too.
    let jobs = table.changed(&[entry(b"f"), Changed::Attributes(node.id())]);
    assert!(jobs.len() == 1 && is_entry(&jobs[0], b"f"));
    let fresh = table.give(&ticket, ROOT, b"f", &node);
    let short = Fresh {
        entry: false,
        attributes: false,
    };
    assert_eq!(fresh, short);
    drop(ticket);
    assert_eq!(look_up(&table, &node), LONG);
}

#[test]
fn a_change_behind_the_note_is_notified_behind_the_directory() {
    let (table, node) = world();
    let ticket = table.begin();
    table.expect(ROOT, b"f");
    assert_eq!(table.give(&ticket, ROOT, b"f", &node), LONG);
    // The reply is not written yet.
    let jobs = table.changed(&[Changed::Attributes(node.id())]);
    let [Job::Inode { settling, .. }] = &jobs[..] else {
        panic!("{jobs:?}");
    };
    assert_eq!(settling[..], [ROOT]);
}

#[test]
fn attributes_that_overlap_a_change_are_not_kept() {
    let (table, node) = world();
    look_up(&table, &node);
    let ticket = table.begin();
    assert_eq!(table.changed(&[Changed::Attributes(node.id())]).len(), 1);
    assert!(!table.give_attributes(&ticket, node.id()));
    drop(ticket);
    // So there is nothing to forget until they are asked for again.
    assert_eq!(table.changed(&[Changed::Attributes(node.id())]), []);
    assert!(!table.give_attributes(&table.begin(), node.id()));
    assert!(table.give_attributes(&table.begin(), node.id()));
    assert_eq!(table.changed(&[Changed::Attributes(node.id())]).len(), 1);
}

#[test]
fn the_first_answer_with_changed_attributes_is_not_kept() {
    let (table, node) = world();
    look_up(&table, &node);
    assert_eq!(table.changed(&[Changed::Attributes(node.id())]).len(), 1);
    let first = table.begin();
    assert!(!table.give_attributes(&first, node.id()));
    // The first may not have been answered yet.
    assert!(!look_up(&table, &node).attributes);
    drop(first);
    assert!(table.give_attributes(&table.begin(), node.id()));
    assert!(look_up(&table, &node).attributes);
}

#[test]
fn pages_are_forgotten_of_what_was_opened() {
    let (table, node) = world();
    look_up(&table, &node);
    table.opened(node.id().get());
    for _ in 0..2 {
        let jobs = table.changed(&[Changed::Content(node.id())]);
        assert!(matches!(jobs[..], [Job::Inode { pages: true, .. }]));
    }
    assert_eq!(table.changed(&[Changed::Attributes(node.id())]), []);
}

#[test]
fn an_absent_name_is_noted_and_appears() {
    let (table, _) = world();
    let ticket = table.begin();
    table.expect(ROOT, b"g");
    assert!(table.give_absence(&ticket, ROOT, b"g"));
    assert!(is_entry(&table.changed(&[entry(b"g")])[0], b"g"));
    assert!(!table.give_absence(&ticket, ROOT, b"g"), "it overlaps");
}

#[test]
fn forgetting_an_inode_forgets_its_names() {
    let (table, node) = world();
    look_up(&table, &node);
    look_up(&table, &node);
    table.moves((ROOT, b"f"), (ROOT, b"moved"));
    assert!(table.forget(node.id().get(), 1).is_none());
    assert!(is_entry(&table.changed(&[entry(b"moved")])[0], b"moved"));
    assert!(table.forget(node.id().get(), 1).is_none());
    assert!(table.node(node.id().get()).is_none());
    assert_eq!(table.changed(&[entry(b"f"), entry(b"moved")]), []);
    assert!(table.forget(ROOT, 1).is_none());
    assert!(table.node(ROOT).is_some());
}

#[test]
fn a_forgotten_inode_keeps_names_that_lead_elsewhere_now() {
    let (table, node) = world();
    look_up(&table, &node);
    let ticket = table.begin();
    table.give_absence(&ticket, ROOT, b"f");
    drop(ticket);
    assert!(table.forget(node.id().get(), 1).is_none());
    assert_eq!(table.changed(&[entry(b"f")]).len(), 1);
}

#[test]
fn exchanged_names_are_both_followed() {
    let (table, node) = world();
    look_up(&table, &node);
    table.exchanges((ROOT, b"f"), (ROOT, b"g"));
    let jobs = table.changed(&[entry(b"f"), entry(b"g")]);
    let children = |job: &Job| match job {
        Job::Entry { child, .. } => *child,
        Job::Inode { .. } => panic!("{job:?}"),
    };
    assert_eq!(children(&jobs[0]), 0);
    assert_eq!(children(&jobs[1]), node.id().get());
}

#[test]
fn beyond_the_bound_every_name_counts_as_known() {
    let (table, _) = world();
    for index in 0..=ABSENT_NAMES_MAX {
        table.expect(ROOT, format!("n{index}").as_bytes());
    }
    assert_eq!(table.changed(&[entry(b"never asked for")]).len(), 1);
}

/// Another file, given by the same name.
fn other(table: &Table, node: &Node) -> Node {
    let bucket = bucket();
    // The first one of a bucket has the number of `node`.
    file(&bucket, b"a");
    let other = file(&bucket, b"b");
    assert_ne!(other.id(), node.id());
    let ticket = table.begin();
    table.expect(ROOT, b"f");
    table.give(&ticket, ROOT, b"f", &other);
    other
}

#[test]
fn a_name_is_known_until_all_it_led_to_is_forgotten() {
    let (table, node) = world();
    look_up(&table, &node);
    // Two answers were on their way. The kernel took the older one in last and gives the newer one
    // back.
    let newer = other(&table, &node);
    table.forget(newer.id().get(), 1);
    let jobs = table.changed(&[entry(b"f")]);
    assert!(jobs.len() == 1 && is_entry(&jobs[0], b"f"), "{jobs:?}");
    table.forget(node.id().get(), 1);
    assert_eq!(table.changed(&[entry(b"f")]), []);
}

#[test]
fn a_name_of_two_inodes_leads_to_neither_for_certain() {
    let (table, node) = world();
    look_up(&table, &node);
    let child = |table: &Table| match table.changed(&[entry(b"f")])[..] {
        [Job::Entry { child, .. }] => child,
        ref jobs => panic!("{jobs:?}"),
    };
    assert_eq!(child(&table), node.id().get());
    let newer = other(&table, &node);
    assert_eq!(child(&table), 0);
    table.forget(node.id().get(), 1);
    assert_eq!(child(&table), newer.id().get());
}
