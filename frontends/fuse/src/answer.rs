//! Answers in the library's words.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::time::Duration;

use engine_bucket::Space;
use fuser::{
    FileAttr, FileHandle, FileType, FopenFlags, Generation, INodeNo, ReplyAttr, ReplyCreate,
    ReplyData, ReplyDirectory, ReplyDirectoryPlus, ReplyEmpty, ReplyEntry, ReplyOpen, ReplyStatfs,
    ReplyWrite, ReplyXattr,
};

use crate::door::{Answer, Given};
use crate::limits::LIFETIME;
use crate::listing::{BLOCK, Blocks, Entries, NAME_BYTES, Names};
use crate::xattr::Value;

/// Numbers of inodes are never used again, so one generation is enough.
pub(crate) const GENERATION: Generation = Generation(0);

pub(crate) const fn lifetime(is_fresh: bool) -> Duration {
    if is_fresh { LIFETIME } else { Duration::ZERO }
}

pub(crate) fn entry(reply: ReplyEntry, answer: Answer<Given>) {
    match answer {
        Ok(given) => {
            let (attributes, entry) = (given.fresh.attributes, given.fresh.entry);
            let (attributes, entry) = (lifetime(attributes), lifetime(entry));
            reply.entry_with_ttls(&attributes, &entry, &given.attr, GENERATION);
        }
        Err(error) => reply.error(error),
    }
}

/// A file that was made and opened. There is one lifetime for both its name and its attributes.
pub(crate) fn created(reply: ReplyCreate, answer: Answer<(Given, (FileHandle, FopenFlags))>) {
    match answer {
        Ok((given, (handle, how))) => {
            let lifetime = lifetime(given.fresh.entry && given.fresh.attributes);
            reply.created(&lifetime, &given.attr, GENERATION, handle, how);
        }
        Err(error) => reply.error(error),
    }
}

pub(crate) fn opened(reply: ReplyOpen, answer: Answer<(FileHandle, FopenFlags)>) {
    match answer {
        Ok((handle, how)) => reply.opened(handle, how),
        Err(error) => reply.error(error),
    }
}

pub(crate) fn space(reply: ReplyStatfs, answer: Answer<Space>) {
    match answer {
        Ok(space) => {
            let Blocks {
                all,
                free,
                available,
                files,
                files_free,
            } = space.into();
            reply.statfs(
                all, free, available, files, files_free, BLOCK, NAME_BYTES, BLOCK,
            );
        }
        Err(error) => reply.error(error),
    }
}

pub(crate) fn attr(reply: ReplyAttr, answer: Answer<(FileAttr, bool)>) {
    match answer {
        Ok((attr, fresh)) => reply.attr(&lifetime(fresh), &attr),
        Err(error) => reply.error(error),
    }
}

pub(crate) fn empty(reply: ReplyEmpty, answer: Answer<()>) {
    match answer {
        Ok(()) => reply.ok(),
        Err(error) => reply.error(error),
    }
}

pub(crate) fn data(reply: ReplyData, answer: Answer<impl AsRef<[u8]>>) {
    match answer {
        Ok(data) => reply.data(data.as_ref()),
        Err(error) => reply.error(error),
    }
}

pub(crate) fn write(reply: ReplyWrite, answer: Answer<u32>) {
    match answer {
        Ok(bytes) => reply.written(bytes),
        Err(error) => reply.error(error),
    }
}

pub(crate) fn value(reply: ReplyXattr, answer: Answer<Value>) {
    match answer {
        Ok(Value::Size(bytes)) => reply.size(bytes),
        Ok(Value::Bytes(value)) => reply.data(&value),
        Err(error) => reply.error(error),
    }
}

impl Names for ReplyDirectory {
    fn add(&mut self, number: INodeNo, behind: u64, kind: FileType, name: &[u8]) -> bool {
        Self::add(self, number, behind, kind, OsStr::from_bytes(name))
    }
}

impl Entries for ReplyDirectoryPlus {
    fn add(&mut self, behind: u64, name: &[u8], attr: &FileAttr, lifetime: Duration) -> bool {
        let name = OsStr::from_bytes(name);
        Self::add(self, attr.ino, behind, name, &lifetime, attr, GENERATION)
    }
}
