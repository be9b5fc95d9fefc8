//! Which names lead to a content: for what is said of damage.
//!
//! Nothing is kept for this. Names are looked for from the content upwards, in one pass over all
//! entries for each directory on the way: fine for what hardly ever happens.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use engine_base::DatasetId;
use engine_format::{BucketKey, EntryRecord, InodeId, PieceRecord};
use engine_pool::Dataset;
use engine_tree::Tree;

use crate::{BucketError, Buckets};

/// Entries that one look takes.
const ENTRIES_AT_ONCE: usize = 512;
/// Directories on one way at most: more are a circle.
const LEVELS_MAX: usize = 4096;

type Entry = (Vec<u8>, Vec<u8>);

/// A name on the way down to a content.
#[derive(Clone)]
struct Name {
    directory: InodeId,
    name: Vec<u8>,
}

impl Buckets {
    /// The keys that lead to `contents`, in any state of a bucket, a snapshot too; of a file with
    /// several names one of them. Contents without a name, such as parts of uploads, are left out,
    /// and so is what is behind a damaged page.
    ///
    /// # Errors
    /// [`BucketError::Store`].
    pub async fn keys_of(
        &self,
        dataset: DatasetId,
        contents: &BTreeSet<InodeId>,
    ) -> Result<BTreeMap<InodeId, Vec<u8>>, BucketError> {
        let Some(dataset) = self.pool().dataset(dataset) else {
            return Ok(BTreeMap::new());
        };
        let inodes = self.inodes_of(&dataset, contents).await?;
        let mut names: BTreeMap<InodeId, Name> = BTreeMap::new();
        let mut wanted: BTreeSet<InodeId> = inodes.values().copied().collect();
        wanted.remove(&InodeId::ROOT);
        for _ in 0..LEVELS_MAX {
            if wanted.is_empty() {
                break;
            }
            let found = self.names_of(&dataset, &wanted).await?;
            let above = found.values().map(|name| name.directory);
            let above: BTreeSet<InodeId> = above.collect();
            names.extend(found);
            let is_new = |id: &InodeId| *id != InodeId::ROOT && !names.contains_key(id);
            wanted = above.into_iter().filter(is_new).collect();
        }
        let key = |(content, inode)| Some((content, key_of(&names, inode)?));
        Ok(inodes.into_iter().filter_map(key).collect())
    }

    /// The files that contents belong to: pieces have a number of their own.
    async fn inodes_of(
        &self,
        dataset: &Dataset,
        contents: &BTreeSet<InodeId>,
    ) -> Result<BTreeMap<InodeId, InodeId>, BucketError> {
        let mut owners: BTreeMap<_, _> = contents.iter().map(|id| (*id, *id)).collect();
        let from = BucketKey::Piece(InodeId::ROOT, 0).encode();
        self.for_each(dataset, from, |key, value| {
            let Ok(BucketKey::Piece(owner, _)) = BucketKey::decode(key) else {
                return ControlFlow::Break(());
            };
            if let Ok(piece) = PieceRecord::decode(value)
                && contents.contains(&piece.content)
            {
                owners.insert(piece.content, owner);
            }
            ControlFlow::Continue(())
        })
        .await?;
        Ok(owners)
    }

    async fn names_of(
        &self,
        dataset: &Dataset,
        wanted: &BTreeSet<InodeId>,
    ) -> Result<BTreeMap<InodeId, Name>, BucketError> {
        let mut found = BTreeMap::new();
        let from = BucketKey::Entry(InodeId::ROOT, &[]).encode();
        self.for_each(dataset, from, |key, value| {
            let Ok(BucketKey::Entry(directory, name)) = BucketKey::decode(key) else {
                return ControlFlow::Break(());
            };
            if let Ok(entry) = EntryRecord::decode(value)
                && wanted.contains(&entry.id())
            {
                let name = name.to_vec();
                found.insert(entry.id(), Name { directory, name });
            }
            match found.len() < wanted.len() {
                true => ControlFlow::Continue(()),
                false => ControlFlow::Break(()),
            }
        })
        .await?;
        Ok(found)
    }

    /// Visits entries from a key on, until `visit` breaks or a page is damaged.
    async fn for_each(
        &self,
        dataset: &Dataset,
        mut from: Vec<u8>,
        mut visit: impl FnMut(&[u8], &[u8]) -> ControlFlow<()>,
    ) -> Result<(), BucketError> {
        loop {
            let some = match self.pool().look(dataset, |tree| some(tree, &from)).await {
                Err(error) if error.is_damage() => return Ok(()),
                some => some?,
            };
            for (key, value) in &some {
                if visit(key, value).is_break() {
                    return Ok(());
                }
            }
            let Some((last, _)) = some.last().filter(|_| some.len() == ENTRIES_AT_ONCE) else {
                return Ok(());
            };
            from = [&last[..], &[0]].concat();
        }
    }
}

fn some(tree: &Tree, from: &[u8]) -> Result<Vec<Entry>, engine_tree::Missing> {
    let mut found = Vec::new();
    tree.scan(from, |key, value| {
        found.push((key.to_vec(), value.to_vec()));
        match found.len() < ENTRIES_AT_ONCE {
            true => ControlFlow::Continue(()),
            false => ControlFlow::Break(()),
        }
    })?;
    Ok(found)
}

/// The names from the root down; `None` if they do not lead there.
fn key_of(names: &BTreeMap<InodeId, Name>, inode: InodeId) -> Option<Vec<u8>> {
    let mut way = Vec::new();
    let mut at = inode;
    while at != InodeId::ROOT {
        let name = names.get(&at).filter(|_| way.len() <= LEVELS_MAX)?;
        way.push(&name.name[..]);
        at = name.directory;
    }
    way.reverse();
    // The name of a directory ends with `/`.
    Some(way.concat())
}
