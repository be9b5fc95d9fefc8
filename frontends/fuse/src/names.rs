//! Names: finding, making, moving and removing them.

use engine_bucket::{Ack, BucketError, Info, InodeKind, NewInode, NewKind, Node, RenameHow};
use engine_pool::block_on;
use fuser::{Errno, FileHandle, FopenFlags, INodeNo, OpenFlags, RenameFlags};

use crate::attr::{absent_attr, file_attr};
use crate::door::{Answer, Caller, Door, Given, run, run_on};
use crate::errno::errno;
use crate::held::{Fresh, Ticket};
use crate::limits::NAME_BYTES_MAX;
use crate::past::is_past;
use crate::points::{Point, reach};

const KIND_MASK: u32 = 0o170_000;
const REGULAR: u32 = 0o100_000;
const FIFO: u32 = 0o010_000;
const SOCKET: u32 = 0o140_000;
const CHAR_DEVICE: u32 = 0o020_000;
const BLOCK_DEVICE: u32 = 0o060_000;

/// Permissions as they were asked for, and what the caller takes away from them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mode {
    pub(crate) mode: u32,
    pub(crate) umask: u32,
}

/// 12 bits of permissions.
pub(crate) fn permissions(mode: u32) -> u16 {
    u16::try_from(mode & 0o7777).unwrap_or(0)
}

/// What `mknod` is to make.
pub(crate) fn kind_of(mode: u32, device: u32) -> Answer<NewKind<'static>> {
    match mode & KIND_MASK {
        0 | REGULAR => Ok(NewKind::File),
        FIFO => Ok(NewKind::Fifo),
        SOCKET => Ok(NewKind::Socket),
        CHAR_DEVICE => Ok(NewKind::CharDevice(device)),
        BLOCK_DEVICE => Ok(NewKind::BlockDevice(device)),
        _ => Err(Errno::EINVAL),
    }
}

impl Door {
    /// What a name leads to. That it leads nowhere the kernel may keep as well.
    pub(crate) fn look_up(&self, ticket: &Ticket<'_>, at: INodeNo, name: &[u8]) -> Answer<Given> {
        let found = self.find(ticket, at, name);
        reach(&Point::Noted, name);
        found
    }

    fn find(&self, ticket: &Ticket<'_>, at: INodeNo, name: &[u8]) -> Answer<Given> {
        if let Some(found) = self.find_past(at, name) {
            return found;
        }
        let parent = self.directory(at)?;
        if name.len() > NAME_BYTES_MAX {
            return Err(Errno::ENAMETOOLONG);
        }
        self.table.expect(at.0, name);
        loop {
            let found = block_on(self.bucket.lookup(&parent, name));
            reach(&Point::Looked, name);
            match found {
                Ok((node, info)) => {
                    let given = self.give(ticket, at, name, &node, &info);
                    if given.is_kept {
                        return Ok(given);
                    }
                    // Replaced or removed since.
                    self.forget_inode(node.id().get(), 1);
                }
                Err(BucketError::NotFound { what: "file" }) => {
                    return Ok(self.absence(ticket, at, name));
                }
                Err(error) => return Err(errno(&error)),
            }
        }
    }

    fn absence(&self, ticket: &Ticket<'_>, at: INodeNo, name: &[u8]) -> Given {
        Given {
            attr: absent_attr(),
            fresh: Fresh {
                entry: self.table.give_absence(ticket, at.0, name),
                attributes: false,
            },
            is_kept: false,
        }
    }

    pub(crate) fn give(
        &self,
        ticket: &Ticket<'_>,
        at: INodeNo,
        name: &[u8],
        node: &Node,
        info: &Info,
    ) -> Given {
        Given {
            attr: file_attr(info),
            fresh: self.table.give(ticket, at.0, name, node),
            is_kept: self.pin(node),
        }
    }

    /// Makes something.
    pub(crate) fn make(
        &self,
        ticket: &Ticket<'_>,
        caller: Caller,
        at: (INodeNo, &[u8]),
        kind: NewKind<'_>,
        mode: Mode,
    ) -> Answer<(Given, Node)> {
        let (directory, name) = at;
        let parent = self.directory(directory)?;
        Self::check_name(directory, name, Errno::EEXIST)?;
        self.table.expect(directory.0, name);
        let new = NewInode {
            kind,
            mode: permissions(mode.mode),
            uid: caller.uid,
            gid: caller.gid,
        };
        let umask = permissions(mode.umask);
        let made = self
            .bucket
            .create_with_umask(&parent, name, &new, umask, Ack::Written);
        let (node, info) = run(made)?;
        Ok((self.give(ticket, directory, name, &node, &info), node))
    }

