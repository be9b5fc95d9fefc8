//! Contents, attributes and objects.

use super::*;

/// Bytes that are certainly one batch.
const BATCH: usize = 500_000;

impl Runner<'_> {
    pub(super) fn write(&mut self) {
        let (path, mut data) = (self.path(), self.data());
        data.truncate(self.at_most(data.len(), BATCH));
        let offsets = [0, 1, 100, 2000, 4095, 4096, 8192, 30_000];
        let (at, how) = match self.rng.below(3) {
            0 => (None, WriteAt::End),
            _ => {
                let at = *self.rng.pick(&offsets);
                (Some(at), WriteAt::Byte(at as u64))
            }
        };
        let seen = self
            .node(&path)
            .and_then(|node| block_on(self.bucket.write(&node, how, &data, self.ack)));
        let expected = match self.reference.file(&path, |_| !data.is_empty()) {
            Ok(_) if data.is_empty() => Ok(()),
            Ok(content) => {
                let at = at.unwrap_or(content.len());
                let end = at + data.len();
                content.resize(content.len().max(end), 0);
                content[at..end].copy_from_slice(&data);
                Ok(())
            }
            Err(error) => Err(error),
        };
        let shown = format!("write {path:?} {how:?} {}", data.len());
        self.same(&shown, seen, expected);
    }

    pub(super) fn truncate(&mut self) {
        let path = self.path();
        let size = *self
            .rng
            .pick(&[0usize, 1, 50, 2048, 3000, 4096, 6000, 50_000]);
        let seen = self
            .node(&path)
            .and_then(|node| block_on(self.bucket.truncate(&node, size as u64, self.ack)));
        let expected = self
            .reference
            .file(&path, |before| before != size)
            .map(|content| content.resize(size, 0));
        self.same(&format!("truncate {path:?} {size}"), seen, expected);
    }

    pub(super) fn punch(&mut self) {
        let path = self.path();
        let from = *self.rng.pick(&[0usize, 10, 4096, 5000]);
        let bytes = *self.rng.pick(&[1usize, 100, 4096, 10_000, 2_000_000]);
        let to = from + self.at_most(bytes, 50_000);
        let zero = self.rng.below(2) == 0;
        // What zeroes and grows is two batches.
        let keep_size = self.whole;
        let how = if zero {
            Allocate::Zero { keep_size }
        } else {
            Allocate::Punch
        };
        let seen = self.node(&path).and_then(|node| {
            let range = from as u64..to as u64;
            block_on(self.bucket.allocate(&node, range, how, self.ack))
        });
        let grows = zero && !keep_size;
        let changes = |size: usize| from < size || (grows && to > size);
        let expected = self.reference.file(&path, changes).map(|content| {
            if grows {
                content.resize(content.len().max(to), 0);
            }
            let end = to.min(content.len());
            if from < end {
                content[from..end].fill(0);
            }
        });
        self.same(&format!("{how:?} {path:?} {from}..{to}"), seen, expected);
    }

    pub(super) fn attributes(&mut self) {
        let path = self.path();
        // Set-group-id is inherited, which the reference leaves out.
        let mode = u16::try_from(self.rng.below(0o10000)).unwrap() & 0o5777;
        let names: [&[u8]; 3] = [b"user.a", b"user.large", b"object.content-type"];
        let name = self.rng.pick(&names).to_vec();
        let value = vec![b'v'; to_usize(self.rng.below(700))];
        let set = SetAttributes {
            mode: Some(mode),
            ..SetAttributes::default()
        };
        // Two batches.
        let both = !self.whole;
        let seen = self.node(&path).and_then(|node| {
            if both {
                block_on(self.bucket.set_attributes(&node, &set, self.ack))?;
            }
            block_on(
                self.bucket
                    .set_attribute(&node, &name, &value, SetHow::Any, self.ack),
            )
        });
        let expected = self.reference.node(&path).map(|node| {
            if both {
                node.mode = mode;
            }
            node.attributes.insert(name, value);
        });
        self.same(&format!("attributes of {path:?}"), seen, expected);
    }

    pub(super) fn put(&mut self) {
        let (key, data) = (self.key(), self.data());
        let tag = format!("tag {}", self.rng.below(1000)).into_bytes();
        let object = ObjectMetadata {
            entity_tag: Some(tag.clone()),
            ..ObjectMetadata::default()
        };
        let mut upload = self.bucket.upload();
        let written = data
            .chunks(300_000)
            .try_for_each(|chunk| block_on(upload.write(chunk)));
        let finish = |()| block_on(upload.finish(&key, OWNER, &object, None, self.ack));
        let seen = written.and_then(finish);
        let expected = self.reference.put(&key, &data, &tag);
        let shown = format!("put {:?}", String::from_utf8_lossy(&key));
        self.same(&shown, seen, expected);
    }

    pub(super) fn remove(&mut self) {
        let key = self.key();
        let seen = block_on(self.bucket.remove(&key, None, self.ack));
        let existed = self.reference.remove(&key);
        let what = format!("remove {:?}", String::from_utf8_lossy(&key));
        if let Ok(seen) = &seen {
            assert_eq!(seen.existed, existed, "{}: {what}", self.at);
        }
        self.same(&what, seen, Ok(()));
    }

    pub(super) fn rename_object(&mut self) {
        let (mut from, mut to) = (self.key(), self.key());
        let directories = self.rng.below(2) == 0;
        for key in [&mut from, &mut to] {
            match (directories, key.ends_with(b"/")) {
                (true, false) => key.push(b'/'),
                (false, true) => key.push(b'x'),
                _ => {}
            }
        }
        let renamed = self
            .bucket
            .rename_object(&from, &to, OWNER, Default::default(), self.ack);
        let seen = block_on(renamed);
        let expected = self.reference.rename_object(&from, &to);
        let shown = |key: &[u8]| String::from_utf8_lossy(key).into_owned();
        let what = format!("rename object {:?} {:?}", shown(&from), shown(&to));
        self.same(&what, seen, expected);
    }

    pub(super) fn copy_object(&mut self) {
        let (from, to) = (self.key(), self.key());
        let plain = |_: &engine_bucket::ObjectHead| Ok(Vec::new());
        let copied = self.bucket.copy_object(&from, &to, OWNER, &plain, None);
        let seen = block_on(copied);
        let expected = self.reference.copy_object(&from, &to);
        let shown = |key: &[u8]| String::from_utf8_lossy(key).into_owned();
        let what = format!("copy object {:?} {:?}", shown(&from), shown(&to));
        self.same(&what, seen, expected);
    }

    /// Reads a part of a file, by path, or of an object, by key.
    pub(super) fn read(&mut self) {
        let (path, key) = (self.path(), self.key());
        let by_key = self.rng.below(2) == 0;
        let at = to_usize(self.rng.below(5000));
        let bytes = 1 + to_usize(self.rng.below(60_000));
        let (seen, id) = if by_key {
            (
                self.get(&key, at, bytes),
                self.reference.find(&key).ok_or(No::NotFound),
            )
        } else if matches!(
            self.reference.file(&path, |_| false),
            Err(No::IsDirectory | No::NotRegular)
        ) {
            // Kernels read neither.
            return;
        } else {
            let read = |node: Node| block_on(self.bucket.read(&node, at as u64, bytes));
            let is_file = self.reference.file(&path, |_| false).map(|_| ());
            let id = is_file.and_then(|()| self.reference.walk(&path));
            (self.node(&path).and_then(read), id)
        };
        if let (Ok(seen), Ok(id)) = (&seen, id) {
            let content = self.reference.content(id);
            let range = at.min(content.len())..(at + bytes).min(content.len());
            assert!(
                *seen == content[range],
                "{}: a read of {path:?} or {key:?}",
                self.at
            );
        }
        self.same(&format!("read {path:?} or {key:?}"), seen, id.map(|_| ()));
    }

    fn get(&self, key: &[u8], at: usize, bytes: usize) -> Result<Vec<u8>, BucketError> {
        let absent = BucketError::NotFound { what: "object" };
        let reader = block_on(self.bucket.get(key))?.found.ok_or(absent)?;
        let read = block_on(reader.read(at as u64, bytes));
        block_on(reader.close())?;
        read
    }

    pub(super) fn copy_range(&mut self) {
        let (from, to) = (self.path(), self.path());
        let offsets = [0usize, 1, 100, 2048, 4096, 5001, 30_000];
        let (at, there) = (*self.rng.pick(&offsets), *self.rng.pick(&offsets));
        let bytes = *self.rng.pick(&[1usize, 100, 4096, 10_000, 3_000_000]);
        let bytes = self.at_most(bytes, BATCH);
        let Ok(source) = self.reference.walk(&from) else {
            return;
        };
        if self.reference.walk(&to) == Ok(source) && at.abs_diff(there) < bytes {
            return;
        }
        let seen = self.node(&from).and_then(|from| {
            let to = self.node(&to)?;
            let ends = ((&from, at as u64), (&to, there as u64));
            block_on(
                self.bucket
                    .copy_range(ends.0, ends.1, bytes as u64, self.ack),
            )
        });
        let expected = self.reference.copy_range(&from, &to, (at, there, bytes));
        let what = format!("copy {from:?} {at} to {to:?} {there}, {bytes}");
        self.same(&what, seen, expected);
    }
}
