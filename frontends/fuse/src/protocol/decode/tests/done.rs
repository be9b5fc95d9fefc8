//! Requests that give the kernel nothing to keep.

use fuser::{FileHandle, INodeNo, OpenFlags, RenameFlags, WriteFlags};

use super::super::done::nanoseconds;
use super::{NAME, NONE, done, read_in, write_in};
use crate::attributes::{SetTime, Wanted};
use crate::files::{End, Write};
use crate::protocol::Do;
use crate::protocol::wire::{self, opcode};

#[test]
fn what_is_done_to_open_files() {
    let handle = FileHandle(9);
    let read = Do::Read {
        handle,
        at: 3,
        bytes: 4,
    };
    assert_eq!(done(opcode::READ, &read_in(3, 4), b""), read);
    let write = Write {
        at: 3,
        data: b"a\0b",
        how: WriteFlags::FUSE_WRITE_KILL_SUIDGID,
        flags: OpenFlags(0o2000),
    };
    assert_eq!(
        done(opcode::WRITE, &write_in(3, 3), b"a\0b"),
        Do::Write { handle, write }
    );
    let arguments = wire::ReleaseIn {
        handle: 9,
        ..wire::ReleaseIn::default()
    };
    assert_eq!(
        done(opcode::RELEASE, &arguments, b""),
        Do::Release { handle }
    );
    let released = done(opcode::RELEASEDIR, &arguments, b"");
    assert_eq!(released, Do::ReleaseDirectory { handle });
    // Positions in a directory are any number.
    let list = Do::List {
        handle,
        at: u64::MAX,
        bytes: 4,
    };
    assert_eq!(done(opcode::READDIR, &read_in(u64::MAX, 4), b""), list);
}

#[test]
fn what_is_done_to_ranges() {
    let handle = FileHandle(9);
    let arguments = wire::FallocateIn {
        handle: 9,
        at: 3,
        bytes: 4,
        mode: 1,
        padding: 0,
    };
    let allocate = Do::Allocate {
        handle,
        at: 3,
        bytes: 4,
        mode: 1,
    };
    assert_eq!(done(opcode::FALLOCATE, &arguments, b""), allocate);
    let arguments = wire::LseekIn {
        handle: 9,
        at: -1,
        whence: 3,
        padding: 0,
    };
    assert_eq!(
        done(opcode::LSEEK, &arguments, b""),
        Do::Seek {
            handle,
            at: -1,
            whence: 3
        }
    );
    let arguments = wire::CopyFileRangeIn {
        handle: 9,
        at: 1,
        to_node: 2,
        to_handle: 8,
        to_at: 3,
        bytes: 4,
        flags: 0,
    };
    let (from, to) = (
        End { handle, at: 1 },
        End {
            handle: FileHandle(8),
            at: 3,
        },
    );
    let copied = done(opcode::COPY_FILE_RANGE, &arguments, b"");
    assert_eq!(copied, Do::Copy { from, to, bytes: 4 });
}

#[test]
fn what_is_done_to_names_and_inodes() {
    assert_eq!(done(opcode::READLINK, &NONE, b""), Do::ReadLink);
    assert_eq!(
        done(opcode::UNLINK, &NONE, b"n\xff\0"),
        Do::Unlink { name: NAME }
    );
    assert_eq!(
        done(opcode::RMDIR, &NONE, b"n\xff\0"),
        Do::RemoveDirectory { name: NAME }
    );
    let rename = |flags| Do::Rename {
        name: NAME,
        to: INodeNo(5),
        new: b"m",
        flags,
    };
    let arguments = wire::RenameIn { directory: 5 };
    let renamed = done(opcode::RENAME, &arguments, b"n\xff\0m\0");
    assert_eq!(renamed, rename(RenameFlags::empty()));
    let arguments = wire::Rename2In {
        directory: 5,
        flags: 2,
        padding: 0,
    };
    let renamed = done(opcode::RENAME2, &arguments, b"n\xff\0m\0");
    assert_eq!(renamed, rename(RenameFlags::RENAME_EXCHANGE));
    let arguments = wire::OpenIn {
        flags: 2,
        open_flags: 0,
    };
    assert_eq!(
        done(opcode::OPEN, &arguments, b""),
        Do::Open {
            flags: OpenFlags(2)
        }
    );
    assert_eq!(done(opcode::OPENDIR, &arguments, b""), Do::OpenDirectory);
    assert_eq!(done(opcode::FSYNC, &NONE, b""), Do::Sync);
    assert_eq!(done(opcode::FSYNCDIR, &NONE, b""), Do::SyncDirectory);
    assert_eq!(done(opcode::STATFS, &NONE, b""), Do::Space);
    assert_eq!(done(opcode::FLUSH, &NONE, b""), Do::Flush);
    let arguments = wire::SetxattrIn { bytes: 3, flags: 1 };
    let set = Do::SetExtended {
        name: NAME,
        value: b"a\0b",
        flags: 1,
    };
    assert_eq!(done(opcode::SETXATTR, &arguments, b"n\xff\0a\0b"), set);
    let arguments = wire::GetxattrIn {
        room: 6,
        padding: 0,
    };
    let get = Do::Extended {
        name: NAME,
        room: 6,
    };
    assert_eq!(done(opcode::GETXATTR, &arguments, b"n\xff\0"), get);
    assert_eq!(
        done(opcode::LISTXATTR, &arguments, b""),
        Do::ExtendedNames { room: 6 }
    );
    let removed = done(opcode::REMOVEXATTR, &NONE, b"n\xff\0");
    assert_eq!(removed, Do::RemoveExtended { name: NAME });
}

#[test]
fn attributes_are_set_where_their_bit_says_so() {
    let mut arguments = wire::SetattrIn {
        mode: 0o600,
        uid: 1,
        gid: 2,
        size: 3,
        accessed: -2,
        accessed_nanos: 999_999_999,
        modified: 4,
        modified_nanos: 5,
        ..wire::SetattrIn::default()
    };
    let set = |arguments: &wire::SetattrIn| done(opcode::SETATTR, arguments, b"");
    assert_eq!(set(&arguments), Do::SetAttributes(Wanted::default()));
    arguments.valid = 0b11_1111;
    let mut wanted = Wanted {
        mode: Some(0o600),
        uid: Some(1),
        gid: Some(2),
        size: Some(3),
        accessed: Some(SetTime::At(-1_000_000_001)),
        modified: Some(SetTime::At(4_000_000_005)),
    };
    assert_eq!(set(&arguments), Do::SetAttributes(wanted));
    arguments.valid |= 0b1_1000_0000;
    (wanted.accessed, wanted.modified) = (Some(SetTime::Now), Some(SetTime::Now));
    assert_eq!(set(&arguments), Do::SetAttributes(wanted));
    assert_eq!(nanoseconds(i64::MAX, 0), i64::MAX);
    assert_eq!(nanoseconds(i64::MIN, u32::MAX), i64::MIN);
}
