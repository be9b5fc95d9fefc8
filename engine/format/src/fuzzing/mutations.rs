//! What groups carry.

use super::*;

/// Batches and the mutations in them.
pub fn mutations(data: &[u8]) {
    let mut seen = Vec::new();
    for batch in batches(data) {
        let Ok(batch) = batch else { break };
        let mut builder = BatchBuilder::new();
        let whole = batch.mutations().all(|mutation| match mutation {
            Ok(mutation) => {
                add_again(&mut builder, &mutation);
                true
            }
            Err(_) => false,
        });
        if !whole {
            break;
        }
        let again = builder.finish().expect("it was within the limits");
        assert_eq!(again, batch.as_bytes());
        seen.extend_from_slice(&again);
    }
    assert!(data.starts_with(&seen));
    let mut moved = data.to_vec();
    if rebase_data_offsets(&mut moved, 4096).is_ok() {
        assert_eq!(seen, data, "what can be moved is a valid batch");
        mutations_are_valid(&moved);
    }
}

fn mutations_are_valid(bytes: &[u8]) {
    for batch in batches(bytes) {
        let batch = batch.expect("a moved batch is valid");
        assert!(batch.mutations().all(|mutation| mutation.is_ok()));
    }
}

fn add_again(builder: &mut BatchBuilder, mutation: &MutationRef<'_>) {
    match *mutation {
        MutationRef::Put {
            dataset,
            key,
            value,
        } => builder.put(dataset, key, value),
        MutationRef::Delete { dataset, key } => builder.delete(dataset, key),
        MutationRef::ExtentPut {
            dataset,
            key,
            extent,
        } => {
            let put = ExtentPut {
                offset: extent.offset,
                bytes: extent.bytes,
                data_offset: extent.data_offset,
                skip: extent.skip,
                codec: extent.codec,
            };
            let checksums: Vec<_> = extent.checksums.iter().map(Checksum::get).collect();
            builder.sealed_extent_put(dataset, key, &put, (&checksums, extent.seal));
            let _ = extent.extent(samples::group_place());
        }
        MutationRef::ExtentClear {
            dataset,
            key,
            offset,
            bytes,
        } => {
            builder.extent_clear(dataset, key, offset, bytes);
        }
        MutationRef::ExtentRelease {
            dataset,
            key,
            offset,
            bytes,
        } => builder.extent_release(dataset, key, offset, bytes),
        MutationRef::ExtentShare {
            dataset,
            key,
            share,
        } => builder.extent_share(dataset, key, &share),
        MutationRef::Touch {
            dataset,
            key,
            touch,
        } => builder.touch(dataset, key, &touch),
        MutationRef::Charge {
            dataset,
            key,
            charge,
        } => builder.charge(dataset, key, &charge),
    }
}
