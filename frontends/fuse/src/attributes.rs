//! Attributes: asked for and set.

use engine_bucket::{Ack, BucketError, Info, InodeKind, Node, SetAttributes};
use engine_pool::block_on;
use fuser::{FileAttr, FileHandle, INodeNo, TimeOrNow};

use crate::attr::{file_attr, nanos};
use crate::door::{Answer, Caller, Door, run_on};
use crate::errno::errno;
use crate::held::Ticket;
use crate::names::permissions;
use crate::past::is_past;

const SET_UID: u16 = 0o4000;
const SET_GID: u16 = 0o2000;
const GROUP_EXECUTES: u16 = 0o010;
/// What a file may do beyond its mode.
pub(crate) const CAPABILITY: &[u8] = b"security.capability";

/// A time to set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SetTime {
    /// Nanoseconds since 1970.
    At(i64),
    Now,
}

impl From<TimeOrNow> for SetTime {
    fn from(time: TimeOrNow) -> Self {
        match time {
            TimeOrNow::SpecificTime(time) => Self::At(nanos(time)),
            TimeOrNow::Now => Self::Now,
        }
    }
}

/// What to set.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) mode: Option<u32>,
    pub(crate) uid: Option<u32>,
    pub(crate) gid: Option<u32>,
    pub(crate) size: Option<u64>,
    pub(crate) accessed: Option<SetTime>,
    pub(crate) modified: Option<SetTime>,
}

/// A mode without what a change of owner or content ends. Where the group may not execute, the
/// set-group-id bit means something else.
fn without_set_id(mode: u16) -> u16 {
    let group = if mode & GROUP_EXECUTES == 0 {
        0
    } else {
        SET_GID
    };
    mode & !(SET_UID | group)
}

impl Door {
    /// Attributes, and whether the kernel may keep them.
    pub(crate) fn attributes(
        &self,
        ticket: &Ticket<'_>,
        ino: INodeNo,
        handle: Option<FileHandle>,
    ) -> Answer<(FileAttr, bool)> {
        if is_past(ino) {
            return self.past_attributes(ino);
        }
        let info = match handle.map(|handle| self.file(handle)) {
            Some(Ok(file)) => run_on(self.bucket.info(file.node()))?,
            // A directory's handle, or none.
            _ => run_on(self.bucket.info(&self.node(ino)?))?,
        };
        let fresh = self.table.give_attributes(ticket, info.id);
        Ok((file_attr(&info), fresh))
    }

    /// Sets attributes. The kernel takes what is answered whatever it was told meanwhile, so the
    /// answer must not be kept.
    pub(crate) fn set(&self, caller: Caller, ino: INodeNo, wanted: &Wanted) -> Answer<FileAttr> {
        let node = self.node(ino)?;
        if let Some(size) = wanted.size {
            self.take_privileges(&node, caller.uid != 0)?;
            run_on(self.bucket.truncate(&node, size, Ack::Written))?;
        }
        let mut set = SetAttributes {
            mode: wanted.mode.map(permissions),
            uid: wanted.uid,
            gid: wanted.gid,
            accessed: self.time(wanted.accessed),
            modified: self.time(wanted.modified),
        };
        let changes_owner = set.uid.is_some() || set.gid.is_some();
        if changes_owner && node.kind() != InodeKind::Directory {
            self.take_capability(&node)?;
            if set.mode.is_none() {
                let mode = run_on(self.bucket.info(&node))?.mode;
                set.mode = Some(without_set_id(mode)).filter(|plain| *plain != mode);
            }
        }
        let info = if set == SetAttributes::default() {
            run_on(self.bucket.info(&node))?
        } else {
            run_on(self.bucket.set_attributes(&node, &set, Ack::Written))?
        };
        if set.mode.is_some() {
            self.table.set_plain(ino.0, false);
        }
        Ok(file_attr(&info))
    }

    fn time(&self, time: Option<SetTime>) -> Option<i64> {
        time.map(|time| match time {
            SetTime::At(nanos) => nanos,
            SetTime::Now => i64::try_from(self.bucket.pool().unix_nanos()).unwrap_or(i64::MAX),
        })
    }

    /// Whether the file is plain then: see [`Door::take_privileges`].
    pub(crate) fn take_privileges_of(&self, node: &Node, kills: bool) -> Answer<bool> {
        self.take_capability(node)?;
        let info: Info = run_on(self.bucket.info(node))?;
        let mode = without_set_id(info.mode);
        if mode != info.mode && kills {
            let set = SetAttributes {
                mode: Some(mode),
                ..SetAttributes::default()
            };
            run_on(self.bucket.set_attributes(node, &set, Ack::Written))?;
            return Ok(true);
        }
        Ok(mode == info.mode)
    }

    fn take_capability(&self, node: &Node) -> Answer<()> {
        if block_on(self.bucket.attribute(node, CAPABILITY)).is_err() {
            return Ok(());
        }
        match block_on(self.bucket.remove_attribute(node, CAPABILITY, Ack::Written)) {
            Ok(()) | Err(BucketError::NotFound { .. }) => Ok(()),
            Err(error) => Err(errno(&error)),
        }
    }
}
