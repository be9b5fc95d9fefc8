//! Moving what is below a directory from one project to another.
//!
//! From the top down: a directory before what is in it, and while nobody makes anything in it. So
//! what is made later inherits the new project, and what was made before is found. Each step is one
//! batch with what it moves between the usages.

use engine_format::{EntryRecord, UploadRecord};
use engine_tree::Tree;

use super::*;
use crate::change::Change;
use crate::flight::Flight;
use crate::key::Key;
use crate::list::entries_of;
use crate::look::{Look, entry, own};
use crate::multipart::{UploadId, uploads_from};
use crate::names::alone;
use crate::node::Place;

/// Inodes that one batch moves.
const INODES_AT_ONCE: usize = 48;

/// From which project to which; `None`: none.
type Move = (Option<InodeId>, Option<InodeId>);

/// A directory on the way.
struct Level {
    id: InodeId,
    /// Names from here on were not looked at; `None`: all were.
    from: Option<Vec<u8>>,
}

/// Names in a directory, with the inodes that they lead to.
type Children = Vec<(Vec<u8>, EntryRecord, Inode)>;

fn children(tree: &Tree, directory: InodeId, names: &[(Vec<u8>, EntryRecord)]) -> Look<Children> {
    let mut children = Vec::with_capacity(names.len());
    for (name, seen) in names {
        let Some(now) = entry(tree, directory, name)? else {
            continue;
        };
        let inode = match &now {
            EntryRecord::Inline(inode) => Some(inode.clone()),
            EntryRecord::Link(id, _) => own(tree, *id)?,
        };
        // What has come in its place meanwhile has the project of the directory.
        if let Some(inode) = inode.filter(|inode| inode.id == seen.id()) {
            children.push((name.clone(), now, inode));
        }
    }
    Ok(children)
}

impl Bucket {
    /// Moves what is below `top`, and unfinished uploads to keys there.
    pub(super) async fn reassign(
        &self,
        top: InodeId,
        from: Option<InodeId>,
        to: Option<InodeId>,
    ) -> Result<(), BucketError> {
        let mut path = vec![Level {
            id: top,
            from: Some(Vec::new()),
        }];
        while let Some(mut level) = path.pop() {
            let Some(first) = level.from.take() else {
                continue;
            };
            let id = level.id;
            let names = self
                .look(|tree| entries_of(tree, id, &first, INODES_AT_ONCE))
                .await?;
            let names = Vec::from(names);
            if names.len() == INODES_AT_ONCE {
                let last = names.last().map(|(name, _)| [&name[..], &[0]].concat());
                level.from = last;
                path.push(level);
            }
            let below = self.reassign_some(id, &names, (from, to)).await?;
            path.extend(below.into_iter().map(|id| Level {
                id,
                from: Some(Vec::new()),
            }));
        }
        self.reassign_uploads((from, to)).await
    }

    /// Moves some entries of a directory; the directories among them whose entries are next.
    async fn reassign_some(
        &self,
        directory: InodeId,
        names: &[(Vec<u8>, EntryRecord)],
        (from, to): Move,
    ) -> Result<Vec<InodeId>, BucketError> {
        let _admitted = self.admit(0).await?;
        let of_kind = |entry: &EntryRecord| entry.kind() == InodeKind::Directory;
        let directories = names.iter().filter(|(_, entry)| of_kind(entry));
        let keys = directories.map(|(_, entry)| alone(LockKey::Directory(entry.id())));
        let _locks = self.lock(keys.collect()).await?;
        let ids = names.iter().map(|(_, entry)| entry.id());
        let _inodes = self.lock_inodes(ids).await?;
        let found = self.look(|tree| children(tree, directory, names)).await?;
        let mut change = Change::unlimited(self);
        let mut below = Vec::new();
        for (name, entry, mut inode) in found {
            let project = inode.fields.project;
            // One that counts for none, as its quota ended elsewhere, is taken along.
            let is_other = project.is_some_and(|id| self.shared.projects.get(id).is_some());
            if is_other && project != from && project != to {
                continue;
            }
            if of_kind(&entry) {
                below.push(inode.id);
            }
            if project == to {
                continue;
            }
            inode.fields.project = to;
            let place = match entry {
                EntryRecord::Link(..) => Place::Own,
                EntryRecord::Inline(_) => Place::Entry {
                    parent: None,
                    directory,
                    name,
                },
            };
            change.inode(&place, &inode);
        }
        change.commit(self, &mut Flight::new(self)).await?;
        Ok(below)
    }

    async fn reassign_uploads(&self, (from, to): Move) -> Result<(), BucketError> {
        let mut next = Some(vec![BucketKey::UPLOAD]);
        while let Some(first) = next {
            let uploads = self.look(|tree| uploads_from(tree, &first)).await?;
            for (id, _) in uploads.found {
                self.reassign_upload(id, (from, to)).await?;
            }
            next = uploads.next;
        }
        Ok(())
    }

    async fn reassign_upload(&self, id: UploadId, (from, to): Move) -> Result<(), BucketError> {
        let _admitted = self.admit(0).await?;
        let _locks = self.lock(vec![alone(LockKey::Upload(id.0))]).await?;
        let key = BucketKey::Upload(id.0);
        let found = self
            .look(|tree| value(tree, &key, UploadRecord::decode))
            .await?;
        let Some(mut record) = found.filter(|record| record.inode.fields.project == from) else {
            return Ok(());
        };
        let way = self.way(&Key::parse(&record.key)?).await?;
        if way.last().inode.fields.project != to {
            return Ok(());
        }
        let parts = self.all_parts(id).await?;
        let bytes = parts.iter().map(|(_, part)| part.size).sum();
        record.inode.fields.project = to;
        record.inode.allocated = to.map_or(0, |_| bytes);
        let mut change = Change::unlimited(self);
        change.put(&key, &record.encode());
        change.commit(self, &mut Flight::new(self)).await?;
        Ok(())
    }
}
