//! A bucket becomes a directory tree.

use std::collections::{HashMap, HashSet};
use std::fs::{self, File};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use engine_base::DatasetId;
use engine_format::{BucketKey, DirectoryState, EntryRecord, Inode, InodeId, InodeKind};
use engine_pool::SalvagedDataset;

use super::content::Owner;
use super::{Copy, Done, Ended, MissingRow, at, host, owner_of};

/// A bucket on its way.
pub(super) struct Bucket {
    pub(super) dataset: DatasetId,
    /// `bucket/NAME`, or `bucket/NAME@LABEL`.
    pub(super) owner: String,
    /// For paths.
    pub(super) name: String,
    /// Directories that were begun: none is copied twice, whatever the records say.
    pub(super) begun: HashSet<InodeId>,
    /// Where inodes with several names lie.
    links: HashMap<InodeId, PathBuf>,
    /// Things under [`Copy::aside`].
    aside: u64,
}

/// A directory on its way.
struct Level {
    id: InodeId,
    path: PathBuf,
    /// As in keys, with a `/` at its end; empty for the root.
    key: Vec<u8>,
    inode: Option<Inode>,
    /// Names below this one were copied.
    from: Vec<u8>,
}

/// A name and what it leads to.
struct Child {
    name: Vec<u8>,
    record: EntryRecord,
}

/// The entries that one look gave.
struct Children {
    list: Vec<Child>,
    is_last: bool,
}

