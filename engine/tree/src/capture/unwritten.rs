//! What of a captured state is still to be written.

use std::sync::Arc;

use crate::node::{Body, Link, Node};

/// The dirty pages below `link`, without a reference to any page that is stored: those belong to
/// the head alone, which can evict them while the capture is on its way. Inner nodes are copied,
/// leaves are shared.
pub(super) fn unwritten(link: &Link) -> Link {
    let node = match link {
        Link::Disk(pointer) => return Link::Disk(*pointer),
        Link::Memory(node) => node,
    };
    if let Some(pointer) = node.home.get() {
        return Link::Disk(*pointer);
    }
    match &node.body {
        Body::Leaf(_) => Link::Memory(Arc::clone(node)),
        Body::Inner(inner) => {
            let links = inner.links.iter().map(unwritten).collect();
            Link::Memory(Arc::new(
                node.with_body(Body::Inner(inner.with_links(links))),
            ))
        }
    }
}

/// The inner node of which only [`unwritten`] knows.
///
/// # Panics
/// If it is shared: then it was not made by [`unwritten`] (programmer error).
pub(super) fn own(node: &mut Arc<Node>) -> &mut Node {
    Arc::get_mut(node).expect("the capture has made its inner nodes itself")
}
