//! Operations on the bucket.

use super::*;

/// One operation on the bucket, in one batch as far as anybody sees.
pub(super) fn act(bucket: &Bucket, rng: &mut Rng, durable: bool) -> Result<(), BucketError> {
    let acted = operate(bucket, rng, durable);
    if matches!(acted, Err(BucketError::Quota { .. })) {
        // Gives back at once what was staged for it, as an opening does.
        block_on(bucket.remove(b"none", None, engine_bucket::Ack::Written))?;
    }
    acted
}

fn operate(bucket: &Bucket, rng: &mut Rng, durable: bool) -> Result<(), BucketError> {
    let acks = [engine_bucket::Ack::Written, engine_bucket::Ack::Durable];
    let ack = acks[usize::from(durable)];
    let names: [&[u8]; 3] = [b"a", b"b", b"c"];
    let root = bucket.root();
    let (name, other) = (*rng.pick(&names), *rng.pick(&names));
    let key = if rng.once_in(2) {
        [b"d/", name].concat()
    } else {
        name.to_vec()
    };
    let sizes = [0, 100, 5000, 70_000, 1_300_000];
    let data = vec![u8::try_from(rng.below(256)).unwrap(); *rng.pick(&sizes)];
    match rng.below(14) {
        0 | 1 => {
            let mut upload = bucket.upload();
            block_on(upload.write(&data))?;
            let object = ObjectMetadata {
                entity_tag: Some(vec![data.first().copied().unwrap_or(0)]),
                ..ObjectMetadata::default()
            };
            block_on(upload.finish(&key, OWNER, &object, None, ack)).map(|_| ())
        }
        2 => block_on(bucket.remove(&key, None, ack)).and_then(|removed| {
            let absent = BucketError::NotFound { what: "object" };
            removed.existed.then_some(()).ok_or(absent)
        }),
        3 => {
            let new = NewInode {
                kind: *rng.pick(&[NewKind::File, NewKind::Directory]),
                mode: 0o755,
                uid: 0,
                gid: 0,
            };
            block_on(bucket.create(&root, name, &new, ack)).map(|_| ())
        }
        4 => {
            let (node, _) = block_on(bucket.lookup(&root, name))?;
            let at = WriteAt::Byte(rng.below(9000));
            let data = &data[..data.len().min(90_000)];
            if data.is_empty() {
                return Err(BucketError::Invalid { what: "nothing" });
            }
            block_on(bucket.write(&node, at, data, ack)).map(|_| ())
        }
        5 => {
            let ends = ((&root, name), (&root, other));
            if name == other {
                return Err(BucketError::Invalid { what: "nothing" });
            }
            let how = *rng.pick(&[RenameHow::Replace, RenameHow::Exchange]);
            block_on(bucket.rename(ends.0, ends.1, how, ack))
        }
        6 => {
            let (node, _) = block_on(bucket.lookup(&root, name))?;
            let held = block_on(bucket.open(&node))?;
            block_on(bucket.unlink(&root, name, ack))?;
            block_on(held.close())
        }
        7 => {
            let (node, _) = block_on(bucket.lookup(&root, name))?;
            block_on(bucket.truncate(&node, rng.below(100_000), ack))
        }
        12 | 13 => limit(bucket, rng, name),
        8..=10 => copy(bucket, rng, (&key, [name, other]), ack),
        _ => {
            let (node, _) = block_on(bucket.lookup(&root, name))?;
            block_on(bucket.link(&node, (&root, other), ack)).map(|_| ())
        }
    }
}

/// Sets the quota of the bucket, or of a directory.
fn limit(bucket: &Bucket, rng: &mut Rng, name: &[u8]) -> Result<(), BucketError> {
    let path = *rng.pick(&[&b""[..], b"d", name]);
    let limits = QuotaLimits {
        bytes: Some(*rng.pick(&[0, 150_000, 1 << 40])),
        inodes: Some(*rng.pick(&[0, 5, 100])),
    };
    block_on(bucket.set_quota(path, limits)).map(|_| ())
}

/// Copies an object, or a part of a file.
fn copy(
    bucket: &Bucket,
    rng: &mut Rng,
    (key, [name, other]): (&[u8], [&[u8]; 2]),
    ack: engine_bucket::Ack,
) -> Result<(), BucketError> {
    let root = bucket.root();
    if rng.once_in(2) {
        let to = [b"d/", other].concat();
        let plain = |_: &engine_bucket::ObjectHead| Ok(Vec::new());
        return block_on(bucket.copy_object(key, &to, OWNER, &plain, None)).map(|_| ());
    }
    let (from, info) = block_on(bucket.lookup(&root, name))?;
    let (to, there) = block_on(bucket.lookup(&root, other))?;
    let at = (rng.below(9000), rng.below(90_000));
    // A small content would be moved by a batch of its own first.
    if name == other || info.size <= 4096 || there.size <= 4096 {
        return Err(BucketError::Invalid { what: "nothing" });
    }
    let ends = ((&from, at.0), (&to, at.1));
    block_on(bucket.copy_range(ends.0, ends.1, 500_000, ack)).map(|_| ())
}
