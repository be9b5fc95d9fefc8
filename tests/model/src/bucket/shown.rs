//! What a bucket shows, and what a reference would, as one line for each path and key.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use engine_base::to_usize;
use engine_bucket::{Bucket, BucketError, Info, InodeKind, ListOptions, Node};
use engine_pool::block_on;

use super::reference::{Body, ROOT, RefBucket, RefNode, is_mountable};

/// Lines by path (`/a/b`) and key (`a/b`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shown {
    /// `None`: it cannot be read.
    lines: BTreeMap<String, Option<String>>,
    /// Beginnings below which not everything could be listed.
    unlisted: Vec<String>,
}

/// The first thing that is not as it must be.
pub type Difference = String;

impl Shown {
    /// What a reference shows. Everything can be read.
    #[must_use]
    pub fn of_reference(reference: &RefBucket) -> Self {
        let mut shown = Self::default();
        shown.expect(reference, ROOT, "/");
        for (key, id) in reference.keys() {
            let tag = reference.nodes[&id].tag.as_deref();
            let line = object_line(reference.content(id), tag);
            shown.lines.insert(escaped(&key), Some(line));
        }
        shown
    }

    /// What a bucket shows. What fails with an error that `may_fail` accepts is left open.
    ///
    /// # Errors
    /// Any other.
    pub fn of_bucket(
        bucket: &Bucket,
        may_fail: &dyn Fn(&BucketError) -> bool,
    ) -> Result<Self, BucketError> {
        let mut observer = Observer {
            bucket,
            may_fail,
            shown: Self::default(),
        };
        let root = bucket.root();
        let info = observer.open_end(block_on(bucket.info(&root)))?;
        observer.inode(&root, info.as_ref(), "/")?;
        observer.keys()?;
        Ok(observer.shown)
    }

    /// Whether everything could be read.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.unlisted.is_empty() && self.lines.values().all(Option::is_some)
    }

    /// How what is shown contradicts what is expected, as far as it can be read.
    #[must_use]
    pub fn contradicts(&self, expected: &Self) -> Option<Difference> {
        for (path, line) in &self.lines {
            let Some(known) = expected.lines.get(path) else {
                return Some(format!("{path} must not be there: {line:?}"));
            };
            if line.is_some() && line != known {
                return Some(format!("{path} is {line:?} instead of {known:?}"));
            }
        }
        let is_open = |path: &str| self.unlisted.iter().any(|open| path.starts_with(open));
        let missing = |path: &&String| !self.lines.contains_key(*path) && !is_open(path);
        let missing = expected.lines.keys().find(missing)?;
        Some(format!("{missing} is missing"))
    }

    fn expect(&mut self, reference: &RefBucket, id: u64, path: &str) {
        let node = &reference.nodes[&id];
        let mut line = node_line(node);
        if let Body::Directory {
            files,
            directories,
            explicit,
            ..
        } = &node.body
        {
            let (entries, below) = (files.len() + directories.len(), directories.len());
            let keys = reference.count_keys(id);
            line = directory_line(
                &line,
                *explicit,
                (entries as u64, keys as u64, below as u64),
            );
            let mut names = files.clone();
            names.extend(directories.clone());
            for (name, id) in names.iter().filter(|(name, _)| is_mountable(name)) {
                self.expect(reference, *id, &below_path(path, name));
            }
        }
        self.lines.insert(path.to_owned(), Some(line));
    }
}

struct Observer<'a> {
    bucket: &'a Bucket,
    may_fail: &'a dyn Fn(&BucketError) -> bool,
    shown: Shown,
}

