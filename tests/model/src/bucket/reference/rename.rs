//! Renaming.

use super::*;

impl RefBucket {
    /// Whether `id` is at or below `top`.
    pub(super) fn is_below(&self, id: u64, top: u64) -> bool {
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

    pub(super) fn detach(&mut self, parent: u64, name: &[u8], id: u64) {
        let is_directory = self.is_directory(id);
        let (files, directories, explicit) = self.maps(parent);
        *explicit = true;
        if is_directory { directories } else { files }.remove(name);
    }

    pub(super) fn attach(&mut self, parent: u64, name: &[u8], id: u64) {
        let is_directory = self.is_directory(id);
        let (files, directories, explicit) = self.maps(parent);
        *explicit = true;
        if is_directory { directories } else { files }.insert(name.to_vec(), id);
        if is_directory {
            *self.maps(id).2 = true;
        }
    }

    fn directory_at(&self, key: &[u8]) -> Option<u64> {
        let (above, name, _) = Self::key(key);
        let mut at = ROOT;
        for part in above.iter().chain([&name]) {
            at = *self.maps_of(at).1.get(part)?;
        }
        Some(at)
    }

    fn rename_directory(&mut self, from: &[u8], to: &[u8]) -> Result<(), No> {
        let source = self.directory_at(from).ok_or(No::NotFound)?;
        self.check_leaf(to)?;
        let (above, name, _) = Self::key(to);
        let last = self.last_above(&above)?;
        let old = self.directory_at(to);
        if old == Some(source) {
            return Ok(());
        }
        if self.is_below(last, source) {
            return Err(No::Below);
        }
        if old.is_some_and(|old| !self.is_empty(old)) {
            return Err(No::NotEmpty);
        }
        let parent = self.make_above(&above)?;
        self.maps(parent).1.insert(name, source);
        if let Some(old) = old {
            self.drop_link(old);
        }
        let (above, name, _) = Self::key(from);
        let mut parent = ROOT;
        for part in &above {
            parent = self.maps_of(parent).1[part];
        }
        self.maps(parent).1.remove(&name);
        self.prune(&above);
        Ok(())
    }

    pub(crate) fn rename_object(&mut self, from: &[u8], to: &[u8]) -> Result<(), No> {
        if from.ends_with(b"/") {
            return self.rename_directory(from, to);
        }
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
}
