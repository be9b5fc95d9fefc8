//! Making things in the file system of the host, as they were in a bucket.

use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use engine_format::{Inode, InodeKind};
use rustix::fs::{
    AtFlags, CWD, FileType, Gid, Mode, Timespec, Timestamps, Uid, XattrFlags, chmodat, chownat,
    lsetxattr, makedev, mknodat, utimensat,
};

/// Bytes of a name in the usual file systems.
const NAME_BYTES_MAX: usize = 255;

/// Whether a path can have a component of that name.
pub(super) fn is_nameable(name: &[u8]) -> bool {
    let is_special = name.is_empty() || name == b"." || name == b"..";
    !is_special && name.len() <= NAME_BYTES_MAX && !name.contains(&b'/') && !name.contains(&0)
}

/// A pipe, a socket or a device.
pub(super) fn make_special(path: &Path, inode: &Inode) -> io::Result<()> {
    let kind = match inode.kind {
        InodeKind::Fifo => FileType::Fifo,
        InodeKind::Socket => FileType::Socket,
        InodeKind::CharDevice => FileType::CharacterDevice,
        _ => FileType::BlockDevice,
    };
    // As the kernel packs the number of a device into 32 bits.
    let major = (inode.device >> 8) & 0xfff;
    let minor = (inode.device & 0xff) | ((inode.device >> 12) & 0xf_ff00);
    let mode = Mode::from_raw_mode(0o600);
    Ok(mknodat(CWD, path, kind, mode, makedev(major, minor))?)
}

pub(super) fn set_attribute(path: &Path, name: &[u8], value: &[u8]) -> io::Result<()> {
    let name = OsStr::from_bytes(name);
    Ok(lsetxattr(path, name, value, XattrFlags::empty())?)
}

pub(super) fn set_owner(path: &Path, inode: &Inode) -> io::Result<()> {
    let (uid, gid) = (Uid::from_raw(inode.uid), Gid::from_raw(inode.gid));
    let flags = AtFlags::SYMLINK_NOFOLLOW;
    Ok(chownat(CWD, path, Some(uid), Some(gid), flags)?)
}

/// Not of a symbolic link, which has none.
pub(super) fn set_mode(path: &Path, inode: &Inode) -> io::Result<()> {
    let mode = Mode::from_raw_mode(inode.mode.into());
    Ok(chmodat(CWD, path, mode, AtFlags::empty())?)
}

pub(super) fn set_times(path: &Path, accessed: i64, modified: i64) -> io::Result<()> {
    let times = Timestamps {
        last_access: timespec(accessed),
        last_modification: timespec(modified),
    };
    Ok(utimensat(CWD, path, &times, AtFlags::SYMLINK_NOFOLLOW)?)
}

const fn timespec(nanos: i64) -> Timespec {
    const SECOND: i64 = 1_000_000_000;
    Timespec {
        tv_sec: nanos.div_euclid(SECOND),
        tv_nsec: nanos.rem_euclid(SECOND),
    }
}
