//! What a bucket must do, written down a second time and as plainly as possible: directories are
//! maps from names to numbers, and a name can have a file and a directory.

mod copy;

mod objects;

mod rename;

use std::collections::BTreeMap;
use std::sync::Arc;

pub(crate) const ROOT: u64 = 1;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Body {
    File(Vec<u8>),
    Directory {
        files: Names,
        directories: Names,
        explicit: bool,
        content: Vec<u8>,
    },
    Symlink(Vec<u8>),
    Fifo,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RefNode {
    pub(crate) body: Body,
    pub(crate) mode: u16,
    pub(crate) links: u32,
    pub(crate) attributes: BTreeMap<Vec<u8>, Vec<u8>>,
    pub(crate) tag: Option<Vec<u8>>,
}

/// Why something was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum No {
    NotFound,
    Exists,
    NotDirectory,
    IsDirectory,
    NotRegular,
    NotEmpty,
    Below,
    InTheWay,
}

/// A bucket as it must be. Cloning shares what it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefBucket {
    pub(crate) nodes: BTreeMap<u64, Arc<RefNode>>,
    next: u64,
}

pub(crate) type Path = Vec<Vec<u8>>;
type Names = BTreeMap<Vec<u8>, u64>;
type Maps<'a> = (&'a mut Names, &'a mut Names, &'a mut bool);

fn directory(explicit: bool) -> Body {
    Body::Directory {
        files: BTreeMap::new(),
        directories: BTreeMap::new(),
        explicit,
        content: Vec::new(),
    }
}

pub(crate) fn is_mountable(name: &[u8]) -> bool {
    !matches!(name, b"" | b"." | b"..") && name.len() <= 255
}

impl Default for RefBucket {
    fn default() -> Self {
        Self::new()
    }
}

impl RefBucket {
    /// One that was just created.
    #[must_use]
    pub fn new() -> Self {
        let mut new = Self {
            nodes: BTreeMap::new(),
            next: ROOT,
        };
        new.add(directory(true), 0o755);
        new
    }

    fn add(&mut self, body: Body, mode: u16) -> u64 {
        let id = self.next;
        self.next += 1;
        let node = RefNode {
            body,
            mode,
            links: 1,
            attributes: BTreeMap::new(),
            tag: None,
        };
        self.nodes.insert(id, Arc::new(node));
        id
    }

    pub(super) fn node_mut(&mut self, id: u64) -> &mut RefNode {
        Arc::make_mut(self.nodes.get_mut(&id).unwrap())
    }

