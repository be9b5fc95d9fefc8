//! Writing what has changed: the tree's part of a checkpoint.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use engine_base::{Checksum, DatasetId, Location, to_u32};
use engine_format::{DeltaBuilder, DeltaPointer, Page, PagePointer};

use crate::Tree;
use crate::home::Home;
use crate::leaf::Leaf;
use crate::node::{Body, Link, Node};
use crate::tree::Copies;

mod unwritten;

use unwritten::{own, unwritten};

/// What is handed to a [`PageSink`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PageKind {
    /// A page of 16,384 bytes.
    Page,
    /// The same page again, directly after it: to be put where one fault does not hit both.
    Copy,
    /// A delta: to be put at a multiple of [`engine_format::DELTA_ALIGNMENT`]. All deltas of a
    /// capture come first, so that they can be packed together.
    Delta,
}

/// Where a capture writes to.
pub trait PageSink {
    /// Why nothing could be written.
    type Error;

    /// Puts `bytes` somewhere and says where. Durability is the sink's business: nothing refers to
    /// these bytes before the capture is done.
    ///
    /// # Errors
    /// The capture stops and the tree is never captured again.
    fn append(&mut self, bytes: &[u8], kind: PageKind) -> Result<Location, Self::Error>;
}

/// What a capture has done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaptureReport {
    /// The root of the captured state; `None` if it is empty.
    pub root: Option<PagePointer>,
    /// Everything appended, with its length: pages, copies and deltas.
    pub written: Vec<(Location, u32)>,
    /// Everything that the state of the capture before this one referred to and this one does not.
    /// A page and its copy and delta are freed each on its own.
    pub freed: Vec<(Location, u32)>,
    /// Pages appended, copies not counted.
    pub pages: usize,
    /// Deltas appended.
    pub deltas: usize,
}

impl CaptureReport {
    /// Bytes appended.
    #[must_use]
    pub fn written_bytes(&self) -> u64 {
        self.written
            .iter()
            .map(|(_, bytes)| u64::from(*bytes))
            .sum()
    }

    /// Bytes freed.
    #[must_use]
    pub fn freed_bytes(&self) -> u64 {
        self.freed.iter().map(|(_, bytes)| u64::from(*bytes)).sum()
    }
}

/// The state of a tree at one moment, on its way to a device.
///
/// Dropping it unwritten is like a failed write: the tree cannot be captured again.
#[derive(Debug)]
#[must_use = "a capture that is not written ends all captures of the tree"]
pub struct Captured {
    tree: DatasetId,
    copies: Copies,
    root: Option<Link>,
    /// Whether `root` refers to nothing but what is to be written.
    pruned: bool,
    dropped: Vec<Arc<Home>>,
    capturing: Arc<AtomicBool>,
}

impl Tree {
    /// Takes the present state. Constant time; later changes copy what they touch and do not show
    /// in it.
    ///
    /// # Panics
    /// If the capture before this one was not written successfully: they do not overlap (programmer
    /// error).
    pub fn capture(&mut self) -> Captured {
        let overlaps = self.capturing.swap(true, Ordering::Acquire);
        assert!(
            !overlaps,
            "captures do not overlap, and none follows one that failed"
        );
        self.state.generation += 1;
        self.unpersisted = false;
        Captured {
            tree: self.state.id,
            copies: self.state.copies,
            root: self.root.clone(),
            pruned: false,
            dropped: std::mem::take(&mut self.state.dropped),
            capturing: Arc::clone(&self.capturing),
        }
    }
}

impl Captured {
    /// The tree this is a state of.
    #[must_use]
    pub fn tree(&self) -> DatasetId {
        self.tree
    }

    /// Lets go of all pages that are stored, so that their memory comes back when the head evicts
    /// them. To be called soon after the capture, without a lock on the tree: it takes some time
    /// for each dirty inner page.
    pub fn prune(&mut self) {
        if !self.pruned {
            self.root = self.root.as_ref().map(unwritten);
            self.pruned = true;
        }
    }

