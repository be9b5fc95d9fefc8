//! Answers.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use engine_bucket::Space;
use engine_device::{COMMAND_ANSWER_BYTES, PageBuf};
use fuser::{Errno, FileAttr, FileHandle, FileType, FopenFlags, INodeNo};
use zerocopy::IntoBytes;

use super::wire;
use crate::answer::{GENERATION, lifetime};
use crate::door::{Answer, Given};
use crate::listing::{BLOCK, Blocks, Entries, NAME_BYTES, Names};
use crate::xattr::Value;

/// What is answered where all went well.
#[derive(Debug)]
pub(crate) enum Reply {
    Empty,
    Entry(Given),
    Created(Given, (FileHandle, FopenFlags)),
    /// Attributes, and whether they may be kept.
    Attributes(FileAttr, bool),
    Opened(FileHandle, FopenFlags),
    Space(Space),
    Written(u32),
    Found(i64),
    Pages(PageBuf),
    Bytes(Vec<u8>),
    Value(Value),
    Listed(Listed),
}

/// Encodes the answer to the request `unique`: its payload into `payload`, of which it returns the
/// length, and its header.
pub(crate) fn encode(
    unique: u64,
    answer: Answer<Reply>,
    payload: &mut [u8],
) -> ([u8; COMMAND_ANSWER_BYTES], usize) {
    let put = answer.and_then(|reply| put(&reply, payload));
    let (error, bytes) = match put {
        Ok(bytes) => (0, bytes),
        Err(error) => (-error.code(), 0),
    };
    let len = COMMAND_ANSWER_BYTES.saturating_add(bytes);
    let header = wire::OutHeader {
        len: u32::try_from(len).unwrap_or(u32::MAX),
        error,
        unique,
    };
    let mut encoded = [0; COMMAND_ANSWER_BYTES];
    encoded.copy_from_slice(header.as_bytes());
    (encoded, bytes)
}

fn put(reply: &Reply, payload: &mut [u8]) -> Answer<usize> {
    let mut to = |bytes: &[u8]| {
        let room = payload.get_mut(..bytes.len()).ok_or(Errno::EIO)?;
        room.copy_from_slice(bytes);
        Ok(bytes.len())
    };
    match reply {
        Reply::Empty => Ok(0),
        Reply::Entry(given) => to(entry(given).as_bytes()),
        Reply::Created(given, (handle, how)) => {
            // As with the library: one lifetime for both.
            let is_fresh = given.fresh.entry && given.fresh.attributes;
            let entry = entry_for(&given.attr, lifetime(is_fresh), lifetime(is_fresh));
            to(wire::CreateOut {
                entry,
                open: open(*handle, *how),
            }
            .as_bytes())
        }
        Reply::Attributes(attr, is_fresh) => {
            let (valid, valid_nanos) = time_of(lifetime(*is_fresh));
            let attr = attributes(attr);
            to(wire::AttrOut {
                valid,
                valid_nanos,
                padding: 0,
                attr,
            }
            .as_bytes())
        }
        Reply::Opened(handle, how) => to(open(*handle, *how).as_bytes()),
        Reply::Space(space) => to(statfs(*space).as_bytes()),
        Reply::Written(bytes) => to(wire::WriteOut {
            bytes: *bytes,
            padding: 0,
        }
        .as_bytes()),
        Reply::Found(at) => to(wire::LseekOut { at: *at }.as_bytes()),
        Reply::Pages(bytes) => to(bytes),
        Reply::Bytes(bytes) | Reply::Value(Value::Bytes(bytes)) => to(bytes),
        Reply::Value(Value::Size(bytes)) => to(wire::GetxattrOut {
            bytes: *bytes,
            padding: 0,
        }
        .as_bytes()),
        Reply::Listed(listed) => to(&listed.bytes[..listed.filled]),
    }
}

fn entry(given: &Given) -> wire::EntryOut {
    let (entry, attributes) = (given.fresh.entry, given.fresh.attributes);
    entry_for(&given.attr, lifetime(entry), lifetime(attributes))
}

fn entry_for(attr: &FileAttr, entry: Duration, attributes_for: Duration) -> wire::EntryOut {
    let (entry_valid, entry_valid_nanos) = time_of(entry);
    let (attr_valid, attr_valid_nanos) = time_of(attributes_for);
    wire::EntryOut {
        node: attr.ino.0,
        generation: GENERATION.0,
        entry_valid,
        attr_valid,
        entry_valid_nanos,
        attr_valid_nanos,
        attr: attributes(attr),
    }
}

