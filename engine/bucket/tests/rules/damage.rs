//! Damage of what nobody refers to any more.

use engine_device::Place;
use engine_pool::block_on;

use crate::{World, get, put};

const SEGMENT_BYTES: usize = 2 << 20;

/// A bucket whose dead content has a page that cannot be read is opened and goes on.
#[test]
fn a_damaged_page_of_a_dead_content_keeps_no_bucket_closed() {
    let world = World::new();
    put(&world.bucket, b"k", b"there");
    let mut upload = world.bucket.upload();
    for index in 0..40 {
        let byte = if index == 20 { 9 } else { 7 };
        block_on(upload.write(&vec![byte; 1 << 20])).unwrap();
    }
    std::mem::forget(upload);
    world.buckets.pool().checkpoint().unwrap();
    let mut image = world.image();
    // The entry of the extent in the middle holds the checksum of its block many times.
    let checksums = crc32c::crc32c(&[9; 4096]).to_le_bytes().repeat(8);
    let mut flips = 0;
    for slot in image.slots() {
        let mut bytes = vec![0; SEGMENT_BYTES];
        assert!(image.read(Place::slot(slot, 0), &mut bytes));
        let windows = bytes.windows(checksums.len());
        for (at, _) in windows.enumerate().filter(|(_, bytes)| *bytes == checksums) {
            image.flip_bit(Place::slot(slot, at as u64), 0);
            flips += 1;
        }
    }
    assert!(flips > 0);
    let world = World::from_image(image);
    assert_eq!(get(&world.bucket, b"k").unwrap(), b"there");
    put(&world.bucket, b"k", b"changed");
    assert_eq!(get(&world.bucket, b"k").unwrap(), b"changed");
    assert!(world.allocated() > 0, "what is damaged stays");
}