    fn maps(&mut self, id: u64) -> Maps<'_> {
        match &mut self.node_mut(id).body {
            Body::Directory {
                files,
                directories,
                explicit,
                ..
            } => (files, directories, explicit),
            other => panic!("{other:?} is no directory"),
        }
    }

    pub(crate) fn is_directory(&self, id: u64) -> bool {
        matches!(self.nodes[&id].body, Body::Directory { .. })
    }

    pub(crate) fn child(&self, id: u64, name: &[u8]) -> Option<u64> {
        match &self.nodes[&id].body {
            Body::Directory {
                files, directories, ..
            } => directories.get(name).or_else(|| files.get(name)).copied(),
            _ => None,
        }
    }

    /// What a path leads to through the mount.
    pub(crate) fn walk(&self, path: &[Vec<u8>]) -> Result<u64, No> {
        let mut at = ROOT;
        for name in path {
            if !self.is_directory(at) {
                return Err(No::NotDirectory);
            }
            let found = is_mountable(name).then(|| self.child(at, name)).flatten();
            at = found.ok_or(No::NotFound)?;
        }
        Ok(at)
    }

    fn parent(&self, path: &[Vec<u8>]) -> Result<(u64, Vec<u8>), No> {
        let (name, above) = path.split_last().unwrap();
        let parent = self.walk(above)?;
        if !self.is_directory(parent) {
            return Err(No::NotDirectory);
        }
        Ok((parent, name.clone()))
    }

    pub(crate) fn create(&mut self, path: &[Vec<u8>], body: Body, mode: u16) -> Result<(), No> {
        let (parent, name) = self.parent(path)?;
        if self.child(parent, &name).is_some() {
            return Err(No::Exists);
        }
        let is_directory = matches!(body, Body::Directory { .. });
        let id = self.add(body, mode);
        let (files, directories, explicit) = self.maps(parent);
        *explicit = true;
        let map = if is_directory { directories } else { files };
        map.insert(name, id);
        Ok(())
    }

    pub(crate) fn mkdir(&mut self, path: &[Vec<u8>], mode: u16) -> Result<(), No> {
        self.create(path, directory(true), mode)
    }

    fn drop_link(&mut self, id: u64) {
        let node = self.node_mut(id);
        node.links -= 1;
        if node.links == 0 {
            self.nodes.remove(&id);
        }
    }

    pub(crate) fn unlink(&mut self, path: &[Vec<u8>]) -> Result<(), No> {
        let (parent, name) = self.parent(path)?;
        let id = self.child(parent, &name).ok_or(No::NotFound)?;
        if self.is_directory(id) {
            return Err(No::IsDirectory);
        }
        let (files, _, explicit) = self.maps(parent);
        files.remove(&name);
        *explicit = true;
        self.drop_link(id);
        Ok(())
    }

    fn is_empty(&self, id: u64) -> bool {
        match &self.nodes[&id].body {
            Body::Directory {
                files, directories, ..
            } => files.is_empty() && directories.is_empty(),
            _ => false,
        }
    }

    pub(crate) fn rmdir(&mut self, path: &[Vec<u8>]) -> Result<(), No> {
        let (parent, name) = self.parent(path)?;
        let id = self.child(parent, &name).ok_or(No::NotFound)?;
        if !self.is_directory(id) {
            return Err(No::NotDirectory);
        }
        if !self.is_empty(id) {
            return Err(No::NotEmpty);
        }
        let (_, directories, explicit) = self.maps(parent);
        directories.remove(&name);
        *explicit = true;
        self.drop_link(id);
        Ok(())
    }

    pub(crate) fn link(&mut self, from: &[Vec<u8>], to: &[Vec<u8>]) -> Result<(), No> {
        let source = self.walk(from)?;
        self.walk(&to[..to.len() - 1])?;
        if self.is_directory(source) {
            return Err(No::IsDirectory);
        }
        let (parent, name) = self.parent(to)?;
        if self.child(parent, &name).is_some() {
            return Err(No::Exists);
        }
        self.node_mut(source).links += 1;
        let (files, _, explicit) = self.maps(parent);
        files.insert(name, source);
        *explicit = true;
        Ok(())
    }

    /// The content of a regular file, to be changed in place; `changes` says whether it is, by the
    /// size that it has.
    pub(crate) fn file(
        &mut self,
        path: &[Vec<u8>],
        changes: impl Fn(usize) -> bool,
    ) -> Result<&mut Vec<u8>, No> {
        let id = self.walk(path)?;
        let node = self.node_mut(id);
        match &mut node.body {
            Body::File(content) => {
                if changes(content.len()) {
                    node.tag = None;
                }
                Ok(content)
            }
            Body::Directory { .. } => Err(No::IsDirectory),
            _ => Err(No::NotRegular),
        }
    }

    /// Whether the path leads to a directory that is there for itself.
    #[must_use]
    pub fn is_explicit(&self, path: &[u8]) -> bool {
        path.is_empty() || self.find(&[path, b"/"].concat()).is_some()
    }

    /// Whether nothing is in it.
    #[must_use]
    pub fn is_new(&self) -> bool {
        self.is_empty(ROOT)
    }

    /// The bytes of a file, or of a directory's object.
    pub(crate) fn content(&self, id: u64) -> &[u8] {
        match &self.nodes[&id].body {
            Body::File(content) | Body::Directory { content, .. } => content,
            other => panic!("{other:?} has no content"),
        }
    }

    /// Attributes through the mount.
    pub(crate) fn node(&mut self, path: &[Vec<u8>]) -> Result<&mut RefNode, No> {
        let id = self.walk(path)?;
        let node = self.node_mut(id);
        if let Body::Directory { explicit, .. } = &mut node.body {
            *explicit = true;
        }
        Ok(node)
    }
}