fn open(handle: FileHandle, how: FopenFlags) -> wire::OpenOut {
    wire::OpenOut {
        handle: handle.0,
        flags: how.bits(),
        padding: 0,
    }
}

fn statfs(space: Space) -> wire::StatfsOut {
    let shown = Blocks::from(space);
    wire::StatfsOut {
        blocks: shown.all,
        free: shown.free,
        available: shown.available,
        files: shown.files,
        files_free: shown.files_free,
        block: BLOCK,
        name_bytes: NAME_BYTES,
        fragment: BLOCK,
        ..wire::StatfsOut::default()
    }
}

fn attributes(attr: &FileAttr) -> wire::Attr {
    let (accessed, accessed_nanos) = moment(attr.atime);
    let (modified, modified_nanos) = moment(attr.mtime);
    let (changed, changed_nanos) = moment(attr.ctime);
    wire::Attr {
        node: attr.ino.0,
        size: attr.size,
        blocks: attr.blocks,
        accessed,
        modified,
        changed,
        accessed_nanos,
        modified_nanos,
        changed_nanos,
        mode: type_bits(attr.kind) | u32::from(attr.perm),
        links: attr.nlink,
        uid: attr.uid,
        gid: attr.gid,
        device: attr.rdev,
        block: attr.blksize,
        flags: attr.flags,
    }
}

/// What a mode says of the type.
const fn type_bits(kind: FileType) -> u32 {
    match kind {
        FileType::NamedPipe => 0o010_000,
        FileType::CharDevice => 0o020_000,
        FileType::Directory => 0o040_000,
        FileType::BlockDevice => 0o060_000,
        FileType::RegularFile => 0o100_000,
        FileType::Symlink => 0o120_000,
        FileType::Socket => 0o140_000,
    }
}

fn time_of(lifetime: Duration) -> (u64, u32) {
    (lifetime.as_secs(), lifetime.subsec_nanos())
}

/// Seconds since 1970, and nanoseconds to be added.
fn moment(time: SystemTime) -> (i64, u32) {
    match time.duration_since(UNIX_EPOCH) {
        Ok(since) => {
            let seconds = i64::try_from(since.as_secs()).unwrap_or(i64::MAX);
            (seconds, since.subsec_nanos())
        }
        Err(before) => {
            let before = before.duration();
            let seconds = i64::try_from(before.as_secs()).unwrap_or(i64::MAX);
            match before.subsec_nanos() {
                0 => (-seconds, 0),
                nanos => (-seconds - 1, 1_000_000_000 - nanos),
            }
        }
    }
}

/// The entries of a directory, as they are answered.
#[derive(Debug)]
pub(crate) struct Listed {
    bytes: PageBuf,
    filled: usize,
}

impl Listed {
    /// None, with room for so many bytes.
    pub(crate) fn new(room: usize) -> Self {
        Self {
            bytes: PageBuf::recycled(room),
            filled: 0,
        }
    }

    /// Adds an entry, which begins and ends at a multiple of 8 bytes; `true`: it does not fit.
    fn push(&mut self, fixed: &[u8], name: &[u8]) -> bool {
        let bytes = fixed.len() + name.len();
        let end = self.filled + bytes.next_multiple_of(8);
        let Some(to) = self.bytes.get_mut(self.filled..end) else {
            return true;
        };
        let (to_fixed, rest) = to.split_at_mut(fixed.len());
        let (to_name, padding) = rest.split_at_mut(name.len());
        to_fixed.copy_from_slice(fixed);
        to_name.copy_from_slice(name);
        padding.fill(0);
        self.filled = end;
        false
    }
}

fn dirent(number: INodeNo, behind: u64, kind: FileType, name: &[u8]) -> wire::Dirent {
    wire::Dirent {
        node: number.0,
        behind,
        name_bytes: u32::try_from(name.len()).unwrap_or(u32::MAX),
        kind: type_bits(kind) >> 12,
    }
}

impl Names for Listed {
    fn add(&mut self, number: INodeNo, behind: u64, kind: FileType, name: &[u8]) -> bool {
        self.push(dirent(number, behind, kind, name).as_bytes(), name)
    }
}

impl Entries for Listed {
    fn add(&mut self, behind: u64, name: &[u8], attr: &FileAttr, lifetime: Duration) -> bool {
        let dirent = dirent(attr.ino, behind, attr.kind, name);
        let entry = entry_for(attr, lifetime, lifetime);
        self.push(wire::Direntplus { entry, dirent }.as_bytes(), name)
    }
}

#[cfg(test)]
mod tests;
