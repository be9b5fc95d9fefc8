//! What no name leads to any more, because the page that held the name is lost: directories with
//! what is below them, and contents.

use std::collections::HashSet;
use std::fs::{self, File};

use engine_format::{
    BucketKey, ContentForm, EntryRecord, ExtentRef, Inode, InodeFields, InodeId, InodeKind,
    PartRecord, PieceRecord,
};

use super::bucket::Bucket;
use super::{Copy, Done, Ended, at};

/// Which numbers something refers to.
#[derive(Default)]
struct Known {
    directories: HashSet<InodeId>,
    /// Directories with entries, in order.
    parents: Vec<InodeId>,
    contents: HashSet<InodeId>,
    /// Contents, and how far their extents reach.
    stored: Vec<(InodeId, u64)>,
}

impl Copy<'_> {
    /// Looks for what is left behind, if anything of the bucket is lost.
    pub(super) fn found_again(&mut self, bucket: &mut Bucket) -> Done {
        if self.salvage.lost_keys().is_empty() {
            return Ok(());
        }
        let known = self.known(bucket)?;
        for id in &known.parents {
            if known.directories.contains(id) || bucket.begun.contains(id) {
                continue;
            }
            let path = self.target.join("lost+found").join(&bucket.name);
            let path = path.join(format!("directory-{}", id.get()));
            fs::create_dir_all(&path).map_err(at("making", &path))?;
            let key = format!("(directory {})/", id.get());
            self.renamed(&format!("{}/{key}", bucket.owner), &path)?;
            self.tree(bucket, *id, path, key.into_bytes(), None)?;
        }
        for (content, size) in known.stored {
            if !known.contents.contains(&content) {
                self.found_content(bucket, content, size)?;
            }
        }
        Ok(())
    }

    fn found_content(&mut self, bucket: &Bucket, content: InodeId, size: u64) -> Done {
        let parent = self.target.join("lost+found").join(&bucket.name);
        fs::create_dir_all(&parent).map_err(at("making", &parent))?;
        let path = parent.join(format!("content-{}", content.get()));
        File::create_new(&path).map_err(at("creating", &path))?;
        let key = format!("(content {})", content.get());
        self.renamed(&format!("{}/{key}", bucket.owner), &path)?;
        self.fill(bucket, &path, key.as_bytes(), &nameless(content, size))?;
        self.report.files += 1;
        Ok(())
    }

    /// One pass over all records.
    fn known(&self, bucket: &Bucket) -> Result<Known, Ended> {
        let mut known = Known::default();
        known.directories.insert(InodeId::ROOT);
        let mut next = Some(Vec::new());
        while let Some(from) = next {
            let found = self.salvage.entries(bucket.dataset, &from)?;
            for (key, value) in &found.entries {
                if let Ok(key) = BucketKey::decode(key) {
                    known.record(&key, value);
                }
            }
            next = found.next;
        }
        Ok(known)
    }
}

impl Known {
    fn record(&mut self, key: &BucketKey<'_>, value: &[u8]) {
        match key {
            BucketKey::Entry(directory, _) => {
                if self.parents.last() != Some(directory) {
                    self.parents.push(*directory);
                }
                match EntryRecord::decode(value) {
                    Ok(EntryRecord::Inline(inode)) => self.inode(&inode),
                    Ok(EntryRecord::Link(..)) | Err(_) => {}
                }
            }
            BucketKey::Inode(_) => {
                if let Ok(inode) = Inode::decode(value) {
                    self.inode(&inode);
                }
            }
            BucketKey::Extent(content, start) => {
                let bytes = ExtentRef::decode(value).map_or(0, |extent| extent.bytes());
                let end = start.saturating_add(bytes.into());
                match self.stored.last_mut() {
                    Some((last, reach)) if last == content => *reach = end,
                    _ => self.stored.push((*content, end)),
                }
            }
            BucketKey::Part(..) => {
                let part = PartRecord::decode(value);
                self.contents.extend(part.map(|part| part.content));
            }
            BucketKey::Held(id) | BucketKey::Cleanup(id) => {
                self.contents.insert(*id);
            }
            BucketKey::Piece(..) => {
                let piece = PieceRecord::decode(value);
                self.contents.extend(piece.map(|piece| piece.content));
            }
            _ => {}
        }
    }

    fn inode(&mut self, inode: &Inode) {
        if inode.kind == InodeKind::Directory {
            self.directories.insert(inode.id);
        }
        self.contents.insert(inode.id);
    }
}

/// A file of which only the content is known.
fn nameless(id: InodeId, size: u64) -> Inode {
    Inode {
        id,
        kind: InodeKind::File,
        content: ContentForm::Extents,
        explicit: false,
        mode: 0o600,
        uid: 0,
        gid: 0,
        links: 1,
        device: 0,
        size,
        allocated: 0,
        accessed: 0,
        modified: 0,
        changed: 0,
        created: 0,
        changes: 0,
        fields: InodeFields::default(),
    }
}
