//! Who is told what.

use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Waker};

use engine_bucket::{Ack, Changed, NewKind, ObjectMetadata, Observer, RenameHow, WriteAt};
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
    bucket.observe(&observer);
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

/// Rule 11a: the sync begins, then observers are told, then it is waited for.
#[test]
fn observers_are_told_while_the_sync_is_on_its_way() {
    let world = World::new();
    world.buckets.pool().start_background().unwrap();
    let bucket = &world.bucket;
    let notes = Arc::new(Notes::default());
    let observer = Arc::clone(&notes) as Arc<dyn Observer>;
    bucket.observe(&observer);
    let root = bucket.root();
    let mut context = Context::from_waker(Waker::noop());
    let told = || !std::mem::take(&mut *notes.0.lock().unwrap()).is_empty();
    let file = new(NewKind::File);
    let mut create = pin!(bucket.create(&root, b"f", &file, Ack::Durable));
    assert!(create.as_mut().poll(&mut context).is_pending() && told());
    let (node, _) = block_on(create).unwrap();
    let mut write = pin!(bucket.write(&node, WriteAt::End, b"x", Ack::Durable));
    assert!(write.as_mut().poll(&mut context).is_pending() && told());
    block_on(write).unwrap();
    let ends = ((&root, &b"f"[..]), (&root, &b"g"[..]));
    let mut rename = pin!(bucket.rename(ends.0, ends.1, RenameHow::Replace, Ack::Durable));
    assert!(rename.as_mut().poll(&mut context).is_pending() && told());
    block_on(rename).unwrap();
    let object = ObjectMetadata::default();
    let mut put = pin!(
        bucket
            .upload()
            .finish(b"g", OWNER, &object, None, Ack::Durable)
    );
    assert!(put.as_mut().poll(&mut context).is_pending() && told());
    block_on(put).unwrap();
    let mut remove = pin!(bucket.remove(b"g", None, Ack::Durable));
    assert!(remove.as_mut().poll(&mut context).is_pending() && told());
    block_on(remove).unwrap();
    assert!(!told(), "each is told once");
    world.buckets.pool().close().unwrap();
}
