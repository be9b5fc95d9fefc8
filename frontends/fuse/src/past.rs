//! Snapshots of the mounted bucket: `.snapshots/LABEL/` in its root, which no listing shows.
//!
//! A number that the kernel is given has two parts: which state of the bucket, and the number of
//! the inode in it. State 0 is the bucket as it is. So the same inode has another number in each
//! state, and tools that take two files with one number for the same file are not misled. The
//! number of a state follows from that of its dataset, so it is the same after the next mount, too.
//!
//! What is below a label never changes, so the kernel keeps it for as long as it likes. What a
//! label leads to it asks each time: a snapshot that is deleted, or one that comes in its place
//! under the same label, is seen at once. Who is in a deleted one gets ESTALE.
//!
//! Whatever would change something is refused by [`Door::node`], which has no node for these.

mod listing;
mod table;

use engine_bucket::{Bucket, BucketError, Info, Node};
use engine_pool::block_on;
use fuser::{Errno, FileAttr, FileHandle, FopenFlags, INodeNo, OpenFlags};
use rustix::fs::OFlags;

use crate::attr::{absent_attr, directory_attr, file_attr};
use crate::door::{Answer, Door, Given, run_on};
use crate::errno::errno;
use crate::held::Fresh;
use crate::limits::NAME_BYTES_MAX;

pub(crate) use table::Past;
use table::{Known, Number};

/// The directory of snapshots, in the root.
const NAME: &[u8] = b".snapshots";
/// The permissions that it shows.
const MODE: u16 = 0o555;
const ROOT: INodeNo = INodeNo(1);

/// Whether a number is that of something in a snapshot, or of the directory of snapshots.
pub(crate) const fn is_past(ino: INodeNo) -> bool {
    Number::is_past(ino.0)
}

/// Whether it is that of the directory of snapshots.
pub(crate) const fn is_snapshots(ino: INodeNo) -> bool {
    ino.0 == Number::SNAPSHOTS
}

fn fresh(entry: bool) -> Fresh {
    Fresh {
        entry,
        attributes: true,
    }
}

/// Attributes of an inode of the past.
fn numbered(info: &Info, number: u64) -> FileAttr {
    FileAttr {
        ino: INodeNo(number),
        ..file_attr(info)
    }
}

impl Door {
    /// Refuses to make, move or remove the directory of snapshots.
    pub(crate) fn check_name(at: INodeNo, name: &[u8], error: Errno) -> Answer<()> {
        match at == ROOT && name == NAME {
            true => Err(error),
            false => Ok(()),
        }
    }

    /// What a name in a snapshot, or that of the directory of snapshots, leads to; `None`: it is
    /// none of these.
    pub(crate) fn find_past(&self, at: INodeNo, name: &[u8]) -> Option<Answer<Given>> {
        if at == ROOT && name == NAME {
            return Some(self.snapshots_attr().map(|attr| Given {
                attr,
                fresh: Fresh {
                    entry: true,
                    attributes: false,
                },
                is_kept: true,
            }));
        }
        if !is_past(at) {
            return None;
        }
        if name.len() > NAME_BYTES_MAX {
            return Some(Err(Errno::ENAMETOOLONG));
        }
        Some(match at.0 {
            Number::SNAPSHOTS => self.find_label(name),
            _ => self.find_below(at, name),
        })
    }

    fn find_label(&self, label: &[u8]) -> Answer<Given> {
        self.check()?;
        let label = std::str::from_utf8(label).map_err(|_| Errno::ENOENT)?;
        let bucket = match block_on(self.bucket.snapshot(label)) {
            Err(BucketError::NotFound { .. }) => return Err(Errno::ENOENT),
            opened => opened.map_err(|error| errno(&error))?,
        };
        let root = bucket.root();
        let info = run_on(bucket.info(&root))?;
        let number = self.past.enter(&bucket, &root).ok_or(Errno::ENFILE)?;
        Ok(Given {
            attr: numbered(&info, number),
            fresh: fresh(false),
            is_kept: true,
        })
    }

    fn find_below(&self, at: INodeNo, name: &[u8]) -> Answer<Given> {
        let (bucket, parent) = self.at(at)?;
        let (attr, is_kept) = match block_on(bucket.lookup(&parent, name)) {
            Ok((node, info)) => {
                let number = self.past.give(at.0, &node).ok_or(Errno::EOVERFLOW)?;
                (numbered(&info, number), true)
            }
            Err(BucketError::NotFound { what: "file" }) => (absent_attr(), false),
            Err(error) => return Err(errno(&error)),
        };
        Ok(Given {
            attr,
            fresh: fresh(true),
            is_kept,
        })
    }

    /// The bucket that a number is about, as it was or as it is, and the inode in it.
    pub(crate) fn at(&self, ino: INodeNo) -> Answer<(Bucket, Node)> {
        if !is_past(ino) {
            return Ok((self.bucket.clone(), self.node(ino)?));
        }
        self.check()?;
        let Known { bucket, node, .. } = self.past.known(ino.0).ok_or(Errno::ESTALE)?;
        Ok((bucket, node))
    }

    /// Attributes of the directory of snapshots.
    fn snapshots_attr(&self) -> Answer<FileAttr> {
        let root = run_on(self.bucket.info(&self.bucket.root()))?;
        Ok(directory_attr(INodeNo(Number::SNAPSHOTS), MODE, &root))
    }

    /// Attributes of a number of the past, and whether the kernel may keep them.
    pub(crate) fn past_attributes(&self, ino: INodeNo) -> Answer<(FileAttr, bool)> {
        if ino.0 == Number::SNAPSHOTS {
            return Ok((self.snapshots_attr()?, false));
        }
        let (bucket, node) = self.at(ino)?;
        let info = run_on(bucket.info(&node))?;
        Ok((numbered(&info, ino.0), true))
    }

    /// Opens a file in a snapshot.
    pub(crate) fn open_past(
        &self,
        ino: INodeNo,
        flags: OpenFlags,
    ) -> Answer<(FileHandle, FopenFlags)> {
        let flags = OFlags::from_bits_retain(flags.0.cast_unsigned());
        if flags.intersects(OFlags::WRONLY | OFlags::RDWR | OFlags::TRUNC) {
            return Err(Errno::EROFS);
        }
        let (bucket, node) = self.at(ino)?;
        let file = run_on(bucket.open(&node))?;
        Ok((self.handles.add_file(file), FopenFlags::FOPEN_KEEP_CACHE))
    }
}
