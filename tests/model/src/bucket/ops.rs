//! Drawing operations and doing them on both sides.

mod contents;
mod multipart;

use engine_base::to_usize;
use engine_bucket::{
    Ack, Allocate, Bucket, BucketError, NewInode, NewKind, Node, ObjectMetadata, Owner, RenameHow,
    SetAttributes, SetHow, WriteAt,
};
use engine_pool::block_on;

use super::reference::{Body, No, Path, RefBucket};
use crate::Rng;

pub(crate) const OWNER: Owner = Owner {
    uid: 0,
    gid: 0,
    umask: 0o022,
};

/// Draws operations by inode and by key, and does each on a bucket and on its reference.
pub struct Runner<'a> {
    bucket: &'a Bucket,
    reference: &'a mut RefBucket,
    rng: &'a mut Rng,
    at: String,
    ack: Ack,
    /// Only what is one batch.
    whole: bool,
    refused: Option<BucketError>,
}

/// The rule that was broken; `None`: another failure.
fn no(error: &BucketError) -> Option<No> {
    Some(match error {
        BucketError::NotFound { .. } => No::NotFound,
        BucketError::Exists { .. } => No::Exists,
        BucketError::NotDirectory => No::NotDirectory,
        BucketError::IsDirectory => No::IsDirectory,
        BucketError::NotRegular => No::NotRegular,
        BucketError::NotEmpty => No::NotEmpty,
        BucketError::Below => No::Below,
        BucketError::InTheWay => No::InTheWay,
        _ => return None,
    })
}

impl<'a> Runner<'a> {
    /// For a bucket in the state of `reference`; `at` is for messages.
    pub fn new(
        bucket: &'a Bucket,
        reference: &'a mut RefBucket,
        rng: &'a mut Rng,
        at: String,
    ) -> Self {
        Self {
            bucket,
            reference,
            rng,
            at,
            ack: Ack::Written,
            whole: false,
            refused: None,
        }
    }

    /// Acknowledged like this, and only what a crash leaves whole or absent.
    #[must_use]
    pub const fn whole(mut self, ack: Ack) -> Self {
        (self.ack, self.whole) = (ack, true);
        self
    }

    /// At most so many bytes where that is one batch.
    fn at_most(&self, bytes: usize, limit: usize) -> usize {
        if self.whole { bytes.min(limit) } else { bytes }
    }

    fn name(&mut self) -> Vec<u8> {
        let names: [&[u8]; 8] = [b"a", b"b", b"c", b"c-d", b"b", b"a", b"a\xff", b"b."];
        self.rng.pick(&names).to_vec()
    }

    fn path(&mut self) -> Path {
        let depth = [1, 1, 2, 2, 3][to_usize(self.rng.below(5))];
        (0..depth).map(|_| self.name()).collect()
    }

    fn key(&mut self) -> Vec<u8> {
        let names: [&[u8]; 9] = [b"a", b"b", b"c", b"c-d", b"a", b"b", b"", b".", b".."];
        let depth = [1, 1, 2, 2, 3, 4][to_usize(self.rng.below(6))];
        let parts: Vec<&[u8]> = (0..depth).map(|_| *self.rng.pick(&names)).collect();
        let mut key = parts.join(&b'/');
        if self.rng.below(6) == 0 || key.is_empty() {
            key.push(b'/');
        }
        key
    }

    fn data(&mut self) -> Vec<u8> {
        let sizes = [0, 1, 100, 2048, 2049, 4096, 5000, 9000, 40_000];
        let bytes = if self.rng.below(60) == 0 {
            2_500_000
        } else {
            *self.rng.pick(&sizes)
        };
        let start = self.rng.below(251);
        if start % 4 == 3 && bytes < 100_000 {
            return noise(start + bytes as u64, bytes);
        }
        let byte = |index: usize| (start + index as u64 * 7 + index as u64 / 256) % 251;
        (0..bytes)
            .map(|index| u8::try_from(byte(index)).unwrap())
            .collect()
    }

    /// The node of a path, by lookups from the root.
    fn node(&self, path: &[Vec<u8>]) -> Result<Node, BucketError> {
        let mut node = self.bucket.root();
        for name in path {
            node = block_on(self.bucket.lookup(&node, name))?.0;
        }
        Ok(node)
    }

    fn parent(&self, path: &Path) -> Result<(Node, Vec<u8>), BucketError> {
        let (name, above) = path.split_last().unwrap();
        Ok((self.node(above)?, name.clone()))
    }

    /// Compares two verdicts. A failure of which the reference knows nothing is kept.
    fn same<T: std::fmt::Debug>(
        &mut self,
        what: &str,
        seen: Result<T, BucketError>,
        expected: Result<(), No>,
    ) {
        let seen = match seen {
            Ok(_) => Ok(()),
            Err(error) => match no(&error) {
                Some(no) => Err(no),
                None => {
                    self.refused = Some(error);
                    return;
                }
            },
        };
        assert_eq!(seen, expected, "{}: {what}", self.at);
    }

