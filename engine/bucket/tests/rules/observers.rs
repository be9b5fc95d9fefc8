//! Who is told what.

use std::sync::{Arc, Mutex};

use engine_bucket::{Ack, Changed, NewKind, Observer, RenameHow, WriteAt};
use engine_pool::block_on;

use crate::{World, create, put};

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
