//! Open files: bytes, sizes and holes.

use std::sync::Arc;

use engine_base::to_u32;
use engine_bucket::{Ack, Allocate, InodeKind, Node, OpenFile, Seek, WriteAt};
use engine_device::PageBuf;
use fuser::{Errno, FileHandle, FopenFlags, INodeNo, OpenFlags, WriteFlags};
use rustix::fs::{FallocateFlags, OFlags};

use crate::door::{Answer, Caller, Door, run_on};
use crate::held::Job;
use crate::limits::COPY_BYTES_MAX;
use crate::metrics::add;
use crate::past::is_past;
use crate::pins::close;

const SEEK_DATA: i32 = 3;
const SEEK_HOLE: i32 = 4;

/// A write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Write<'a> {
    pub(crate) at: u64,
    pub(crate) data: &'a [u8],
    /// Flags of the request.
    pub(crate) how: WriteFlags,
    /// Flags of the open file.
    pub(crate) flags: OpenFlags,
}

/// One end of a copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct End {
    pub(crate) handle: FileHandle,
    pub(crate) at: u64,
}

fn has(flags: OpenFlags, wanted: OFlags) -> bool {
    OFlags::from_bits_retain(flags.0.cast_unsigned()).contains(wanted)
}

impl Door {
    /// Opens the file that a number is of.
    pub(crate) fn open_number(
        &self,
        ino: INodeNo,
        flags: OpenFlags,
    ) -> Answer<(FileHandle, FopenFlags)> {
        match is_past(ino) {
            true => self.open_past(ino, flags),
            false => self.node(ino).and_then(|node| self.open_file(&node, flags)),
        }
    }

    /// Opens a file. What an appending handle reads and writes passes the kernel's cache by: only
    /// the engine knows where the end is. Others keep what is cached: it is forgotten when it
    /// changes, see [`crate::held`]. On a write-back mount the kernel alone knows the end, and an
    /// appending handle is like any other.
    pub(crate) fn open_file(
        &self,
        node: &Node,
        flags: OpenFlags,
    ) -> Answer<(FileHandle, FopenFlags)> {
        let file = run_on(self.bucket.open(node))?;
        self.table.opened(node.id().get());
        let how = if has(flags, OFlags::APPEND) && !self.write_back {
            FopenFlags::FOPEN_DIRECT_IO
        } else {
            FopenFlags::FOPEN_KEEP_CACHE
        };
        Ok((self.handles.add_file(file), how))
    }

    /// The kernel is done with a handle.
    pub(crate) fn release_file(&self, handle: FileHandle) {
        if let Some(file) = self.handles.remove_file(handle) {
            Self::close_file(file);
        }
    }

    pub(crate) fn close_file(file: Arc<OpenFile>) {
        // A request that still has it is the last of its handle: then a later change closes it.
        if let Some(file) = Arc::into_inner(file) {
            close(file);
        }
    }

    pub(crate) fn read_at(&self, handle: FileHandle, at: u64, bytes: u32) -> Answer<PageBuf> {
        let file = self.file(handle)?;
        let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
        let data = run_on(file.bucket().read_pages(file.node(), at, bytes))?;
        add(&self.metrics.read_bytes, data.len() as u64);
        Ok(data)
    }

    pub(crate) fn write_to(&self, handle: FileHandle, write: Write<'_>) -> Answer<u32> {
        let file = self.file(handle)?;
        let node = file.node();
        let kills = write.how.contains(WriteFlags::FUSE_WRITE_KILL_SUIDGID);
        self.take_privileges(node, kills)?;
        let is_append = has(write.flags, OFlags::APPEND)
            && !self.write_back
            && !write.how.contains(WriteFlags::FUSE_WRITE_CACHE);
        let at = if is_append {
            WriteAt::End
        } else {
            WriteAt::Byte(write.at)
        };
        let ack = if has(write.flags, OFlags::DSYNC) {
            Ack::Durable
        } else {
            Ack::Written
        };
        let began = run_on(self.bucket.write(node, at, write.data, ack))?;
        add(&self.metrics.written_bytes, write.data.len() as u64);
        if began != write.at {
            // The kernel believes that the bytes went elsewhere. Nobody waits for this: what it
            // holds of the end of the file was out of date before.
            let id = node.id().get();
            self.queue.push(vec![Job::content(id)]);
        }
        Ok(to_u32(write.data.len()))
    }

