//! Counting what is in a bucket, and what either view of it cannot show.

use engine_format::{BucketKey, InodeId, InodeKind, PartRecord};

use crate::list::entries_of;
use crate::look::entry;
use crate::multipart::parts_from;
use crate::names::is_mountable;
use crate::{Bucket, BucketError};

/// Entries that one look takes.
const ENTRIES_AT_ONCE: usize = 256;

/// What is in a bucket. It is counted while others change it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Census {
    /// Names of any kind, hidden ones too.
    pub entries: u64,
    /// Those that a mount cannot show: it cannot name them or a directory above them, or a
    /// directory of the same name hides them.
    pub unmountable: u64,
    /// Objects that have a key.
    pub objects: u64,
    /// Bytes of their contents.
    pub bytes: u64,
    /// Files and directories that would be objects, but whose names are no text.
    pub keyless: u64,
}

/// Uploads that are on their way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Staged {
    /// Multipart uploads, also those without a part.
    pub uploads: u64,
    /// Their parts.
    pub parts: u64,
    /// Bytes of the parts.
    pub bytes: u64,
}

/// A directory on the way of the count: what goes on behind its subdirectory.
struct Level {
    id: InodeId,
    /// Names from here on were not counted.
    from: Vec<u8>,
    is_mountable: bool,
    is_text: bool,
}

impl Bucket {
    /// Counts everything. It takes as long as reading all entries, and memory for a few of each
    /// directory on one path.
    ///
    /// # Errors
    /// [`BucketError::Store`].
    pub async fn census(&self) -> Result<Census, BucketError> {
        let mut census = Census::default();
        let mut path = vec![Level {
            id: InodeId::ROOT,
            from: Vec::new(),
            is_mountable: true,
            is_text: true,
        }];
        while let Some(mut level) = path.pop() {
            if let Some(below) = self.count_some(&mut level, &mut census).await? {
                path.push(level);
                path.push(below);
            } else if !level.from.is_empty() {
                path.push(level);
            }
        }
        Ok(census)
    }

    /// Counts the next entries of a directory, up to a subdirectory, which is returned. `from` is
    /// empty when there are no more.
    async fn count_some(
        &self,
        level: &mut Level,
        census: &mut Census,
    ) -> Result<Option<Level>, BucketError> {
        let (id, from) = (level.id, std::mem::take(&mut level.from));
        let some = self
            .look(|tree| {
                let found = entries_of(tree, id, &from, ENTRIES_AT_ONCE)?;
                let mut some = Vec::with_capacity(found.len());
                for (name, record) in found {
                    let is_hidden = record.kind() != InodeKind::Directory
                        && entry(tree, id, &[&name[..], b"/"].concat())?.is_some();
                    some.push((name, record, is_hidden));
                }
                Ok(some)
            })
            .await?;
        let is_last = some.len() < ENTRIES_AT_ONCE;
        for (name, record, is_hidden) in some {
            let below = level.count(census, &name, &record, is_hidden);
            if below.is_some() {
                level.from = [&name[..], &[0]].concat();
                return Ok(below);
            }
            if !is_last {
                level.from = [&name[..], &[0]].concat();
            }
        }
        Ok(None)
    }

    /// Counts the uploads that are on their way.
    ///
    /// # Errors
    /// [`BucketError::Store`].
    pub async fn staged(&self) -> Result<Staged, BucketError> {
        let mut staged = Staged::default();
        let mut next = Some(vec![BucketKey::UPLOAD]);
        while let Some(from) = next {
            let (records, behind) = self
                .look(|tree| parts_from(tree, &from, ENTRIES_AT_ONCE))
                .await?;
            for record in records {
                match record {
                    None => staged.uploads += 1,
                    Some(PartRecord { size, .. }) => {
                        staged.parts += 1;
                        staged.bytes += size;
                    }
                }
            }
            next = behind;
        }
        Ok(staged)
    }
}

impl Level {
    /// Counts an entry of it; the level below if it is a directory.
    fn count(
        &self,
        census: &mut Census,
        key_name: &[u8],
        record: &engine_format::EntryRecord,
        is_hidden: bool,
    ) -> Option<Self> {
        let name = key_name.strip_suffix(b"/").unwrap_or(key_name);
        let is_mountable = self.is_mountable && is_mountable(name);
        let is_text = self.is_text && std::str::from_utf8(name).is_ok();
        census.entries += 1;
        census.unmountable += u64::from(!is_mountable || is_hidden);
        let is_directory = record.kind() == InodeKind::Directory;
        let inode = match record {
            engine_format::EntryRecord::Inline(inode) => Some(inode),
            engine_format::EntryRecord::Link(..) => None,
        };
        let is_object = |kind, explicit| match kind {
            InodeKind::File => true,
            InodeKind::Directory => explicit,
            _ => false,
        };
        if let Some(inode) = inode.filter(|inode| is_object(inode.kind, inode.explicit)) {
            census.objects += u64::from(is_text);
            census.bytes += if is_text { inode.size } else { 0 };
            census.keyless += u64::from(!is_text);
        }
        is_directory.then(|| Self {
            id: record.id(),
            from: Vec::new(),
            is_mountable,
            is_text,
        })
    }
}
