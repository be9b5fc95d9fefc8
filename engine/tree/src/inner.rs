//! Inner nodes: decoded, because each lookup walks through several of them.

use engine_base::DatasetId;
use engine_format::{
    PAGE_ENTRY_BYTES, PAGE_POINTER_BYTES, PAGE_SPACE_BYTES, Page, PagePointer, shared_prefix,
};

use crate::missing::Missing;
use crate::node::Link;
use crate::split::{Separated, split_point};

/// An inner node in memory. Child `i` holds the keys from `keys[i]` to `keys[i + 1]` (the last: to
/// `high`).
#[derive(Debug, Clone)]
pub(crate) struct Inner {
    pub(crate) level: u8,
    low: Box<[u8]>,
    high: Box<[u8]>,
    /// Bytes that all keys have in common.
    prefix: usize,
    /// The first bytes of each key behind the prefix, comparable as numbers: most searches look no
    /// further.
    heads: Vec<u64>,
    keys: Vec<Box<[u8]>>,
    pub(crate) links: Vec<Link>,
}

impl Inner {
    /// A node over children whose low fences are `keys`.
    pub(crate) fn new(level: u8, high: &[u8], keys: Vec<Box<[u8]>>, links: Vec<Link>) -> Self {
        assert_eq!(keys.len(), links.len(), "a key for each child");
        let low = keys.first().expect("an inner node has a child").clone();
        let prefix = shared_prefix(&low, high).len();
        let heads = keys.iter().map(|key| head(&key[prefix..])).collect();
        Self {
            level,
            low,
            high: high.into(),
            prefix,
            heads,
            keys,
            links,
        }
    }

    /// The same keys with other references to the same children.
    pub(crate) fn with_links(&self, links: Vec<Link>) -> Self {
        assert_eq!(self.keys.len(), links.len(), "a key for each child");
        Self {
            level: self.level,
            low: self.low.clone(),
            high: self.high.clone(),
            prefix: self.prefix,
            heads: self.heads.clone(),
            keys: self.keys.clone(),
            links,
        }
    }

    /// The node of a valid inner page.
    pub(crate) fn of_page(page: &Page) -> Result<Self, engine_format::FormatError> {
        let (mut keys, mut links) = (Vec::new(), Vec::new());
        for index in 0..page.count() {
            let key = [page.prefix(), page.suffix(index)].concat();
            keys.push(key.into_boxed_slice());
            links.push(Link::Disk(PagePointer::decode(page.value(index))?));
        }
        Ok(Self::new(page.level(), page.high(), keys, links))
    }

    /// The page of this node.
    ///
    /// # Panics
    /// If a child is dirty: children are written first (programmer error).
    pub(crate) fn to_page(&self, tree: DatasetId) -> Page {
        let mut page = Page::new(tree, self.level, &self.low, &self.high);
        for (key, link) in self.keys.iter().zip(&self.links) {
            let pointer = match link {
                Link::Disk(pointer) => pointer,
                Link::Memory(node) => node.home.finished(),
            };
            page.push(key, &pointer.encode())
                .expect("nodes are split before they are too large");
        }
        page
    }

    /// The child that can hold `key`, which must be inside this node's fences.
    #[inline]
    pub(crate) fn find(&self, key: &[u8]) -> usize {
        let head = head(&key[self.prefix..]);
        let from = self.heads.partition_point(|other| *other < head);
        let equal = self.heads[from..]
            .iter()
            .take_while(|other| **other == head)
            .count();
        let above = self.keys[from..from + equal].partition_point(|other| **other <= *key);
        // The first child's low fence is the node's, so at least one is not above the key.
        (from + above)
            .checked_sub(1)
            .expect("the key is inside the fences")
    }

    /// The low fence of child `index`.
    pub(crate) fn low_of(&self, index: usize) -> &[u8] {
        &self.keys[index]
    }

    /// The high fence of child `index`; empty for none.
    pub(crate) fn high_of(&self, index: usize) -> &[u8] {
        self.keys.get(index + 1).unwrap_or(&self.high)
    }