impl Observer<'_> {
    /// `None`: it failed in a way that may be.
    fn open_end<T>(&self, result: Result<T, BucketError>) -> Result<Option<T>, BucketError> {
        match result {
            Ok(value) => Ok(Some(value)),
            Err(error) if (self.may_fail)(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn inode(&mut self, node: &Node, info: Option<&Info>, path: &str) -> Result<(), BucketError> {
        let line = match info {
            Some(info) => self.open_end(self.line(node, info))?,
            None => None,
        };
        self.shown.lines.insert(path.to_owned(), line);
        if node.kind() != InodeKind::Directory {
            return Ok(());
        }
        let Some(names) = self.open_end(self.names(node))? else {
            self.shown.unlisted.push(path.to_owned());
            return Ok(());
        };
        for name in names {
            let below = below_path(path, &name);
            match self.open_end(block_on(self.bucket.lookup(node, &name)))? {
                Some((node, info)) => self.inode(&node, Some(&info), &below)?,
                None => {
                    self.shown.lines.insert(below.clone(), None);
                    self.shown.unlisted.push(format!("{below}/"));
                }
            }
        }
        Ok(())
    }

    fn names(&self, node: &Node) -> Result<Vec<Vec<u8>>, BucketError> {
        let mut stream = self.bucket.read_directory(node)?;
        let entries = block_on(stream.read(0, usize::MAX))?;
        Ok(entries.into_iter().map(|entry| entry.name).collect())
    }

    fn line(&self, node: &Node, info: &Info) -> Result<String, BucketError> {
        let bucket = self.bucket;
        let mut attributes = BTreeMap::new();
        for name in block_on(bucket.attributes(node))? {
            let value = block_on(bucket.attribute(node, &name))?;
            attributes.insert(name, value);
        }
        let body = match node.kind() {
            InodeKind::File => {
                let content = block_on(bucket.read(node, 0, to_usize(info.size) + 10))?;
                let line = object_line(&content, info.entity_tag.as_deref());
                assert_eq!(content.len() as u64, info.size, "two sizes of {node:?}");
                format!("file {} {line}", info.links)
            }
            InodeKind::Directory => "directory".to_owned(),
            InodeKind::Symlink => format!("link {}", escaped(&block_on(bucket.readlink(node))?)),
            other => format!("{other:?}"),
        };
        let line = inode_line(&body, info.mode, &attributes);
        if node.kind() != InodeKind::Directory {
            return Ok(line);
        }
        let state = block_on(bucket.directory_state(node.id()))?;
        let counts = (state.entries, state.keys, info.links - 2);
        Ok(directory_line(&line, info.explicit, counts))
    }

    fn keys(&mut self) -> Result<(), BucketError> {
        let options = ListOptions {
            max: usize::MAX - 1,
            ..ListOptions::default()
        };
        let Some(page) = self.open_end(block_on(self.bucket.list(&options)))? else {
            // Everything but the paths.
            self.shown.unlisted.push(String::new());
            return Ok(());
        };
        for item in page.items {
            let line = self.open_end(self.object(item.key()))?;
            self.shown.lines.insert(escaped(item.key()), line);
        }
        Ok(())
    }

    fn object(&self, key: &[u8]) -> Result<String, BucketError> {
        let absent = || BucketError::NotFound { what: "object" };
        let head = block_on(self.bucket.head(key))?.found.ok_or_else(absent)?;
        let reader = block_on(self.bucket.get(key))?.found.ok_or_else(absent)?;
        let content = block_on(reader.read(0, to_usize(head.info.size)));
        block_on(reader.close())?;
        Ok(object_line(&content?, head.info.entity_tag.as_deref()))
    }
}

fn node_line(node: &RefNode) -> String {
    let body = match &node.body {
        Body::File(content) => {
            let line = object_line(content, node.tag.as_deref());
            format!("file {} {line}", node.links)
        }
        Body::Directory { .. } => "directory".to_owned(),
        Body::Symlink(target) => format!("link {}", escaped(target)),
        Body::Fifo => format!("{:?}", InodeKind::Fifo),
    };
    inode_line(&body, node.mode, &node.attributes)
}

fn inode_line(body: &str, mode: u16, attributes: &BTreeMap<Vec<u8>, Vec<u8>>) -> String {
    let mut line = format!("{body}, mode {mode:o}");
    for (name, value) in attributes {
        let (name, sum) = (escaped(name), crc32c::crc32c(value));
        let _never_fails = write!(line, ", {name}={} {sum:08x}", value.len());
    }
    line
}

fn directory_line(line: &str, explicit: bool, (entries, keys, below): (u64, u64, u64)) -> String {
    format!("{line}, explicit {explicit}, {entries} entries, {keys} keys, {below} directories")
}

fn object_line(content: &[u8], tag: Option<&[u8]>) -> String {
    let sum = crc32c::crc32c(content);
    let tag = tag.map_or_else(|| "none".to_owned(), escaped);
    format!("{} bytes {sum:08x}, tag {tag}", content.len())
}

fn below_path(path: &str, name: &[u8]) -> String {
    let slash = if path.ends_with('/') { "" } else { "/" };
    format!("{path}{slash}{}", escaped(name))
}

fn escaped(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}
