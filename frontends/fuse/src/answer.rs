//! Answers in the library's words.

use std::time::Duration;

use engine_base::ByteCount;
use engine_bucket::Space;
use fuser::{
    Errno, FileAttr, FileHandle, FopenFlags, Generation, ReplyAttr, ReplyCreate, ReplyData,
    ReplyEmpty, ReplyEntry, ReplyOpen, ReplyStatfs, ReplyWrite, ReplyXattr,
};

use crate::door::{Answer, Given};
use crate::limits::LIFETIME;
use crate::listing::BLOCK;

/// Numbers of inodes are never used again, so one generation is enough.
pub(crate) const GENERATION: Generation = Generation(0);

/// Longest name, as `statfs` says it.
const NAME_BYTES: u32 = 255;
const _: () = assert!(NAME_BYTES as usize == crate::limits::NAME_BYTES_MAX);

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

/// Blocks: all, free, and those that may be written. Of files there can be as many where no quota
/// bounds them: nothing else does.
pub(crate) fn space(reply: ReplyStatfs, answer: Answer<Space>) {
    match answer {
        Ok(space) => {
            let blocks = |bytes: ByteCount| bytes.get() / u64::from(BLOCK);
            let (all, free) = (blocks(space.capacity), blocks(space.free));
            let available = blocks(space.available);
            let (files, files_free) = space.inodes.unwrap_or((all, free));
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

/// A value, or with `room` 0 how long it is.
pub(crate) fn value(reply: ReplyXattr, room: u32, answer: Answer<Vec<u8>>) {
    match answer {
        Ok(value) => match u32::try_from(value.len()) {
            Ok(bytes) if room == 0 => reply.size(bytes),
            Ok(bytes) if bytes <= room => reply.data(&value),
            _ => reply.error(Errno::ERANGE),
        },
        Err(error) => reply.error(error),
    }
}
