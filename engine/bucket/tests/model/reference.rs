//! What a bucket must do, written down a second time and as plainly as possible: directories are
//! maps from names to numbers, and a name can have a file and a directory.

use std::collections::BTreeMap;

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

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RefBucket {
    pub(crate) nodes: BTreeMap<u64, RefNode>,
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

impl RefBucket {
    pub(crate) fn new() -> Self {
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
        self.nodes.insert(id, node);
        id
    }

    fn maps(&mut self, id: u64) -> Maps<'_> {
        match &mut self.nodes.get_mut(&id).unwrap().body {
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
        let node = self.nodes.get_mut(&id).unwrap();
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

    /// Whether `id` is at or below `top`.
    fn is_below(&self, id: u64, top: u64) -> bool {
        if id == top {
            return true;
        }
        match &self.nodes[&top].body {
            Body::Directory { directories, .. } => {
                directories.values().any(|below| self.is_below(id, *below))
            }
            _ => false,
        }
    }

    /// `how`: 0 replaces, 1 must not, 2 exchanges.
    pub(crate) fn rename(&mut self, from: &[Vec<u8>], to: &[Vec<u8>], how: u8) -> Result<(), No> {
        self.walk(&from[..from.len() - 1])?;
        self.walk(&to[..to.len() - 1])?;
        let (p1, n1) = self.parent(from)?;
        let (p2, n2) = self.parent(to)?;
        let source = self.child(p1, &n1).ok_or(No::NotFound)?;
        let target = self.child(p2, &n2);
        if target == Some(source) {
            return if how == 1 { Err(No::Exists) } else { Ok(()) };
        }
        if self.is_directory(source) && self.is_below(p2, source) {
            return Err(No::Below);
        }
        if let (2, Some(target)) = (how, target)
            && self.is_directory(source) != self.is_directory(target)
        {
            let (parent, name) = if self.is_directory(source) {
                (p1, &n1)
            } else {
                (p2, &n2)
            };
            if self.maps_of(parent).0.contains_key(name) {
                return Err(No::Exists);
            }
        }
        match (how, target) {
            (1, Some(_)) => return Err(No::Exists),
            (2, None) => return Err(No::NotFound),
            (2, Some(target)) if self.is_directory(target) && self.is_below(p1, target) => {
                return Err(No::Below);
            }
            (0, Some(target)) => match (self.is_directory(source), self.is_directory(target)) {
                (true, false) => return Err(No::NotDirectory),
                (false, true) => return Err(No::IsDirectory),
                (true, true) if !self.is_empty(target) => return Err(No::NotEmpty),
                _ => {}
            },
            _ => {}
        }
        self.detach(p1, &n1, source);
        if let Some(target) = target {
            self.detach(p2, &n2, target);
            if how == 2 {
                self.attach(p1, &n1, target);
            } else {
                self.drop_link(target);
            }
        }
        self.attach(p2, &n2, source);
        Ok(())
    }

    fn detach(&mut self, parent: u64, name: &[u8], id: u64) {
        let is_directory = self.is_directory(id);
        let (files, directories, explicit) = self.maps(parent);
        *explicit = true;
        if is_directory { directories } else { files }.remove(name);
    }

    fn attach(&mut self, parent: u64, name: &[u8], id: u64) {
        let is_directory = self.is_directory(id);
        let (files, directories, explicit) = self.maps(parent);
        *explicit = true;
        if is_directory { directories } else { files }.insert(name.to_vec(), id);
        if is_directory {
            *self.maps(id).2 = true;
        }
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
        self.nodes.get_mut(&source).unwrap().links += 1;
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
        let node = self.nodes.get_mut(&id).unwrap();
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

    /// Attributes through the mount.
    pub(crate) fn node(&mut self, path: &[Vec<u8>]) -> Result<&mut RefNode, No> {
        let id = self.walk(path)?;
        let node = self.nodes.get_mut(&id).unwrap();
        if let Body::Directory { explicit, .. } = &mut node.body {
            *explicit = true;
        }
        Ok(node)
    }

    /// Splits a key: directories, name, whether it is a directory's.
    pub(crate) fn key(key: &[u8]) -> (Path, Vec<u8>, bool) {
        let (body, is_directory) = match key.strip_suffix(b"/") {
            Some(body) => (body, true),
            None => (key, false),
        };
        let mut parts: Path = body
            .split(|byte| *byte == b'/')
            .map(<[u8]>::to_vec)
            .collect();
        let name = parts.pop().unwrap();
        (parts, name, is_directory)
    }

    fn is_special(&self, parent: u64, name: &[u8]) -> bool {
        let Body::Directory { files, .. } = &self.nodes[&parent].body else {
            panic!("it is a directory");
        };
        let found = files.get(name).map(|id| &self.nodes[id].body);
        found.is_some_and(|body| !matches!(body, Body::File(_)))
    }

    pub(crate) fn find(&self, key: &[u8]) -> Option<u64> {
        let (above, name, is_directory) = Self::key(key);
        let mut at = ROOT;
        for part in above {
            let Body::Directory { directories, .. } = &self.nodes[&at].body else {
                return None;
            };
            at = *directories.get(&part)?;
        }
        let Body::Directory {
            files, directories, ..
        } = &self.nodes[&at].body
        else {
            return None;
        };
        let id = *if is_directory { directories } else { files }.get(&name)?;
        let is_object = match &self.nodes[&id].body {
            Body::File(_) => true,
            Body::Directory { explicit, .. } => *explicit,
            _ => false,
        };
        is_object.then_some(id)
    }

    fn make_above(&mut self, above: &Path) -> Result<u64, No> {
        // Looked at first: what is refused changes nothing.
        let mut at = Some(ROOT);
        for part in above {
            let Some(id) = at else { break };
            at = match &self.nodes[&id].body {
                Body::Directory { directories, .. } => directories.get(part).copied(),
                _ => panic!("only directories are walked"),
            };
            if at.is_none() && self.is_special(id, part) {
                return Err(No::InTheWay);
            }
        }
        let mut at = ROOT;
        for part in above {
            let known = self.maps(at).1.get(part).copied();
            at = known.unwrap_or_else(|| {
                let id = self.add(directory(false), 0o755);
                self.maps(at).1.insert(part.clone(), id);
                id
            });
        }
        Ok(at)
    }

    fn check_leaf(&self, key: &[u8]) -> Result<(), No> {
        let (above, name, is_directory) = Self::key(key);
        let mut at = ROOT;
        for part in above {
            let Body::Directory { directories, .. } = &self.nodes[&at].body else {
                panic!("only directories are walked");
            };
            match directories.get(&part) {
                Some(id) => at = *id,
                None => return Ok(()),
            }
        }
        let exists = is_directory && self.maps_of(at).1.contains_key(&name);
        if !exists && self.is_special(at, &name) {
            return Err(No::InTheWay);
        }
        Ok(())
    }

    fn maps_of(&self, id: u64) -> (&Names, &Names) {
        match &self.nodes[&id].body {
            Body::Directory {
                files, directories, ..
            } => (files, directories),
            _ => panic!("it is a directory"),
        }
    }

    pub(crate) fn put(&mut self, key: &[u8], data: &[u8], tag: &[u8]) -> Result<(), No> {
        self.check_leaf(key)?;
        let (above, name, is_directory) = Self::key(key);
        let parent = self.make_above(&above)?;
        if is_directory {
            let known = self.maps(parent).1.get(&name).copied();
            let id = known.unwrap_or_else(|| {
                let id = self.add(directory(true), 0o755);
                self.maps(parent).1.insert(name, id);
                id
            });
            let node = self.nodes.get_mut(&id).unwrap();
            node.tag = Some(tag.to_vec());
            node.attributes
                .retain(|name, _| !name.starts_with(b"object."));
            if let Body::Directory {
                explicit, content, ..
            } = &mut node.body
            {
                *explicit = true;
                *content = data.to_vec();
            }
            return Ok(());
        }
        let old = self.maps(parent).0.get(&name).copied();
        let id = self.add(Body::File(data.to_vec()), 0o644);
        self.nodes.get_mut(&id).unwrap().tag = Some(tag.to_vec());
        if let Some(old) = old {
            let (mode, mut attributes) = {
                let old = &self.nodes[&old];
                (old.mode & !0o6000, old.attributes.clone())
            };
            attributes.retain(|name, _| !name.starts_with(b"object."));
            let node = self.nodes.get_mut(&id).unwrap();
            (node.mode, node.attributes) = (mode, attributes);
            self.drop_link(old);
        }
        self.maps(parent).0.insert(name, id);
        Ok(())
    }

    /// Entries of a directory that are objects, or below which objects can be.
    pub(crate) fn count_keys(&self, id: u64) -> usize {
        let (files, directories) = self.maps_of(id);
        let is_text = |name: &[u8]| std::str::from_utf8(name).is_ok();
        let is_key = |(name, id): &(&Vec<u8>, &u64)| {
            is_text(name) && matches!(self.nodes[id].body, Body::File(_))
        };
        let below = directories.keys().filter(|name| is_text(name));
        files.iter().filter(is_key).count() + below.count()
    }

    /// Directories on the way that hold no key any more and are not explicit go.
    fn prune(&mut self, above: &Path) {
        for depth in (1..=above.len()).rev() {
            let mut at = ROOT;
            for part in &above[..depth - 1] {
                at = self.maps_of(at).1[part];
            }
            let id = self.maps_of(at).1[&above[depth - 1]];
            let Body::Directory {
                files,
                directories,
                explicit: false,
                ..
            } = &self.nodes[&id].body
            else {
                return;
            };
            if self.count_keys(id) > 0 {
                return;
            }
            if !files.is_empty() || !directories.is_empty() {
                *self.maps(id).2 = true;
                return;
            }
            self.maps(at).1.remove(&above[depth - 1]);
            self.nodes.remove(&id);
        }
    }

    pub(crate) fn remove(&mut self, key: &[u8]) -> bool {
        let Some(id) = self.find(key) else {
            return false;
        };
        let (above, name, is_directory) = Self::key(key);
        let mut parent = ROOT;
        for part in &above {
            parent = self.maps_of(parent).1[part];
        }
        if !is_directory {
            self.maps(parent).0.remove(&name);
            self.drop_link(id);
        } else if self.is_empty(id) {
            self.maps(parent).1.remove(&name);
            self.drop_link(id);
        } else {
            let keys = self.count_keys(id) > 0;
            let node = self.nodes.get_mut(&id).unwrap();
            node.tag = None;
            node.attributes
                .retain(|name, _| !name.starts_with(b"object."));
            if let Body::Directory {
                explicit, content, ..
            } = &mut node.body
            {
                *explicit = !keys;
                content.clear();
            }
        }
        self.prune(&above);
        true
    }

    pub(crate) fn rename_object(&mut self, from: &[u8], to: &[u8]) -> Result<(), No> {
        let source = self.find(from).ok_or(No::NotFound)?;
        self.check_leaf(to)?;
        let (above, name, _) = Self::key(to);
        let parent = self.make_above(&above)?;
        let old = self.maps(parent).0.get(&name).copied();
        if old == Some(source) {
            return Ok(());
        }
        if let Some(old) = old {
            self.maps(parent).0.remove(&name);
            self.drop_link(old);
        }
        self.maps(parent).0.insert(name, source);
        let (above, name, _) = Self::key(from);
        let mut parent = ROOT;
        for part in &above {
            parent = self.maps_of(parent).1[part];
        }
        self.maps(parent).0.remove(&name);
        self.prune(&above);
        Ok(())
    }

    /// All keys of objects, in order, with their numbers.
    pub(crate) fn keys(&self) -> BTreeMap<Vec<u8>, u64> {
        let mut keys = BTreeMap::new();
        self.collect(ROOT, &[], &mut keys);
        keys
    }

    fn collect(&self, id: u64, base: &[u8], keys: &mut BTreeMap<Vec<u8>, u64>) {
        let (files, directories) = self.maps_of(id);
        let is_text = |name: &[u8]| std::str::from_utf8(name).is_ok();
        for (name, file) in files.iter().filter(|(name, _)| is_text(name)) {
            if matches!(self.nodes[file].body, Body::File(_)) {
                keys.insert([base, name].concat(), *file);
            }
        }
        for (name, below) in directories.iter().filter(|(name, _)| is_text(name)) {
            let key = [base, name, b"/"].concat();
            if matches!(
                self.nodes[below].body,
                Body::Directory { explicit: true, .. }
            ) {
                keys.insert(key.clone(), *below);
            }
            self.collect(*below, &key, keys);
        }
    }
}
