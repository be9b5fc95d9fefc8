//! Reading directories.

use std::time::Duration;

use engine_base::ByteCount;
use engine_bucket::{BucketError, DirectoryEntry, Info, Node, Space};
use engine_pool::block_on;
use fuser::{Errno, FileAttr, FileHandle, FileType, FopenFlags, INodeNo};

use crate::attr::file_type;
use crate::door::{Answer, Door, run, run_on};
use crate::errno::errno;
use crate::held::Ticket;
use crate::limits::{ENTRIES_AT_ONCE, LIFETIME, NAME_BYTES_MAX};
use crate::past::{is_past, is_snapshots};

/// Positions behind `.` and `..`; below those of the engine.
const BEHIND_SELF: u64 = 1;
const BEHIND_PARENT: u64 = 2;

/// Takes the names of a directory.
pub(crate) trait Names {
    /// Adds a name and the position behind it; `true`: it does not fit.
    fn add(&mut self, number: INodeNo, behind: u64, kind: FileType, name: &[u8]) -> bool;
}

/// Takes the names of a directory and what they lead to.
pub(crate) trait Entries {
    /// Adds a name, the position behind it and what it leads to, which both the kernel may use for
    /// `lifetime`; `true`: it does not fit.
    fn add(&mut self, behind: u64, name: &[u8], attr: &FileAttr, lifetime: Duration) -> bool;
}

impl Door {
    pub(crate) fn open_listing(&self, ino: INodeNo) -> Answer<(FileHandle, FopenFlags)> {
        if is_past(ino) {
            return self.open_past_listing(ino);
        }
        let node = self.directory(ino)?;
        let stream = self.bucket.read_directory(&node);
        let stream = stream.map_err(|error| errno(&error))?;
        Ok((self.handles.add_listing(stream), FopenFlags::empty()))
    }

    /// `.` and `..`, as far as they are behind `at`: numbers, positions, names.
    fn dots(&self, ino: INodeNo, at: u64) -> impl Iterator<Item = (INodeNo, u64, &'static str)> {
        let above = match is_past(ino) {
            true => self.above_past(ino),
            false => INodeNo(self.table.above(ino.0).unwrap_or(ino.0)),
        };
        let dots = [(ino, BEHIND_SELF, "."), (above, BEHIND_PARENT, "..")];
        dots.into_iter().filter(move |(_, behind, _)| *behind > at)
    }

    /// The next entries behind a position; none: that is all.
    fn entries(&self, handle: FileHandle, at: u64) -> Answer<Vec<DirectoryEntry>> {
        self.check()?;
        let listing = self.handles.listing(handle)?;
        let mut stream = listing.lock();
        run(stream.read(at, ENTRIES_AT_ONCE))
    }

    /// Fills `reply` with names.
    pub(crate) fn list(
        &self,
        ino: INodeNo,
        handle: FileHandle,
        at: u64,
        reply: &mut impl Names,
    ) -> Answer<()> {
        for (number, behind, name) in self.dots(ino, at) {
            if reply.add(number, behind, FileType::Directory, name.as_bytes()) {
                return Ok(());
            }
        }
        if is_snapshots(ino) {
            return self.list_labels(at, reply);
        }
        let mut at = at;
        loop {
            let entries = self.entries(handle, at)?;
            for entry in &entries {
                let number = Self::number_in(ino, entry);
                if reply.add(number, entry.cookie, file_type(entry.kind), &entry.name) {
                    return Ok(());
                }
                at = entry.cookie;
            }
            if entries.is_empty() {
                return Ok(());
            }
        }
    }

