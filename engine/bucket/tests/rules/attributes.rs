//! Files with as many attributes as they can have.

use engine_bucket::{Ack, BucketError, NewKind, Node, ObjectMetadata, SetHow};
use engine_pool::block_on;

use crate::{OWNER, World, create, put};

type NameOf = fn(u32) -> String;

/// Sets attributes until no more are taken; how many were.
fn fill(world: &World, file: &Node, name: NameOf, bytes: usize) -> u32 {
    let value = vec![7; bytes];
    for index in 0..10_000 {
        let name = name(index).into_bytes();
        let set = world
            .bucket
            .set_attribute(file, &name, &value, SetHow::Any, Ack::Written);
        match block_on(set) {
            Ok(()) => {}
            Err(BucketError::TooLarge { what, .. }) => {
                assert!(what.contains("all attributes"), "{what}");
                return index;
            }
            Err(error) => panic!("attribute {index}: {error}"),
        }
    }
    panic!("attributes have no end");
}

#[test]
fn a_file_with_all_the_attributes_it_can_have_is_replaced_and_removed() {
    let kinds: [(NameOf, usize); 3] = [
        (|index| format!("user.{index}"), 4000),
        (|index| format!("{index:05}"), 0),
        (|index| format!("{index:0255}"), 1),
    ];
    for (name, bytes) in kinds {
        let world = World::new();
        let bucket = &world.bucket;
        let file = create(bucket, &bucket.root(), b"f", NewKind::File);
        let count = fill(&world, &file, name, bytes);
        // Another value of the same length takes no more.
        let (last, value) = (name(count - 1).into_bytes(), vec![8; bytes]);
        let again = bucket.set_attribute(&file, &last, &value, SetHow::Replace, Ack::Written);
        block_on(again).unwrap();
        let parts: Vec<_> = (1..=1_500_u32).map(|n| (n, b"t".to_vec())).collect();
        let object = ObjectMetadata::default();
        let id = block_on(bucket.create_upload(b"f", OWNER, &object, Ack::Written)).unwrap();
        for (number, tag) in &parts {
            let mut upload = bucket.upload();
            block_on(upload.write(b"x")).unwrap();
            block_on(upload.finish_part(id, *number, tag, b"", Ack::Written)).unwrap();
        }
        let completion = engine_bucket::Completion {
            parts: &parts,
            owner: OWNER,
            object: &object,
        };
        block_on(bucket.complete_upload(id, &completion, None, Ack::Written)).unwrap();
        put(bucket, b"f", b"x");
        let node = block_on(bucket.node_of(b"f")).unwrap();
        let names = block_on(bucket.attributes(&node)).unwrap();
        assert_eq!(names.len(), count as usize);
        let open = block_on(bucket.open(&node)).unwrap();
        block_on(bucket.unlink(&bucket.root(), b"f", Ack::Durable)).unwrap();
        std::mem::forget(open);
        assert_eq!(world.kill().allocated(), 0);
    }
}
