//! Who is told what.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use engine_bucket::{
    Ack, BucketError, Buckets, Changed, NewKind, ObjectMetadata, Observer, RenameHow, WriteAt,
};
use engine_pool::block_on;

use crate::{OWNER, World, create, new, put};

#[derive(Default)]
pub(super) struct Notes(Mutex<Vec<Changed>>);

impl Observer for Notes {
    fn changed(&self, changes: &[Changed]) {
        self.0.lock().unwrap().extend_from_slice(changes);
    }
}

#[test]
pub(super) fn observers_are_told_what_changed() {
    let world = World::new();
    let bucket = &world.bucket;
    let notes = Arc::new(Notes::default());
    let observer = Arc::clone(&notes) as Arc<dyn Observer>;
    bucket.observe(&observer).unwrap();
    let root = bucket.root();
    let file = create(bucket, &root, b"f", NewKind::File);
    let entry = |name: &[u8]| Changed::Entry {
        directory: root.id(),
        name: name.to_vec(),
    };
    assert!(notes.0.lock().unwrap().contains(&entry(b"f")));
    block_on(bucket.write(&file, WriteAt::End, b"x", Ack::Written)).unwrap();
    assert!(
        notes
            .0
            .lock()
            .unwrap()
            .contains(&Changed::Content(file.id()))
    );
    let how = RenameHow::Replace;
    block_on(bucket.rename((&root, b"f"), (&root, b"g"), how, Ack::Written)).unwrap();
    assert!(notes.0.lock().unwrap().contains(&entry(b"g")));
    notes.0.lock().unwrap().clear();
    put(bucket, b"g", b"y");
    let seen = notes.0.lock().unwrap().clone();
    assert!(seen.contains(&entry(b"g")) && seen.contains(&Changed::Attributes(file.id())));
}

/// Polls until `told`, and then to the end. What else runs in the pool may keep an operation
/// waiting before its commit, or sync for it, so only the order is certain.
fn told_first<T>(mut operation: Pin<&mut impl Future<Output = T>>, told: impl Fn() -> bool) -> T {
    let mut context = Context::from_waker(Waker::noop());
    loop {
        let polled = operation.as_mut().poll(&mut context);
        match (told(), polled) {
            (true, Poll::Ready(done)) => return done,
            (true, Poll::Pending) => return block_on(operation),
            (false, Poll::Pending) => std::thread::yield_now(),
            (false, Poll::Ready(_)) => panic!("acknowledged before observers were told"),
        }
    }
}

/// Rule 11a: whoever is acknowledged can rely on it that observers were told.
#[test]
fn observers_are_told_before_the_acknowledgement() {
    let world = World::new();
    world.buckets.pool().start_background().unwrap();
    let bucket = &world.bucket;
    let notes = Arc::new(Notes::default());
    let observer = Arc::clone(&notes) as Arc<dyn Observer>;
    bucket.observe(&observer).unwrap();
    let root = bucket.root();
    let told = || !std::mem::take(&mut *notes.0.lock().unwrap()).is_empty();
    let file = new(NewKind::File);
    let create = pin!(bucket.create(&root, b"f", &file, Ack::Durable));
    let (node, _) = told_first(create, told).unwrap();
    let write = pin!(bucket.write(&node, WriteAt::End, b"x", Ack::Durable));
    told_first(write, told).unwrap();
    let ends = ((&root, &b"f"[..]), (&root, &b"g"[..]));
    let rename = pin!(bucket.rename(ends.0, ends.1, RenameHow::Replace, Ack::Durable));
    told_first(rename, told).unwrap();
    let object = ObjectMetadata::default();
    let put = pin!(
        bucket
            .upload()
            .finish(b"g", OWNER, &object, None, Ack::Durable)
    );
    told_first(put, told).unwrap();
    let remove = pin!(bucket.remove(b"g", None, Ack::Durable));
    told_first(remove, told).unwrap();
    assert!(!told(), "each is told once");
    world.buckets.pool().close().unwrap();
}

/// An observer that says whether it is over.
#[derive(Default)]
struct Guest(AtomicBool);

impl Observer for Guest {
    fn changed(&self, _: &[Changed]) {}

    fn is_over(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

#[test]
fn a_bucket_that_is_observed_is_not_deleted() {
    let world = World::new();
    let buckets = Buckets::new(Arc::clone(world.bucket.pool()));
    let name = world.bucket.name();
    let guest = Arc::new(Guest::default());
    let observer = Arc::clone(&guest) as Arc<dyn Observer>;
    world.bucket.observe(&observer).unwrap();
    for _ in 0..2 {
        let refused = block_on(buckets.delete(&name));
        assert!(matches!(refused, Err(BucketError::InUse)), "{refused:?}");
        let refused = block_on(buckets.delete_with_contents(&name));
        assert!(matches!(refused, Err(BucketError::InUse)), "{refused:?}");
    }
    put(&world.bucket, b"k", b"data");
    let refused = block_on(buckets.delete(&name));
    assert!(matches!(refused, Err(BucketError::NotEmpty)), "{refused:?}");
    guest.0.store(true, Ordering::Release);
    block_on(buckets.delete_with_contents(&name)).unwrap();
    let late = world.bucket.observe(&observer);
    assert!(
        matches!(late, Err(BucketError::NotFound { .. })),
        "{late:?}"
    );
}
