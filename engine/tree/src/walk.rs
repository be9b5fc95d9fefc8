//! Visiting every page that a root leads to, for checks.

use engine_base::DatasetId;
use engine_format::PagePointer;

use crate::missing::{LoadedPage, Missing};
use crate::node::{Body, Link};

/// Calls `visit` for each page that can be reached from `root`, parents before children and in key
/// order. `visit` reads the page, looks at it and returns it to have its children visited, or
/// `None` to pass over them.
///
/// At most one page per level is referred to at a time; nothing is kept in memory.
///
/// # Errors
/// What `visit` returns: the walk ends there.
pub fn walk<E>(
    tree: DatasetId,
    root: Option<PagePointer>,
    mut visit: impl FnMut(&Missing) -> Result<Option<LoadedPage>, E>,
) -> Result<(), E> {
    let mut pages: Vec<_> = root
        .map(|pointer| Missing::root(tree, pointer))
        .into_iter()
        .collect();
    while let Some(page) = pages.pop() {
        let Some(LoadedPage {
            body: Body::Inner(inner),
            ..
        }) = visit(&page)?
        else {
            continue;
        };
        for (index, link) in inner.links.iter().enumerate().rev() {
            if let Link::Disk(pointer) = link {
                pages.push(inner.missing(index, pointer, tree));
            }
        }
    }
    Ok(())
}
