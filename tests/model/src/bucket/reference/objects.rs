//! What keys do.

use super::*;

impl RefBucket {
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

    pub(super) fn is_special(&self, parent: u64, name: &[u8]) -> bool {
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

    /// The last of these directories that is there.
    pub(super) fn last_above(&self, above: &Path) -> Result<u64, No> {
        let mut at = ROOT;
        for part in above {
            match self.maps_of(at).1.get(part) {
                Some(below) => at = *below,
                None if self.is_special(at, part) => return Err(No::InTheWay),
                None => break,
            }
        }
        Ok(at)
    }

    pub(super) fn make_above(&mut self, above: &Path) -> Result<u64, No> {
        // Looked at first: what is refused changes nothing.
        self.last_above(above)?;
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

    pub(super) fn check_leaf(&self, key: &[u8]) -> Result<(), No> {
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

    pub(super) fn maps_of(&self, id: u64) -> (&Names, &Names) {
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
            let node = self.node_mut(id);
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
        self.node_mut(id).tag = Some(tag.to_vec());
        if let Some(old) = old {
            let (mode, mut attributes) = {
                let old = &self.nodes[&old];
                (old.mode & !0o6000, old.attributes.clone())
            };
            attributes.retain(|name, _| !name.starts_with(b"object."));
            let node = self.node_mut(id);
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
    pub(super) fn prune(&mut self, above: &Path) {
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
            let node = self.node_mut(id);
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

    /// All keys of objects, in order, with their numbers.
    pub(crate) fn keys(&self) -> BTreeMap<Vec<u8>, u64> {
        let mut keys = BTreeMap::new();
        self.collect(ROOT, &[], &mut keys);
        keys
    }

    pub(super) fn collect(&self, id: u64, base: &[u8], keys: &mut BTreeMap<Vec<u8>, u64>) {
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
