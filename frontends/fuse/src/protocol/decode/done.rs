//! Decoding requests that give the kernel nothing to keep.

use fuser::{Errno, FileHandle, INodeNo, OpenFlags, RenameFlags, WriteFlags};

use super::{Payload, fixed, position};
use crate::attributes::{SetTime, Wanted};
use crate::door::Answer;
use crate::files::{End, Write};
use crate::protocol::operation::Do;
use crate::protocol::wire::{self, opcode, valid};

const SECOND: i64 = 1_000_000_000;

/// Operations on open files.
pub(super) fn on_file<'a>(code: u32, arguments: &[u8], payload: Payload<'a>) -> Answer<Do<'a>> {
    Ok(match code {
        opcode::READ => {
            let of: wire::ReadIn = fixed(arguments)?;
            Do::Read {
                handle: FileHandle(of.handle),
                at: position(of.at)?,
                bytes: of.bytes,
            }
        }
        opcode::WRITE => {
            let of: wire::WriteIn = fixed(arguments)?;
            let write = Write {
                at: position(of.at)?,
                data: payload.exactly(of.bytes)?,
                how: WriteFlags::from_bits_retain(of.write_flags),
                flags: OpenFlags(of.flags),
            };
            Do::Write {
                handle: FileHandle(of.handle),
                write,
            }
        }
        opcode::RELEASE | opcode::RELEASEDIR => {
            let of: wire::ReleaseIn = fixed(arguments)?;
            let handle = FileHandle(of.handle);
            match code {
                opcode::RELEASE => Do::Release { handle },
                _ => Do::ReleaseDirectory { handle },
            }
        }
        opcode::READDIR => {
            let of: wire::ReadIn = fixed(arguments)?;
            Do::List {
                handle: FileHandle(of.handle),
                at: of.at,
                bytes: of.bytes,
            }
        }
        _ => return on_range(code, arguments),
    })
}

/// Operations on ranges of open files.
fn on_range(code: u32, arguments: &[u8]) -> Answer<Do<'static>> {
    Ok(match code {
        opcode::FALLOCATE => {
            let of: wire::FallocateIn = fixed(arguments)?;
            let (at, bytes) = (position(of.at)?, position(of.bytes)?);
            Do::Allocate {
                handle: FileHandle(of.handle),
                at,
                bytes,
                mode: of.mode,
            }
        }
        opcode::LSEEK => {
            let of: wire::LseekIn = fixed(arguments)?;
            Do::Seek {
                handle: FileHandle(of.handle),
                at: of.at,
                whence: of.whence,
            }
        }
        opcode::COPY_FILE_RANGE => {
            let of: wire::CopyFileRangeIn = fixed(arguments)?;
            let from = End {
                handle: FileHandle(of.handle),
                at: position(of.at)?,
            };
            let to = End {
                handle: FileHandle(of.to_handle),
                at: position(of.to_at)?,
            };
            Do::Copy {
                from,
                to,
                bytes: of.bytes,
            }
        }
        _ => return Err(Errno::ENOSYS),
    })
}

/// Operations on names and inodes.
pub(super) fn on_name<'a>(code: u32, arguments: &[u8], mut payload: Payload<'a>) -> Answer<Do<'a>> {
    Ok(match code {
        opcode::SETATTR => Do::SetAttributes(wanted(&fixed(arguments)?)),
        opcode::READLINK => Do::ReadLink,
        opcode::UNLINK => Do::Unlink {
            name: payload.name()?,
        },
        opcode::RMDIR => Do::RemoveDirectory {
            name: payload.name()?,
        },
        opcode::RENAME | opcode::RENAME2 => {
            let (to, flags) = match code {
                opcode::RENAME => (fixed::<wire::RenameIn>(arguments)?.directory, 0),
                _ => {
                    let of: wire::Rename2In = fixed(arguments)?;
                    (of.directory, of.flags)
                }
            };
            let name = payload.name()?;
            let flags = RenameFlags::from_bits_retain(flags);
            Do::Rename {
                name,
                to: INodeNo(to),
                new: payload.name()?,
                flags,
            }
        }
        opcode::OPEN => {
            let of: wire::OpenIn = fixed(arguments)?;
            Do::Open {
                flags: OpenFlags(of.flags),
            }
        }
        opcode::OPENDIR => Do::OpenDirectory,
        opcode::FSYNC => Do::Sync,
        opcode::FSYNCDIR => Do::SyncDirectory,
        opcode::STATFS => Do::Space,
        opcode::SETXATTR => {
            let of: wire::SetxattrIn = fixed(arguments)?;
            let name = payload.name()?;
            Do::SetExtended {
                name,
                value: payload.exactly(of.bytes)?,
                flags: of.flags,
            }
        }
        opcode::GETXATTR => {
            let of: wire::GetxattrIn = fixed(arguments)?;
            Do::Extended {
                name: payload.name()?,
                room: of.room,
            }
        }
        opcode::LISTXATTR => Do::ExtendedNames {
            room: fixed::<wire::GetxattrIn>(arguments)?.room,
        },
        opcode::REMOVEXATTR => Do::RemoveExtended {
            name: payload.name()?,
        },
        opcode::FLUSH => Do::Flush,
        _ => return Err(Errno::ENOSYS),
    })
}

fn wanted(of: &wire::SetattrIn) -> Wanted {
    let has = |bit: u32| of.valid & bit != 0;
    let time = |is_set: u32, is_now: u32, (seconds, nanos): (i64, u32)| {
        has(is_set).then(|| match has(is_now) {
            true => SetTime::Now,
            false => SetTime::At(nanoseconds(seconds, nanos)),
        })
    };
    let accessed = (of.accessed, of.accessed_nanos);
    let modified = (of.modified, of.modified_nanos);
    Wanted {
        mode: has(valid::MODE).then_some(of.mode),
        uid: has(valid::UID).then_some(of.uid),
        gid: has(valid::GID).then_some(of.gid),
        size: has(valid::SIZE).then_some(of.size),
        accessed: time(valid::ACCESSED, valid::ACCESSED_NOW, accessed),
        modified: time(valid::MODIFIED, valid::MODIFIED_NOW, modified),
    }
}

/// Nanoseconds since 1970; times that 64 bits cannot hold become the nearest that they can.
pub(super) fn nanoseconds(seconds: i64, nanos: u32) -> i64 {
    let exact = i128::from(seconds) * i128::from(SECOND) + i128::from(nanos);
    let nearest = exact.clamp(i64::MIN.into(), i64::MAX.into());
    i64::try_from(nearest).expect("it was clamped")
}
