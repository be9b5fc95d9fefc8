//! Files that are missing.

use std::sync::Arc;

use engine_device::{Device, Place};
use engine_pool::{Pool, PoolOptions};
use engine_volume::Volumes;

use crate::device::{Fault, Image, ImageDevice};
use crate::history::options;
use crate::named::{newest, small, superblock};

/// The file of the segment in which replay begins is gone. With the override the checkpoint opens.
#[test]
fn a_missing_journal_segment_is_given_up_with_the_override() {
    let pool = small("restarted");
    let start = superblock(&pool.image, newest(&pool.image)).journal;
    let mut image = Image::clone(&pool.image);
    assert!(image.slots.remove(&start.slot.get()).is_some());
    let open = |options: &PoolOptions| {
        let device = ImageDevice::new(&Arc::new(image.clone()), Fault::None);
        Pool::open(device as Arc<dyn Device>, options)
    };
    let refused = open(&options(3)).unwrap_err();
    let says = |words: &str| refused.to_string().contains(words);
    let place = Place::slot(start.slot, start.location.offset.into());
    assert!(says(&place.to_string()) && says("override"), "{refused}");
    let accepting = PoolOptions {
        accept_loss: true,
        ..options(3)
    };
    let opened = open(&accepting).unwrap();
    let volumes = Volumes::new(Arc::clone(&opened));
    let names: Vec<String> = volumes.list().into_iter().map(|info| info.name).collect();
    assert_eq!(names, ["a", "b", "c"]);
    // It is used on: the name of the segment stays lost, its slot is prepared again.
    for _ in 0..3 {
        opened.checkpoint().unwrap();
    }
    opened.close().unwrap();
}
