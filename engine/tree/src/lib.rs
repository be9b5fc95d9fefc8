//! The copy-on-write B+tree: from byte keys to byte values, in memory as far as it has to be.
//!
//! The tree does no I/O. What is not in memory is reported as [`Missing`]; the caller reads it,
//! checks it with [`LoadedPage::decode`], gives it back with [`Tree::install`] and repeats the
//! call. What has changed is written by [`Captured::write`] through a [`PageSink`], on any thread
//! and without any lock on the tree.
//!
//! * **Sharing.** Nodes are shared by reference. A capture is a clone of the root; from then on the
//!   head copies what it changes, and only that. A node that is not shared is changed in place.
//! * **Dirty and clean.** A node is clean when its content lies on a device. If a node is dirty, so
//!   are all above it.
//! * **What is freed.** Each capture says what it wrote, and what the capture before it referred to
//!   and it does not, byte for byte: the sum over all captures is what can be reached from the last
//!   root.
//! * **Deltas.** A leaf with few changes since its base page is written as one delta beside it.
//! * **Eviction.** Clean leaves that were not used lately are dropped from memory by
//!   [`Tree::evict`].
//! * **Relocation.** [`Tree::relocate`] has the next capture write anew what lies in segments that
//!   are to become empty.
//! * **Branches.** [`Tree::keep`] makes a second tree out of the present state, for a snapshot, and
//!   [`Tree::branch`] one that goes on from there. [`Tree::unshared_leaf`] finds where two differ.
//! * **Removal.** [`Tree::take_remains`] empties a tree at once; its pages are freed later.
//!
//! The caller holds a read lock for the methods with `&self` and a write lock for those with
//! `&mut self`.

mod branch;
mod budget;
mod capture;
mod evict;
mod extents;
mod home;
mod inner;
mod leaf;
mod missing;
mod node;
mod read;
mod relocate;
mod remains;
mod split;
mod tree;
mod walk;
mod write;

#[cfg(test)]
mod tests;

pub use branch::{KeyRange, MissingIn};
pub use budget::MemoryBudget;
pub use capture::{CaptureReport, Captured, PageKind, PageSink};
pub use extents::{
    EntryMap, ExtentError, ExtentKey, FreedExtent, Piece, SharedExtent, extent_clear,
    extent_clear_over, extent_key_span, extent_lookup, extent_put, extent_put_over,
};
pub use missing::{LoadedPage, Missing, PageError};
pub use read::Entry;
pub use relocate::{Relocated, RelocationEnd};
pub use remains::Remains;
pub use tree::{Copies, Tree};
pub use walk::walk;
