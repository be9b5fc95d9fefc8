//! Appends that take more than one batch.

use engine_bucket::{Ack, NewKind, WriteAt};
use engine_pool::block_on;

use crate::{World, create};

#[test]
fn long_appends_of_several_writers_do_not_mix() {
    let world = World::new();
    let bucket = &world.bucket;
    let file = create(bucket, &bucket.root(), b"f", NewKind::File);
    std::thread::scope(|scope| {
        for thread in 1..=2_u8 {
            let file = &file;
            scope.spawn(move || {
                for _ in 0..5 {
                    let data = vec![thread; 3 << 20];
                    block_on(bucket.write(file, WriteAt::End, &data, Ack::Written)).unwrap();
                }
            });
        }
    });
    assert_eq!(block_on(bucket.info(&file)).unwrap().size, 30 << 20);
    for index in 0..10 {
        let at = index * (3 << 20);
        let data = block_on(bucket.read(&file, at, 3 << 20)).unwrap();
        assert!(data.iter().all(|byte| *byte == data[0]), "append {index}");
    }
}