    /// Fills `reply` with names and what they lead to.
    pub(crate) fn list_plus(
        &self,
        ticket: &Ticket<'_>,
        (ino, handle): (INodeNo, FileHandle),
        at: u64,
        reply: &mut impl Entries,
    ) -> Answer<()> {
        let own = self.attributes(ticket, ino, None)?.0;
        for (number, behind, name) in self.dots(ino, at) {
            let mut attr = own;
            attr.ino = number;
            // The kernel takes nothing of these but the number.
            if reply.add(behind, name.as_bytes(), &attr, Duration::ZERO) {
                return Ok(());
            }
        }
        if is_snapshots(ino) {
            return self.list_labels_plus(at, reply);
        }
        let mut at = at;
        loop {
            let entries = self.entries(handle, at)?;
            for entry in &entries {
                let is_full = match is_past(ino) {
                    true => self.add_past(ino, entry, reply)?,
                    false => self.add_now(ticket, ino, entry, reply)?,
                };
                if is_full {
                    return Ok(());
                }
                at = entry.cookie;
            }
            if entries.is_empty() {
                return Ok(());
            }
        }
    }

    /// Adds one entry of the bucket as it is; `true`: it does not fit.
    fn add_now(
        &self,
        ticket: &Ticket<'_>,
        ino: INodeNo,
        entry: &DirectoryEntry,
        reply: &mut impl Entries,
    ) -> Answer<bool> {
        let node = self.directory(ino)?;
        self.table.expect(ino.0, &entry.name);
        match block_on(self.bucket.lookup(&node, &entry.name)) {
            Ok(found) => Ok(self.add_plus(ticket, ino, entry, found, reply)),
            // Removed meanwhile.
            Err(BucketError::NotFound { .. }) => Ok(false),
            Err(error) => Err(errno(&error)),
        }
    }

    /// Adds one entry; `true`: it does not fit, so the kernel was not given it.
    fn add_plus(
        &self,
        ticket: &Ticket<'_>,
        ino: INodeNo,
        entry: &DirectoryEntry,
        found: (Node, Info),
        reply: &mut impl Entries,
    ) -> bool {
        let given = self.give(ticket, ino, &entry.name, &found.0, &found.1);
        let is_fresh = given.fresh.entry && given.fresh.attributes;
        let lifetime = if is_fresh { LIFETIME } else { Duration::ZERO };
        let is_full = reply.add(entry.cookie, &entry.name, &given.attr, lifetime);
        if is_full {
            self.forget_inode(given.attr.ino.0, 1);
        }
        is_full
    }

    pub(crate) fn close_listing(&self, handle: FileHandle) {
        self.handles.remove_listing(handle);
    }

    pub(crate) fn sync_directory(&self, ino: INodeNo) -> Answer<()> {
        if is_past(ino) {
            return Ok(());
        }
        run_on(self.bucket.sync_node(&self.directory(ino)?))
    }

    /// What there is room for at an inode: by the quota that it counts for, else by the pool.
    pub(crate) fn space(&self, ino: INodeNo) -> Answer<Space> {
        let node = match is_past(ino) {
            true => self.bucket.root(),
            false => self.node(ino)?,
        };
        let space = run(self.bucket.space_at(&node))?;
        if self.bucket.space().0.get() == 0 {
            return Err(Errno::EIO);
        }
        Ok(space)
    }
}

/// Unit of the space that is shown.
pub(crate) const BLOCK: u32 = 4096;

/// Longest name, as `statfs` says it.
pub(crate) const NAME_BYTES: u32 = 255;
const _: () = assert!(NAME_BYTES as usize == NAME_BYTES_MAX);

/// Space as it is shown, in blocks: all, free, and those that may be written. Of files there can be
/// as many where no quota bounds them: nothing else does.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Blocks {
    pub(crate) all: u64,
    pub(crate) free: u64,
    pub(crate) available: u64,
    pub(crate) files: u64,
    pub(crate) files_free: u64,
}

impl From<Space> for Blocks {
    fn from(space: Space) -> Self {
        let blocks = |bytes: ByteCount| bytes.get() / u64::from(BLOCK);
        let (all, free) = (blocks(space.capacity), blocks(space.free));
        let (files, files_free) = space.inodes.unwrap_or((all, free));
        Self {
            all,
            free,
            available: blocks(space.available),
            files,
            files_free,
        }
    }
}