    pub(crate) fn has_no_child_in_memory(&self) -> bool {
        let in_memory = |link| matches!(link, &Link::Memory(_));
        !self.links.iter().any(in_memory)
    }

    /// What to fetch for child `index`.
    #[cold]
    pub(crate) fn missing(&self, index: usize, pointer: &PagePointer, tree: DatasetId) -> Missing {
        Missing {
            tree,
            pointer: *pointer,
            level: Some(self.level - 1),
            low: self.low_of(index).into(),
            high: self.high_of(index).into(),
        }
    }

    /// What the page of this node uses of its space.
    pub(crate) fn used_bytes(&self) -> usize {
        used_bytes(&self.keys, &self.low, &self.high)
    }

    /// Adds the upper part of child `index`, which was split. The upper part of this node if it
    /// became too large.
    pub(crate) fn insert(
        &mut self,
        index: usize,
        separated: Separated<Link>,
    ) -> Option<Separated<Inner>> {
        let Separated { separator, right } = separated;
        let at = index + 1;
        self.heads.insert(at, head(&separator[self.prefix..]));
        self.keys.insert(at, separator);
        self.links.insert(at, right);
        (self.used_bytes() > PAGE_SPACE_BYTES).then(|| self.split(at + 1 == self.keys.len()))
    }

    fn split(&mut self, append: bool) -> Separated<Inner> {
        let (keys, low, high) = (&self.keys, &self.low, &self.high);
        let sizes: Vec<_> = keys
            .iter()
            .map(|key| key.len() + PAGE_POINTER_BYTES)
            .collect();
        let at = split_point(&sizes, append, |at| {
            used_bytes(&keys[..at], low, &keys[at]) <= PAGE_SPACE_BYTES
                && used_bytes(&keys[at..], &keys[at], high) <= PAGE_SPACE_BYTES
        });
        let (upper_keys, upper_links) = (self.keys.split_off(at), self.links.split_off(at));
        let right = Self::new(self.level, &self.high, upper_keys, upper_links);
        let separator = right.low.clone();
        let (keys, links) = (
            std::mem::take(&mut self.keys),
            std::mem::take(&mut self.links),
        );
        *self = Self::new(self.level, &separator, keys, links);
        Separated { separator, right }
    }

    /// Takes child `index` out; its range goes to the child before it, whose own fences the caller
    /// has widened.
    pub(crate) fn remove(&mut self, index: usize) -> Link {
        assert!(index > 0, "the first child has nothing before it");
        self.heads.remove(index);
        self.keys.remove(index);
        self.links.remove(index)
    }

    /// This node and the one above it as one, if that uses at most `limit` bytes of a page.
    pub(crate) fn merged(&self, right: &Self, limit: usize) -> Option<Self> {
        let bytes = |keys: &[Box<[u8]>]| used_bytes(keys, &self.low, &right.high);
        let fences = self.low.len() + right.high.len();
        if bytes(&self.keys) + bytes(&right.keys) - fences > limit {
            return None;
        }
        let keys = self.keys.iter().chain(&right.keys).cloned().collect();
        let links = self.links.iter().chain(&right.links).cloned().collect();
        Some(Self::new(self.level, &right.high, keys, links))
    }
}

fn used_bytes(keys: &[Box<[u8]>], low: &[u8], high: &[u8]) -> usize {
    let key_bytes: usize = keys.iter().map(|key| key.len()).sum();
    let whole = key_bytes + keys.len() * (PAGE_ENTRY_BYTES + PAGE_POINTER_BYTES);
    low.len() + high.len() + whole - keys.len() * shared_prefix(low, high).len()
}

/// The first eight bytes as a number that sorts as they do; shorter keys are filled up with zeroes.
#[inline]
fn head(key: &[u8]) -> u64 {
    let mut bytes = [0; 8];
    match key.first_chunk() {
        Some(first) => bytes = *first,
        None => bytes[..key.len()].copy_from_slice(key),
    }
    u64::from_be_bytes(bytes)
}