    /// Takes away what a change of the content ends: capabilities, and with `kills` the set-id
    /// bits.
    pub(crate) fn take_privileges(&self, node: &Node, kills: bool) -> Answer<()> {
        let id = node.id().get();
        if self.table.is_plain(id) || node.kind() != InodeKind::File {
            return Ok(());
        }
        // Before it is looked at: whoever gives privileges meanwhile says otherwise behind that.
        self.table.set_plain(id, true);
        let plain = self.take_privileges_of(node, kills);
        if !matches!(plain, Ok(true)) {
            self.table.set_plain(id, false);
        }
        plain.map(|_| ())
    }

    pub(crate) fn room(
        &self,
        caller: Caller,
        handle: FileHandle,
        range: (u64, u64),
        mode: i32,
    ) -> Answer<()> {
        let file = self.file(handle)?;
        let flags = FallocateFlags::from_bits_retain(mode.cast_unsigned());
        let keep_size = flags.contains(FallocateFlags::KEEP_SIZE);
        let how = match flags - FallocateFlags::KEEP_SIZE {
            none if none.is_empty() => Allocate::Room { keep_size },
            FallocateFlags::PUNCH_HOLE if keep_size => Allocate::Punch,
            FallocateFlags::ZERO_RANGE => Allocate::Zero { keep_size },
            _ => return Err(Errno::EOPNOTSUPP),
        };
        let end = range.0.checked_add(range.1).ok_or(Errno::EFBIG)?;
        self.take_privileges(file.node(), caller.uid != 0)?;
        let range = range.0..end;
        run_on(self.bucket.allocate(file.node(), range, how, Ack::Written))
    }

    /// Where data or a hole begins. On a write-back mount the kernel holds data that is not known
    /// here: told that this is not done, it takes everything up to the end for data.
    pub(crate) fn seek_in(&self, handle: FileHandle, at: i64, whence: i32) -> Answer<i64> {
        if self.write_back {
            return Err(Errno::ENOSYS);
        }
        let what = match whence {
            SEEK_DATA => Seek::Data,
            SEEK_HOLE => Seek::Hole,
            _ => return Err(Errno::EINVAL),
        };
        let at = u64::try_from(at).map_err(|_| Errno::ENXIO)?;
        let file = self.file(handle)?;
        let found = run_on(file.bucket().seek(file.node(), at, what))?;
        let found = found.ok_or(Errno::ENXIO)?;
        i64::try_from(found).map_err(|_| Errno::EOVERFLOW)
    }

    pub(crate) fn copy(&self, caller: Caller, from: End, to: End, bytes: u64) -> Answer<u32> {
        let source = self.file(from.handle)?;
        let target = self.file(to.handle)?;
        if source.bucket().id() != target.bucket().id() {
            // The kernel copies from a snapshot by reading and writing.
            return Err(Errno::EXDEV);
        }
        self.take_privileges(target.node(), caller.uid != 0)?;
        let ends = ((source.node(), from.at), (target.node(), to.at));
        let bytes = bytes.min(COPY_BYTES_MAX);
        let copied = run_on(self.bucket.copy_range(ends.0, ends.1, bytes, Ack::Written))?;
        u32::try_from(copied).map_err(|_| Errno::EOVERFLOW)
    }

    pub(crate) fn sync_file(&self, ino: INodeNo) -> Answer<()> {
        if is_past(ino) {
            return Ok(());
        }
        run_on(self.bucket.sync_node(&self.node(ino)?))
    }
}
