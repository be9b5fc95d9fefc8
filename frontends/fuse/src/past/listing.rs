//! Reading directories of snapshots, and the directory of snapshots.

use std::time::Duration;

use engine_bucket::{BucketError, DirectoryEntry, InodeId, SnapshotInfo};
use engine_pool::block_on;
use fuser::{Errno, FileHandle, FileType, FopenFlags, INodeNo};

use super::table::Number;
use super::{ROOT, is_past, numbered};
use crate::door::{Answer, Door};
use crate::errno::errno;
use crate::limits::LIFETIME;
use crate::listing::{Entries, Names};

/// Of the directory of snapshots, which has no state: entries come in the order of their ids.
const NO_STREAM: FileHandle = FileHandle(u64::MAX);
/// Added to an id it is a position behind those of `.` and `..`.
const BEHIND_DOTS: u64 = 16;

impl Door {
    pub(crate) fn open_past_listing(&self, ino: INodeNo) -> Answer<(FileHandle, FopenFlags)> {
        if ino.0 == Number::SNAPSHOTS {
            return Ok((NO_STREAM, FopenFlags::empty()));
        }
        let (bucket, node) = self.at(ino)?;
        let stream = bucket.read_directory(&node);
        let stream = stream.map_err(|error| errno(&error))?;
        Ok((self.handles.add_listing(stream), FopenFlags::empty()))
    }

    /// The directory above one of the past.
    pub(crate) fn above_past(&self, ino: INodeNo) -> INodeNo {
        if ino.0 == Number::SNAPSHOTS {
            return ROOT;
        }
        let known = self.past.known(ino.0);
        known.map_or(ino, |known| INodeNo(known.above))
    }

    /// The number of an entry of a directory.
    pub(crate) fn number_in(ino: INodeNo, entry: &DirectoryEntry) -> INodeNo {
        match is_past(ino) {
            true => INodeNo(Number::of(Number::place(ino.0), entry.id).unwrap_or(entry.id.get())),
            false => INodeNo(entry.id.get()),
        }
    }

    /// The snapshots behind a position, each with that behind it and its number.
    fn labels(&self, at: u64) -> Answer<Vec<(SnapshotInfo, u64, INodeNo)>> {
        self.check()?;
        let all = self.bucket.snapshots();
        let all = all.map_err(|error| errno(&error))?.into_iter();
        let shown = all.filter_map(|info| {
            let behind = info.id.get() + BEHIND_DOTS;
            let place = self.past.place_of(info.id)?;
            let number = Number::of(place, InodeId::ROOT)?;
            (behind > at).then_some((info, behind, INodeNo(number)))
        });
        Ok(shown.collect())
    }

    /// Fills `reply` with labels.
    pub(crate) fn list_labels(&self, at: u64, reply: &mut impl Names) -> Answer<()> {
        for (info, behind, number) in self.labels(at)? {
            if reply.add(number, behind, FileType::Directory, info.label.as_bytes()) {
                break;
            }
        }
        Ok(())
    }

    /// Likewise, with what they lead to.
    pub(crate) fn list_labels_plus(&self, at: u64, reply: &mut impl Entries) -> Answer<()> {
        for (info, behind, _) in self.labels(at)? {
            let given = match self.find_label(info.label.as_bytes()) {
                // Deleted meanwhile.
                Err(Errno::ENOENT) => continue,
                given => given?,
            };
            let (ino, attr) = (given.attr.ino, &given.attr);
            // The kernel asks again what a label leads to.
            let name = info.label.as_bytes();
            if reply.add(behind, name, attr, Duration::ZERO) {
                self.past.forget(ino.0, 1);
                break;
            }
        }
        Ok(())
    }

    /// Adds one entry of a snapshot's directory; `true`: it does not fit.
    pub(crate) fn add_past(
        &self,
        ino: INodeNo,
        entry: &DirectoryEntry,
        reply: &mut impl Entries,
    ) -> Answer<bool> {
        let (bucket, parent) = self.at(ino)?;
        let (node, info) = match block_on(bucket.lookup(&parent, &entry.name)) {
            Ok(found) => found,
            Err(BucketError::NotFound { what: "file" }) => return Ok(false),
            Err(error) => return Err(errno(&error)),
        };
        let number = self.past.give(ino.0, &node).ok_or(Errno::EOVERFLOW)?;
        let attr = numbered(&info, number);
        let is_full = reply.add(entry.cookie, &entry.name, &attr, LIFETIME);
        if is_full {
            self.past.forget(attr.ino.0, 1);
        }
        Ok(is_full)
    }
}