impl Copy<'_> {
    pub(super) fn bucket(&mut self, dataset: &SalvagedDataset) -> Done {
        let path = self.place(dataset)?;
        fs::create_dir(&path).map_err(at("making", &path))?;
        let label = dataset.label.as_ref();
        let mut bucket = Bucket {
            dataset: dataset.id,
            owner: owner_of(dataset),
            name: label.map_or_else(
                || dataset.name.clone(),
                |label| format!("{}@{label}", dataset.name),
            ),
            begun: HashSet::new(),
            links: HashMap::new(),
            aside: 0,
        };
        let root = self.own(&bucket, InodeId::ROOT)?;
        self.tree(&mut bucket, InodeId::ROOT, path, Vec::new(), root)?;
        self.found_again(&mut bucket)?;
        self.report.buckets += 1;
        Ok(())
    }

    fn own(&self, bucket: &Bucket, id: InodeId) -> Result<Option<Inode>, Ended> {
        let key = BucketKey::Inode(id).encode();
        let value = self.salvage.value(bucket.dataset, &key)?;
        Ok(value.and_then(|value| Inode::decode(&value).ok()))
    }

    /// Copies a directory, which is there on the host, and all below it.
    pub(super) fn tree(
        &mut self,
        bucket: &mut Bucket,
        id: InodeId,
        path: PathBuf,
        key: Vec<u8>,
        inode: Option<Inode>,
    ) -> Done {
        let level = |id, path, key, inode| Level {
            id,
            path,
            key,
            inode,
            from: Vec::new(),
        };
        bucket.begun.insert(id);
        let mut way = vec![level(id, path, key, inode)];
        while let Some(mut directory) = way.pop() {
            let children = self.children(bucket, &directory)?;
            let mut below = None;
            for child in children.list {
                directory.from = [&child.name[..], &[0]].concat();
                if child.record.kind() != InodeKind::Directory {
                    self.file(bucket, &directory, &child)?;
                } else if let Some((path, inode)) = self.directory(bucket, &directory, &child)? {
                    let key = [&directory.key[..], &child.name].concat();
                    below = Some(level(child.record.id(), path, key, inode));
                    break;
                }
            }
            if below.is_some() || !children.is_last {
                way.push(directory);
                way.extend(below);
            } else {
                self.finish_directory(bucket, &directory)?;
            }
        }
        Ok(())
    }

    /// The next entries of a directory.
    fn children(&self, bucket: &Bucket, directory: &Level) -> Result<Children, Ended> {
        let from = BucketKey::Entry(directory.id, &directory.from).encode();
        let found = self.salvage.entries(bucket.dataset, &from)?;
        let mut children = Children {
            list: Vec::new(),
            is_last: found.next.is_none(),
        };
        for (key, value) in &found.entries {
            match BucketKey::decode(key) {
                Ok(BucketKey::Entry(of, name)) if of == directory.id => {
                    if let Ok(record) = EntryRecord::decode(value) {
                        let name = name.to_vec();
                        children.list.push(Child { name, record });
                    }
                }
                _ => {
                    children.is_last = true;
                    break;
                }
            }
        }
        Ok(children)
    }

    /// Makes a directory on the host; `None`: it was copied before.
    fn directory(
        &mut self,
        bucket: &mut Bucket,
        parent: &Level,
        child: &Child,
    ) -> Result<Option<(PathBuf, Option<Inode>)>, Ended> {
        if !bucket.begun.insert(child.record.id()) {
            return Ok(None);
        }
        let name = child.name.strip_suffix(b"/").unwrap_or(&child.name);
        let key = [&parent.key[..], &child.name].concat();
        let path = self.named(bucket, parent, name, &key, |path| fs::create_dir(path))?;
        let inode = match &child.record {
            EntryRecord::Inline(inode) => Some(inode.clone()),
            EntryRecord::Link(..) => None,
        };
        Ok(Some((path, inode)))
    }

    /// Makes something where it belongs, or aside if a path cannot say that.
    fn named(
        &mut self,
        bucket: &mut Bucket,
        parent: &Level,
        name: &[u8],
        key: &[u8],
        make: impl Fn(&Path) -> io::Result<()>,
    ) -> Result<PathBuf, Ended> {
        if host::is_nameable(name) {
            let path = parent.path.join(std::ffi::OsStr::from_bytes(name));
            match make(&path) {
                Ok(()) => return Ok(path),
                Err(error) if error.kind() == io::ErrorKind::InvalidFilename => {}
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(at("making", &path)(error)),
            }
        }
        let path = self.aside(bucket, "unnameable")?;
        make(&path).map_err(at("making", &path))?;
        let owner = Owner::of(&bucket.owner, key).name();
        self.renamed(&owner, &path)?;
        Ok(path)
    }

    /// A new path outside of the tree.
    fn aside(&mut self, bucket: &mut Bucket, folder: &str) -> Result<PathBuf, Ended> {
        let parent = self.target.join(folder).join(&bucket.name);
        fs::create_dir_all(&parent).map_err(at("making", &parent))?;
        bucket.aside += 1;
        Ok(parent.join(bucket.aside.to_string()))
    }

    fn file(&mut self, bucket: &mut Bucket, parent: &Level, child: &Child) -> Done {
        let key = [&parent.key[..], &child.name].concat();
        let id = child.record.id();
        let is_link = matches!(child.record, EntryRecord::Link(..));
        if let Some(first) = bucket.links.get(&id).filter(|_| is_link).cloned() {
            let link = |path: &Path| fs::hard_link(&first, path);
            self.named(bucket, parent, &child.name, &key, link)?;
            return Ok(());
        }
        let inode = match &child.record {
            EntryRecord::Inline(inode) => Some(inode.clone()),
            EntryRecord::Link(id, _) => self.own(bucket, *id)?,
        };
        let Some(inode) = inode else {
            return self.missing(MissingRow {
                owner: Owner::of(&bucket.owner, &key).name(),
                offset: 0,
                bytes: 0,
                why: "its inode is lost with a page of the index".to_owned(),
            });
        };
        // A directory of that name hides it from paths.
        let of_directory = [&child.name[..], b"/"].concat();
        let of_directory = BucketKey::Entry(parent.id, &of_directory).encode();
        let is_hidden = self.salvage.value(bucket.dataset, &of_directory)?.is_some();
        let name: &[u8] = if is_hidden { b"" } else { &child.name };
        let path = self.inode(bucket, parent, name, &key, &inode)?;
        if is_link {
            bucket.links.insert(id, path);
        }
        Ok(())
    }

    fn inode(
        &mut self,
        bucket: &mut Bucket,
        parent: &Level,
        name: &[u8],
        key: &[u8],
        inode: &Inode,
    ) -> Result<PathBuf, Ended> {
        let path = match inode.kind {
            InodeKind::File | InodeKind::Directory => {
                let make = |path: &Path| File::create_new(path).map(drop);
                let path = self.named(bucket, parent, name, key, make)?;
                self.fill(bucket, &path, key, inode)?;
                path
            }
            InodeKind::Symlink => {
                let target = self.small(bucket.dataset, inode.id)?.unwrap_or_default();
                let target = std::ffi::OsStr::from_bytes(&target);
                let make = |path: &Path| std::os::unix::fs::symlink(target, path);
                self.named(bucket, parent, name, key, make)?
            }
            _ => {
                let make = |path: &Path| host::make_special(path, inode);
                self.named(bucket, parent, name, key, make)?
            }
        };
        self.report.files += 1;
        self.metadata(bucket, &path, inode, (inode.accessed, inode.modified))?;
        Ok(path)
    }

    /// Writes a content into a file that was made for it.
    pub(super) fn fill(&mut self, bucket: &Bucket, path: &Path, key: &[u8], inode: &Inode) -> Done {
        let file = File::options().write(true).open(path);
        let file = file.map_err(at("opening", path))?;
        let owner = Owner::of(&bucket.owner, key);
        self.content(bucket.dataset, &owner, (&file, path), inode)
    }

    /// The object that a directory is, and what is known of it.
    fn finish_directory(&mut self, bucket: &mut Bucket, directory: &Level) -> Done {
        self.report.directories += 1;
        let Some(inode) = &directory.inode else {
            return Ok(());
        };
        if inode.size > 0 {
            let path = self.aside(bucket, "unnameable")?;
            File::create_new(&path).map_err(at("creating", &path))?;
            self.fill(bucket, &path, &directory.key, inode)?;
            let owner = Owner::of(&bucket.owner, &directory.key).name();
            self.renamed(&owner, &path)?;
        }
        let key = BucketKey::Directory(directory.id).encode();
        let state = self.salvage.value(bucket.dataset, &key)?;
        let state = state.and_then(|state| DirectoryState::decode(&state).ok());
        let modified = state.map_or(inode.modified, |state| state.modified);
        let times = (inode.accessed, modified);
        self.metadata(bucket, &directory.path, inode, times)
    }
}
