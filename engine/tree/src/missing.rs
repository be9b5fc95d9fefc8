//! What is not in memory: what the caller has to fetch, and the way in for what it fetched.

use engine_base::{DatasetId, Location};
use engine_format::{DeltaPointer, DeltaRef, FormatError, Page, PagePointer};

use crate::inner::Inner;
use crate::leaf::{Changes, Leaf};
use crate::node::Body;

/// A page that is needed but not in memory. Read it (and its delta), check it with
/// [`LoadedPage::decode`], give it to [`crate::Tree::install`] and repeat the call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// The tree it belongs to.
    pub tree: DatasetId,
    /// Where it lies.
    pub pointer: PagePointer,
    /// Levels above the leaves; `None` for a root that was never read: any.
    pub level: Option<u8>,
    /// The lowest key it can hold. Two pages of one level of a tree differ in it.
    pub low: Box<[u8]>,
    /// Above all keys it can hold; empty: no upper bound.
    pub high: Box<[u8]>,
}

/// Why the bytes that were read are not the page. Which of them are bad tells what may be tried
/// again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PageError {
    /// The page itself: read its copy, or repair it.
    #[error("page of {tree} at {location} cannot be used: read its copy or restore it")]
    Base {
        /// The tree.
        tree: DatasetId,
        /// Where it lies.
        location: Location,
        /// What is wrong.
        #[source]
        source: FormatError,
    },
    /// The page is whole, but its place in the tree is another one.
    #[error(
        "page of {tree} at {location} is whole but has other fences or another level than its \
         parent says: restore it"
    )]
    Misplaced {
        /// The tree.
        tree: DatasetId,
        /// Where it lies.
        location: Location,
    },
    /// The page is whole, its delta is not: read the delta elsewhere, or repair it.
    #[error("delta of a page of {tree} at {location} cannot be used: restore it")]
    Delta {
        /// The tree.
        tree: DatasetId,
        /// Where it lies.
        location: Location,
        /// What is wrong.
        #[source]
        source: FormatError,
    },
    /// Page and delta are whole but do not fit together.
    #[error(
        "delta of a page of {tree} at {location} does not fit that page, by a key of {key_bytes} \
         bytes: restore it"
    )]
    DeltaMisfit {
        /// The tree.
        tree: DatasetId,
        /// Where it lies.
        location: Location,
        /// Length of the first key that has no place in the page.
        key_bytes: usize,
    },
}

impl PageError {
    /// Whether the page itself is bad, so that reading its copy may help; else its delta is.
    #[must_use]
    pub const fn is_base(&self) -> bool {
        matches!(self, Self::Base { .. } | Self::Misplaced { .. })
    }
}

/// A page whose every byte was checked, its delta applied: ready for [`crate::Tree::install`].
#[derive(Debug)]
pub struct LoadedPage {
    pub(crate) pointer: PagePointer,
    pub(crate) body: Body,
}

impl LoadedPage {
    /// Checks what was read for `missing`: `base` from the page's location or from its copy,
    /// `delta` from its delta's location if it has one.
    ///
    /// # Errors
    /// [`PageError`]: these are not the bytes that were written there.
    ///
    /// # Panics
    /// If a delta is given and there is none, or the other way round (programmer error).
    pub fn decode(missing: &Missing, base: &[u8], delta: Option<&[u8]>) -> Result<Self, PageError> {
        let &Missing { tree, pointer, .. } = missing;
        let location = pointer.base;
        let page = Page::verify(base, &pointer, tree).map_err(|source| PageError::Base {
            tree,
            location,
            source,
        })?;
        let level = missing.level.unwrap_or(page.level());
        if (page.level(), page.low(), page.high()) != (level, &*missing.low, &*missing.high) {
            return Err(PageError::Misplaced { tree, location });
        }
        if level > 0 {
            let inner = Inner::of_page(&page).map_err(|source| PageError::Base {
                tree,
                location,
                source,
            })?;
            return Ok(Self {
                pointer,
                body: Body::Inner(inner),
            });
        }
        let mut leaf = Leaf::of(page, Changes::none());
        match (&pointer.delta, delta) {
            (None, None) => {}
            (Some(DeltaPointer { location, .. }), Some(bytes)) => {
                let location = *location;
                let delta =
                    DeltaRef::verify(bytes, &pointer, tree).map_err(|source| PageError::Delta {
                        tree,
                        location,
                        source,
                    })?;
                leaf.apply(&delta).map_err(|key| PageError::DeltaMisfit {
                    tree,
                    location,
                    key_bytes: key.len(),
                })?;
            }
            _ => panic!("a delta is read if and only if there is one"),
        }
        Ok(Self {
            pointer,
            body: Body::Leaf(leaf),
        })
    }

    /// Levels above the leaves.
    #[must_use]
    pub fn level(&self) -> u8 {
        match &self.body {
            Body::Leaf(_) => 0,
            Body::Inner(inner) => inner.level,
        }
    }

    /// Calls `visit` for each key and value of a leaf, in key order; for none of an inner page.
    pub fn for_each_entry(&self, mut visit: impl FnMut(&[u8], &[u8])) {
        let Body::Leaf(Leaf { page, .. }) = &self.body else {
            return;
        };
        let mut key = Vec::new();
        for index in 0..page.count() {
            key.clear();
            page.append_key(index, &mut key);
            visit(&key, page.value(index));
        }
    }
}
