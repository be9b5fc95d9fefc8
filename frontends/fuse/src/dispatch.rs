//! Requests of the kernel, one by one: count, carry out, answer.
//!
//! Locks are not among them: the kernel keeps them itself, exact and interruptible, because all
//! mounts of a bucket on this machine are one for it.

use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::SystemTime;

use engine_bucket::NewKind;
use fuser::{
    BsdFileFlags, CopyFileRangeFlags, Errno, FileHandle, Filesystem, INodeNo, KernelConfig,
    LockOwner, OpenFlags, RenameFlags, ReplyAttr, ReplyCreate, ReplyData, ReplyDirectory,
    ReplyDirectoryPlus, ReplyEmpty, ReplyEntry, ReplyLseek, ReplyOpen, ReplyStatfs, ReplyWrite,
    ReplyXattr, Request, TimeOrNow, WriteFlags,
};

use crate::answer;
use crate::attributes::{SetTime, Wanted};
use crate::door::Door;
use crate::files::{End, Write};
use crate::kernel::Served;
use crate::metrics::Kind;
use crate::names::{Mode, kind_of};

type Time = Option<SystemTime>;

impl Filesystem for Served {
    fn init(&mut self, _: &Request, config: &mut KernelConfig) -> io::Result<()> {
        self.agreement.make(config);
        Ok(())
    }

    fn lookup(&self, _: &Request, at: INodeNo, name: &OsStr, reply: ReplyEntry) {
        let ticket = self.start(Kind::Lookup);
        answer::entry(reply, self.look_up(&ticket, at, name.as_bytes()));
    }

    fn forget(&self, _: &Request, ino: INodeNo, lookups: u64) {
        self.forget_inode(ino.0, lookups);
    }

    fn getattr(&self, _: &Request, ino: INodeNo, handle: Option<FileHandle>, reply: ReplyAttr) {
        let ticket = self.start(Kind::Attributes);
        answer::attr(reply, self.attributes(&ticket, ino, handle));
    }

    #[rustfmt::skip]
    fn setattr(
        &self, request: &Request, ino: INodeNo, mode: Option<u32>, uid: Option<u32>,
        gid: Option<u32>, size: Option<u64>, accessed: Option<TimeOrNow>,
        modified: Option<TimeOrNow>, _changed: Time, _handle: Option<FileHandle>, _created: Time,
        _changed_too: Time, _backed_up: Time, _flags: Option<BsdFileFlags>, reply: ReplyAttr,
    ) {
        self.count(Kind::SetAttributes);
        let [accessed, modified] = [accessed, modified].map(|time| time.map(SetTime::from));
        let wanted = Wanted { mode, uid, gid, size, accessed, modified };
        let set = self.set(request.into(), ino, &wanted);
        answer::attr(reply, set.map(|attr| (attr, false)));
    }

    fn readlink(&self, _: &Request, ino: INodeNo, reply: ReplyData) {
        self.count(Kind::Read);
        answer::data(reply, self.target(ino));
    }

    #[rustfmt::skip]
    fn mknod(
        &self, request: &Request, at: INodeNo, name: &OsStr, mode: u32, umask: u32, device: u32,
        reply: ReplyEntry,
    ) {
        let ticket = self.start(Kind::Make);
        let made = kind_of(mode, device).and_then(|kind| {
            let at = (at, name.as_bytes());
            self.make(&ticket, request.into(), at, kind, Mode { mode, umask })
        });
        answer::entry(reply, made.map(|(given, _)| given));
    }

    #[rustfmt::skip]
    fn mkdir(
        &self, request: &Request, at: INodeNo, name: &OsStr, mode: u32, umask: u32,
        reply: ReplyEntry,
    ) {
        let ticket = self.start(Kind::Make);
        let at = (at, name.as_bytes());
        let mode = Mode { mode, umask };
        let made = self.make(&ticket, request.into(), at, NewKind::Directory, mode);
        answer::entry(reply, made.map(|(given, _)| given));
    }

    #[rustfmt::skip]
    fn symlink(
        &self, request: &Request, at: INodeNo, name: &OsStr, target: &Path, reply: ReplyEntry,
    ) {
        let ticket = self.start(Kind::Make);
        let (at, target) = ((at, name.as_bytes()), target.as_os_str().as_bytes());
        answer::entry(reply, self.make_symlink(&ticket, request.into(), at, target));
    }

    #[rustfmt::skip]
    fn create(
        &self, request: &Request, at: INodeNo, name: &OsStr, mode: u32, umask: u32, flags: i32,
        reply: ReplyCreate,
    ) {
        let ticket = self.start(Kind::Make);
        let at = (at, name.as_bytes());
        let mode = Mode { mode, umask };
        answer::created(reply, self.make_open(&ticket, request.into(), at, mode, flags));
    }

    fn link(&self, _: &Request, ino: INodeNo, at: INodeNo, name: &OsStr, reply: ReplyEntry) {
        let ticket = self.start(Kind::Make);
        answer::entry(reply, Door::link(self, &ticket, ino, at, name.as_bytes()));
    }

    fn unlink(&self, _: &Request, at: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        self.count(Kind::Remove);
        answer::empty(reply, Door::unlink(self, at, name.as_bytes()));
    }

    fn rmdir(&self, _: &Request, at: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        self.count(Kind::Remove);
        answer::empty(reply, Door::rmdir(self, at, name.as_bytes()));
    }

    #[rustfmt::skip]
    fn rename(
        &self, _: &Request, at: INodeNo, name: &OsStr, to: INodeNo, new: &OsStr,
        flags: RenameFlags, reply: ReplyEmpty,
    ) {
        self.count(Kind::Rename);
        let ends = ((at, name.as_bytes()), (to, new.as_bytes()));
        answer::empty(reply, self.rename_to(ends.0, ends.1, flags));
    }