    /// Does one operation.
    ///
    /// # Errors
    /// What is no matter of names: the pool, a quota. The reference then is as if all was well.
    ///
    /// # Panics
    /// If the two disagree.
    pub fn step(&mut self) -> Result<(), BucketError> {
        self.operate();
        self.refused.take().map_or(Ok(()), Err)
    }

    fn operate(&mut self) {
        match self.rng.below(30) {
            0..2 => self.create(),
            2 => self.mkdir(),
            3 => self.special(),
            4..6 => self.unlink(),
            6 => self.rmdir(),
            7..10 => self.rename(),
            10 => self.link(),
            11..14 => self.write(),
            14 => self.truncate(),
            15 => self.punch(),
            16 => self.attributes(),
            17..21 => self.put(),
            21..23 => self.remove(),
            23 => self.copy_object(),
            24..26 => self.copy_range(),
            26..28 => self.read(),
            28 => self.multipart(),
            _ => self.rename_object(),
        }
    }

    fn make(&mut self, kind: NewKind<'_>, mode: u16, path: &Path) -> Result<(), BucketError> {
        let (parent, name) = self.parent(path)?;
        let new = NewInode {
            kind,
            mode,
            uid: 0,
            gid: 0,
        };
        block_on(self.bucket.create(&parent, &name, &new, self.ack)).map(|_| ())
    }

    fn create(&mut self) {
        let path = self.path();
        let seen = self.make(NewKind::File, 0o640, &path);
        let expected = self.reference.create(&path, Body::File(Vec::new()), 0o640);
        self.same(&format!("create {path:?}"), seen, expected);
    }

    fn mkdir(&mut self) {
        let path = self.path();
        let seen = self.make(NewKind::Directory, 0o750, &path);
        let expected = self.reference.mkdir(&path, 0o750);
        self.same(&format!("mkdir {path:?}"), seen, expected);
    }

    fn special(&mut self) {
        let path = self.path();
        let is_link = self.rng.below(2) == 0;
        let (kind, body) = if is_link {
            (NewKind::Symlink(b"x/y"), Body::Symlink(b"x/y".to_vec()))
        } else {
            (NewKind::Fifo, Body::Fifo)
        };
        let seen = self.make(kind, 0o777, &path);
        let expected = self.reference.create(&path, body, 0o777);
        self.same(&format!("special {path:?}"), seen, expected);
    }

    fn unlink(&mut self) {
        let path = self.path();
        let seen = self
            .parent(&path)
            .and_then(|(node, name)| block_on(self.bucket.unlink(&node, &name, self.ack)));
        let expected = self.reference.unlink(&path);
        self.same(&format!("unlink {path:?}"), seen, expected);
    }

    fn rmdir(&mut self) {
        let path = self.path();
        let seen = self
            .parent(&path)
            .and_then(|(node, name)| block_on(self.bucket.rmdir(&node, &name, self.ack)));
        let expected = self.reference.rmdir(&path);
        self.same(&format!("rmdir {path:?}"), seen, expected);
    }

    fn rename(&mut self) {
        let (from, to) = (self.path(), self.path());
        let how = self.rng.below(4);
        let (how, engine) = match how {
            0 => (1, RenameHow::NoReplace),
            1 => (2, RenameHow::Exchange),
            _ => (0, RenameHow::Replace),
        };
        let rename = || {
            let (from, name) = self.parent(&from)?;
            let (to, new) = self.parent(&to)?;
            block_on(
                self.bucket
                    .rename((&from, &name), (&to, &new), engine, self.ack),
            )
        };
        let seen = rename();
        let expected = self.reference.rename(&from, &to, how);
        self.same(
            &format!("rename {from:?} {to:?} {engine:?}"),
            seen,
            expected,
        );
    }

    fn link(&mut self) {
        let (from, to) = (self.path(), self.path());
        let link = || {
            let node = self.node(&from)?;
            let (parent, name) = self.parent(&to)?;
            block_on(self.bucket.link(&node, (&parent, &name), self.ack))
        };
        let seen = link();
        let expected = self.reference.link(&from, &to);
        self.same(&format!("link {from:?} {to:?}"), seen, expected);
    }
}

/// Bytes that cannot be compressed.
fn noise(seed: u64, bytes: usize) -> Vec<u8> {
    let mut rng = Rng::new(seed);
    let words = (0..bytes.div_ceil(4)).flat_map(|_| {
        let word = u32::try_from(rng.below(1 << 32)).unwrap();
        word.to_le_bytes()
    });
    words.take(bytes).collect()
}
