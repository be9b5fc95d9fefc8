//! What is known of an inode, in the kernel's words, and times.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use engine_bucket::{Info, InodeKind};
use fuser::{FileAttr, FileType, INodeNo};

const SECOND: i64 = 1_000_000_000;
/// Unit of the count of stored bytes in `stat`.
const STAT_BLOCK: u64 = 512;
const BLOCK: u32 = 4096;

pub(crate) const fn file_type(kind: InodeKind) -> FileType {
    match kind {
        InodeKind::File => FileType::RegularFile,
        InodeKind::Directory => FileType::Directory,
        InodeKind::Symlink => FileType::Symlink,
        InodeKind::Fifo => FileType::NamedPipe,
        InodeKind::Socket => FileType::Socket,
        InodeKind::CharDevice => FileType::CharDevice,
        InodeKind::BlockDevice => FileType::BlockDevice,
    }
}

/// A directory's size is nothing that a mount shows: its content is an object's.
pub(crate) fn file_attr(info: &Info) -> FileAttr {
    let is_directory = info.kind == InodeKind::Directory;
    FileAttr {
        ino: INodeNo(info.id.get()),
        size: if is_directory { 0 } else { info.size },
        blocks: info.allocated.div_ceil(STAT_BLOCK),
        atime: time(info.accessed),
        mtime: time(info.modified),
        ctime: time(info.changed),
        crtime: time(info.created),
        kind: file_type(info.kind),
        perm: info.mode,
        nlink: u32::try_from(info.links).unwrap_or(u32::MAX),
        uid: info.uid,
        gid: info.gid,
        rdev: info.device,
        blksize: BLOCK,
        flags: 0,
    }
}

/// Attributes of a directory that is none of the bucket's: owner and times are those of its root.
/// One link says that subdirectories are not counted.
pub(crate) fn directory_attr(ino: INodeNo, mode: u16, root: &Info) -> FileAttr {
    FileAttr {
        ino,
        blocks: 0,
        perm: mode,
        nlink: 1,
        ..file_attr(root)
    }
}

/// Attributes of nothing: number 0 says that a name leads nowhere.
pub(crate) const fn absent_attr() -> FileAttr {
    FileAttr {
        ino: INodeNo(0),
        size: 0,
        blocks: 0,
        atime: UNIX_EPOCH,
        mtime: UNIX_EPOCH,
        ctime: UNIX_EPOCH,
        crtime: UNIX_EPOCH,
        kind: FileType::RegularFile,
        perm: 0,
        nlink: 0,
        uid: 0,
        gid: 0,
        rdev: 0,
        blksize: BLOCK,
        flags: 0,
    }
}

fn time(nanos: i64) -> SystemTime {
    let distance = Duration::from_nanos(nanos.unsigned_abs());
    if nanos < 0 {
        UNIX_EPOCH - distance
    } else {
        UNIX_EPOCH + distance
    }
}

/// Nanoseconds since 1970 of a time as the FUSE library hands it on. Before 1970 it takes seconds
/// and nanoseconds both away, where the kernel means the nanoseconds to be added. Times that 64
/// bits cannot hold become the nearest that they can.
pub(crate) fn nanos(time: SystemTime) -> i64 {
    match time.duration_since(UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_nanos()).unwrap_or(i64::MAX),
        Err(before) => {
            let before = before.duration();
            let seconds = i64::try_from(before.as_secs()).unwrap_or(i64::MAX);
            let whole = seconds.checked_mul(-SECOND).unwrap_or(i64::MIN);
            whole.saturating_add(before.subsec_nanos().into())
        }
    }
}

#[cfg(test)]
mod tests;
