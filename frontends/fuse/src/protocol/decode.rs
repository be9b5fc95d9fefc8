//! Decoding requests.

mod done;

use fuser::{Errno, FileHandle, INodeNo};
use zerocopy::FromBytes;

use super::operation::{Asker, Give, Operation};
use super::wire::{self, opcode};
use crate::door::{Answer, Caller};
use crate::names::Mode;

impl Asker {
    /// Decodes a header.
    ///
    /// # Errors
    /// EIO if it is too short.
    pub(crate) fn decode(header: &[u8]) -> Answer<Self> {
        let header: wire::InHeader = fixed(header)?;
        Ok(Self {
            unique: header.unique,
            at: INodeNo(header.node),
            caller: Caller {
                uid: header.uid,
                gid: header.gid,
            },
            opcode: header.opcode,
        })
    }
}

impl<'a> Operation<'a> {
    /// Decodes a request: `fixed` begins with the arguments of fixed length.
    ///
    /// # Errors
    /// ENOSYS for what is not known: the kernel does without, or asks in another way. EIO for what
    /// makes no sense, EINVAL for positions that no file has.
    pub(crate) fn decode(asker: &Asker, fixed: &[u8], payload: &'a [u8]) -> Answer<Self> {
        let payload = Payload(payload);
        match give(asker.opcode, fixed, payload) {
            Err(Errno::ENOSYS) => {}
            given => return given.map(Self::Give),
        }
        match done::on_file(asker.opcode, fixed, payload) {
            Err(Errno::ENOSYS) => {}
            done => return done.map(Self::Do),
        }
        done::on_name(asker.opcode, fixed, payload).map(Self::Do)
    }
}

fn give<'a>(code: u32, arguments: &[u8], mut payload: Payload<'a>) -> Answer<Give<'a>> {
    Ok(match code {
        opcode::LOOKUP => Give::LookUp {
            name: payload.name()?,
        },
        opcode::GETATTR => {
            let of: wire::GetattrIn = fixed(arguments)?;
            let has_handle = of.flags & wire::GETATTR_HANDLE != 0;
            Give::Attributes {
                handle: has_handle.then_some(FileHandle(of.handle)),
            }
        }
        opcode::SYMLINK => {
            let name = payload.name()?;
            Give::Symlink {
                name,
                target: payload.name()?,
            }
        }
        opcode::MKNOD => {
            let of: wire::MknodIn = fixed(arguments)?;
            let mode = Mode {
                mode: of.mode,
                umask: of.umask,
            };
            Give::Node {
                name: payload.name()?,
                mode,
                device: of.device,
            }
        }
        opcode::MKDIR => {
            let of: wire::MkdirIn = fixed(arguments)?;
            let mode = Mode {
                mode: of.mode,
                umask: of.umask,
            };
            Give::Directory {
                name: payload.name()?,
                mode,
            }
        }
        opcode::CREATE => {
            let of: wire::CreateIn = fixed(arguments)?;
            let mode = Mode {
                mode: of.mode,
                umask: of.umask,
            };
            Give::Create {
                name: payload.name()?,
                mode,
                flags: of.flags,
            }
        }
        opcode::LINK => {
            let of: wire::LinkIn = fixed(arguments)?;
            Give::Link {
                ino: INodeNo(of.node),
                name: payload.name()?,
            }
        }
        opcode::READDIRPLUS => {
            let of: wire::ReadIn = fixed(arguments)?;
            Give::ListPlus {
                handle: FileHandle(of.handle),
                at: of.at,
                bytes: of.bytes,
            }
        }
        _ => return Err(Errno::ENOSYS),
    })
}

/// A structure at the beginning of some bytes.
fn fixed<T: FromBytes>(bytes: &[u8]) -> Answer<T> {
    let found = T::read_from_prefix(bytes);
    found.map(|(of, _)| of).map_err(|_| Errno::EIO)
}

/// A position or a length in a file: the kernel's are signed.
fn position(at: u64) -> Answer<u64> {
    match i64::try_from(at) {
        Ok(_) => Ok(at),
        Err(_) => Err(Errno::EINVAL),
    }
}

/// What is left of a payload.
#[derive(Clone, Copy)]
struct Payload<'a>(&'a [u8]);

impl<'a> Payload<'a> {
    /// The bytes before the next zero byte.
    fn name(&mut self) -> Answer<&'a [u8]> {
        let end = self.0.iter().position(|byte| *byte == 0);
        let (name, rest) = self.0.split_at(end.ok_or(Errno::EIO)?);
        self.0 = &rest[1..];
        Ok(name)
    }

    /// All of it, if it has that length.
    fn exactly(self, bytes: u32) -> Answer<&'a [u8]> {
        match usize::try_from(bytes) {
            Ok(bytes) if bytes == self.0.len() => Ok(self.0),
            _ => Err(Errno::EIO),
        }
    }
}

#[cfg(test)]
mod tests;