    /// Makes a symbolic link.
    pub(crate) fn make_symlink(
        &self,
        ticket: &Ticket<'_>,
        caller: Caller,
        at: (INodeNo, &[u8]),
        target: &[u8],
    ) -> Answer<Given> {
        let mode = Mode {
            mode: 0o777,
            umask: 0,
        };
        let made = self.make(ticket, caller, at, NewKind::Symlink(target), mode);
        made.map(|(given, _)| given)
    }

    /// Makes a file and opens it.
    pub(crate) fn make_open(
        &self,
        ticket: &Ticket<'_>,
        caller: Caller,
        at: (INodeNo, &[u8]),
        mode: Mode,
        flags: i32,
    ) -> Answer<(Given, (FileHandle, FopenFlags))> {
        let (given, node) = self.make(ticket, caller, at, NewKind::File, mode)?;
        let opened = self.open_file(&node, OpenFlags(flags));
        if opened.is_err() {
            // The kernel does not hear of what it was given.
            self.forget_inode(given.attr.ino.0, 1);
        }
        Ok((given, opened?))
    }

    /// Gives a file one more name.
    pub(crate) fn link(
        &self,
        ticket: &Ticket<'_>,
        ino: INodeNo,
        at: INodeNo,
        name: &[u8],
    ) -> Answer<Given> {
        let parent = self.directory(at)?;
        Self::check_name(at, name, Errno::EEXIST)?;
        if is_past(ino) {
            return Err(Errno::EXDEV);
        }
        let node = self.node(ino)?;
        if node.kind() == InodeKind::Directory {
            return Err(Errno::EPERM);
        }
        self.table.expect(at.0, name);
        let info = run_on(self.bucket.link(&node, (&parent, name), Ack::Written))?;
        let mut given = self.give(ticket, at, name, &node, &info);
        // The kernel takes these attributes whatever it was told meanwhile.
        given.fresh.attributes = false;
        Ok(given)
    }

    pub(crate) fn unlink(&self, at: INodeNo, name: &[u8]) -> Answer<()> {
        let parent = self.directory(at)?;
        Self::check_name(at, name, Errno::EROFS)?;
        self.unpin(at, name);
        run(self.bucket.unlink(&parent, name, Ack::Written))
    }

    pub(crate) fn rmdir(&self, at: INodeNo, name: &[u8]) -> Answer<()> {
        let parent = self.directory(at)?;
        Self::check_name(at, name, Errno::EROFS)?;
        run(self.bucket.rmdir(&parent, name, Ack::Written))
    }

    pub(crate) fn rename_to(
        &self,
        from: (INodeNo, &[u8]),
        to: (INodeNo, &[u8]),
        flags: RenameFlags,
    ) -> Answer<()> {
        let how = match flags {
            none if none.is_empty() => RenameHow::Replace,
            RenameFlags::RENAME_NOREPLACE => RenameHow::NoReplace,
            RenameFlags::RENAME_EXCHANGE => RenameHow::Exchange,
            _ => return Err(Errno::EINVAL),
        };
        let (old, new) = (self.directory(from.0)?, self.directory(to.0)?);
        Self::check_name(from.0, from.1, Errno::EROFS)?;
        Self::check_name(to.0, to.1, Errno::EROFS)?;
        self.table.expect(from.0.0, from.1);
        self.table.expect(to.0.0, to.1);
        let ends = ((&old, from.1), (&new, to.1));
        run(self.bucket.rename(ends.0, ends.1, how, Ack::Written))?;
        let ends = ((from.0.0, from.1), (to.0.0, to.1));
        if how == RenameHow::Exchange {
            self.table.exchanges(ends.0, ends.1);
        } else {
            self.table.moves(ends.0, ends.1);
        }
        Ok(())
    }

    pub(crate) fn target(&self, ino: INodeNo) -> Answer<Vec<u8>> {
        let (bucket, node) = self.at(ino)?;
        run_on(bucket.readlink(&node))
    }
}