    fn open(&self, _: &Request, ino: INodeNo, flags: OpenFlags, reply: ReplyOpen) {
        self.count(Kind::Open);
        answer::opened(reply, self.open_number(ino, flags));
    }

    #[rustfmt::skip]
    fn read(
        &self, _: &Request, _: INodeNo, handle: FileHandle, at: u64, bytes: u32, _: OpenFlags,
        _: Option<LockOwner>, reply: ReplyData,
    ) {
        self.count(Kind::Read);
        answer::data(reply, self.read_at(handle, at, bytes));
    }

    #[rustfmt::skip]
    fn write(
        &self, _: &Request, _: INodeNo, handle: FileHandle, at: u64, data: &[u8], how: WriteFlags,
        flags: OpenFlags, _: Option<LockOwner>, reply: ReplyWrite,
    ) {
        self.count(Kind::Write);
        answer::write(reply, self.write_to(handle, Write { at, data, how, flags }));
    }

    fn flush(&self, _: &Request, _: INodeNo, _: FileHandle, _: LockOwner, reply: ReplyEmpty) {
        // Nothing is held back here. Told so, the kernel goes on writing its own pages at close and
        // does not ask any more.
        self.count(Kind::Open);
        reply.error(Errno::ENOSYS);
    }

    #[rustfmt::skip]
    fn release(
        &self, _: &Request, _: INodeNo, handle: FileHandle, _: OpenFlags, _: Option<LockOwner>,
        _: bool, reply: ReplyEmpty,
    ) {
        self.count(Kind::Open);
        self.release_file(handle);
        reply.ok();
    }

    fn fsync(&self, _: &Request, ino: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        self.count(Kind::Sync);
        answer::empty(reply, self.sync_file(ino));
    }

    fn opendir(&self, _: &Request, ino: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        self.count(Kind::Open);
        answer::opened(reply, self.open_listing(ino));
    }

    #[rustfmt::skip]
    fn readdir(
        &self, _: &Request, ino: INodeNo, handle: FileHandle, at: u64, mut reply: ReplyDirectory,
    ) {
        self.count(Kind::List);
        match self.list(ino, handle, at, &mut reply) {
            Ok(()) => reply.ok(),
            Err(error) => reply.error(error),
        }
    }

    #[rustfmt::skip]
    fn readdirplus(
        &self, _: &Request, ino: INodeNo, handle: FileHandle, at: u64,
        mut reply: ReplyDirectoryPlus,
    ) {
        let ticket = self.start(Kind::List);
        match self.list_plus(&ticket, (ino, handle), at, &mut reply) {
            Ok(()) => reply.ok(),
            Err(error) => reply.error(error),
        }
    }

    #[rustfmt::skip]
    fn releasedir(
        &self, _: &Request, _: INodeNo, handle: FileHandle, _: OpenFlags, reply: ReplyEmpty,
    ) {
        self.count(Kind::Open);
        self.close_listing(handle);
        reply.ok();
    }

    fn fsyncdir(&self, _: &Request, ino: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        self.count(Kind::Sync);
        answer::empty(reply, self.sync_directory(ino));
    }

    fn statfs(&self, _: &Request, ino: INodeNo, reply: ReplyStatfs) {
        self.count(Kind::Other);
        answer::space(reply, self.space(ino));
    }

    #[rustfmt::skip]
    fn setxattr(
        &self, request: &Request, ino: INodeNo, name: &OsStr, value: &[u8], flags: i32, _: u32,
        reply: ReplyEmpty,
    ) {
        self.count(Kind::Extended);
        let name = name.as_bytes();
        answer::empty(reply, self.set_extended(request.into(), ino, name, value, flags));
    }

    fn getxattr(&self, _: &Request, ino: INodeNo, name: &OsStr, room: u32, reply: ReplyXattr) {
        self.count(Kind::Extended);
        answer::value(reply, self.extended(ino, name.as_bytes(), room));
    }

    fn listxattr(&self, request: &Request, ino: INodeNo, room: u32, reply: ReplyXattr) {
        self.count(Kind::Extended);
        answer::value(reply, self.extended_names(request.into(), ino, room));
    }

    fn removexattr(&self, _: &Request, ino: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        self.count(Kind::Extended);
        answer::empty(reply, self.remove_extended(ino, name.as_bytes()));
    }

    #[rustfmt::skip]
    fn fallocate(
        &self, request: &Request, _: INodeNo, handle: FileHandle, at: u64, bytes: u64, mode: i32,
        reply: ReplyEmpty,
    ) {
        self.count(Kind::Space);
        answer::empty(reply, self.room(request.into(), handle, (at, bytes), mode));
    }

    #[rustfmt::skip]
    fn lseek(
        &self, _: &Request, _: INodeNo, handle: FileHandle, at: i64, whence: i32,
        reply: ReplyLseek,
    ) {
        self.count(Kind::Space);
        match self.seek_in(handle, at, whence) {
            Ok(at) => reply.offset(at),
            Err(error) => reply.error(error),
        }
    }

    #[rustfmt::skip]
    fn copy_file_range(
        &self, request: &Request, _: INodeNo, from: FileHandle, from_at: u64, _: INodeNo,
        to: FileHandle, to_at: u64, bytes: u64, _: CopyFileRangeFlags, reply: ReplyWrite,
    ) {
        self.count(Kind::Space);
        let (from, to) = (End { handle: from, at: from_at }, End { handle: to, at: to_at });
        answer::write(reply, self.copy(request.into(), from, to, bytes));
    }
}