    /// Writes all that is dirty, children before parents, and says where the state now lies and
    /// what it does not need any more. Runs on any thread, without a lock on the tree. What is
    /// written is let go of at once.
    ///
    /// # Errors
    /// What the sink returned: what was written so far is not referred to by anything.
    pub fn write<S: PageSink + ?Sized>(mut self, sink: &mut S) -> Result<CaptureReport, S::Error> {
        self.prune();
        let mut writer = Writer {
            sink,
            tree: self.tree,
            copies: self.copies,
            delta: DeltaBuilder::default(),
            report: CaptureReport {
                root: None,
                written: Vec::new(),
                freed: self
                    .dropped
                    .iter()
                    .flat_map(|home| home.finished().parts())
                    .collect(),
                pages: 0,
                deltas: 0,
            },
        };
        if let Some(root) = &mut self.root {
            writer.write_deltas(root)?;
            writer.write_pages(root)?;
        }
        let mut report = writer.report;
        report.root = self.root.as_ref().map(|root| match root {
            Link::Disk(pointer) => *pointer,
            Link::Memory(_) => unreachable!("all of it was written"),
        });
        self.capturing.store(false, Ordering::Release);
        Ok(report)
    }
}

struct Writer<'a, S: ?Sized> {
    sink: &'a mut S,
    tree: DatasetId,
    copies: Copies,
    delta: DeltaBuilder,
    report: CaptureReport,
}

impl<S: PageSink + ?Sized> Writer<'_, S> {
    fn write_deltas(&mut self, link: &mut Link) -> Result<(), S::Error> {
        let Link::Memory(node) = link else {
            return Ok(());
        };
        if let Some(pointer) = node.home.get() {
            // A tree that has this page too was written since this capture was pruned.
            *link = Link::Disk(*pointer);
            return Ok(());
        }
        if let Body::Leaf(leaf) = &node.body {
            if node.is_delta(self.copies) {
                *link = Link::Disk(self.write_delta(node, leaf)?);
            }
            return Ok(());
        }
        if let Body::Inner(inner) = &mut own(node).body {
            for link in &mut inner.links {
                self.write_deltas(link)?;
            }
        }
        Ok(())
    }

    fn write_delta(&mut self, node: &Node, leaf: &Leaf) -> Result<PagePointer, S::Error> {
        let previous = node
            .previous
            .as_ref()
            .expect("a delta has a base page")
            .finished();
        leaf.write_delta(previous.checksum, &mut self.delta);
        let (bytes, checksum) = self.delta.finish();
        let location = self.sink.append(bytes, PageKind::Delta)?;
        let bytes = to_u32(bytes.len());
        self.report.written.push((location, bytes));
        self.report.deltas += 1;
        let delta = Some(DeltaPointer {
            location,
            bytes,
            checksum,
        });
        Ok(self.settle(node, PagePointer { delta, ..*previous }))
    }

    fn write_pages(&mut self, link: &mut Link) -> Result<(), S::Error> {
        let Link::Memory(node) = link else {
            return Ok(());
        };
        let pointer = if let Body::Leaf(leaf) = &node.body {
            self.write_page(node, &leaf.page, self.copies == Copies::Two)?
        } else {
            self.write_inner(own(node))?
        };
        *link = Link::Disk(pointer);
        Ok(())
    }

    fn write_inner(&mut self, node: &mut Node) -> Result<PagePointer, S::Error> {
        let Body::Inner(inner) = &mut node.body else {
            unreachable!("leaves have no children")
        };
        for link in &mut inner.links {
            self.write_pages(link)?;
        }
        let page = inner.to_page(self.tree);
        self.write_page(node, &page, true)
    }

    fn write_page(&mut self, node: &Node, page: &Page, two: bool) -> Result<PagePointer, S::Error> {
        let checksum: Checksum = page.checksum();
        let base = self.append_page(page, PageKind::Page)?;
        let copy = if two {
            Some(self.append_page(page, PageKind::Copy)?)
        } else {
            None
        };
        self.report.pages += 1;
        let pointer = PagePointer {
            base,
            checksum,
            copy,
            delta: None,
        };
        Ok(self.settle(node, pointer))
    }

    fn append_page(&mut self, page: &Page, kind: PageKind) -> Result<Location, S::Error> {
        let location = self.sink.append(page.bytes(), kind)?;
        self.report
            .written
            .push((location, to_u32(page.bytes().len())));
        Ok(location)
    }

    /// The node lies there now: what its content before this one needed and it does not is free.
    fn settle(&mut self, node: &Node, pointer: PagePointer) -> PagePointer {
        if let Some(previous) = &node.previous {
            let still_used = |part: &(Location, u32)| pointer.parts().any(|other| other == *part);
            let parts = previous.finished().parts();
            self.report
                .freed
                .extend(parts.filter(|part| !still_used(part)));
        }
        node.home.set(pointer);
        pointer
    }
}
