//! Renaming and linking.

mod link;

mod check;

use engine_format::{BucketKey, EntryRecord, Inode, InodeId, InodeKind, Touch};
use engine_pool::LockMode;

use crate::bucket::LockKey;
use crate::change::Change;
use crate::flight::Flight;
use crate::look::{entry, inode_at, is_empty};
use crate::names::{
    Child, LINKS_MAX, alone, check_directory, check_name, place_in, shared, touch_for,
};
use crate::node::{Node, Place};
use crate::removal::Left;
use crate::{Ack, Bucket, BucketError, Info};

/// How a rename treats what has the new name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RenameHow {
    /// It is replaced.
    Replace,
    /// There must be nothing.
    NoReplace,
    /// It gets the old name.
    Exchange,
}

/// The two ends of a rename.
#[derive(Clone, Copy)]
struct Ends<'a> {
    from: (&'a Node, &'a [u8]),
    to: (&'a Node, &'a [u8]),
    how: RenameHow,
}

impl Bucket {
    /// Moves a name, with all that is below it where it is a directory's, in one change of one
    /// entry: it is at the one name or at the other, after a crash too.
    ///
    /// # Errors
    /// [`BucketError::NotFound`], [`BucketError::Exists`], [`BucketError::NotDirectory`],
    /// [`BucketError::IsDirectory`], [`BucketError::NotEmpty`], [`BucketError::Below`],
    /// [`BucketError::Name`], [`BucketError::Store`].
    pub async fn rename(
        &self,
        from: (&Node, &[u8]),
        to: (&Node, &[u8]),
        how: RenameHow,
        ack: Ack,
    ) -> Result<(), BucketError> {
        check_name(from.1)?;
        check_name(to.1)?;
        check_directory(from.0)?;
        check_directory(to.0)?;
        let ends = Ends { from, to, how };
        let admitted = self.admit(0).await?;
        loop {
            if let Some((flight, lsn, left)) = self.try_rename(ends).await? {
                drop(admitted);
                self.give_back(left).await;
                return flight.acknowledge(lsn, ack).await;
            }
        }
    }

    /// `None`: what the names lead to changed before it was locked.
    async fn try_rename(
        &self,
        ends: Ends<'_>,
    ) -> Result<Option<(Flight<'_>, engine_base::Lsn, Left)>, BucketError> {
        let mut flight = Flight::new(self);
        let seen_from = self.child(ends.from.0, ends.from.1).await?;
        let seen_from = seen_from.ok_or_else(|| BucketError::no("file"))?;
        let seen_to = self.child(ends.to.0, ends.to.1).await?;
        let _locks = self
            .lock(rename_locks(ends, &seen_from, seen_to.as_ref()))
            .await?;
        let inodes = [Some(&seen_from), seen_to.as_ref()];
        let inodes = inodes.into_iter().flatten().map(|child| child.inode.id);
        let parents = [ends.from.0, ends.to.0];
        let (mut implicit, mut above) = (Vec::new(), Vec::new());
        for parent in parents {
            let (inode, _) = self.parent_inode(parent).await?;
            if !inode.explicit {
                implicit.push(parent);
            }
            above.push(inode);
        }
        let more = implicit.iter().map(|parent| parent.id());
        let _inodes = self.lock_inodes(inodes.chain(more)).await?;
        let from = self.child(ends.from.0, ends.from.1).await?;
        let to = self.child(ends.to.0, ends.to.1).await?;
        let same = |seen: Option<&Child>, now: Option<&Child>| {
            let key = |child: &Child| (child.inode.id, child.name.clone());
            seen.map(key) == now.map(key)
        };
        if !same(Some(&seen_from), from.as_ref()) || !same(seen_to.as_ref(), to.as_ref()) {
            return Ok(None);
        }
        let mut from = from.ok_or_else(|| BucketError::no("file"))?;
        let mut to = to;
        if to.as_ref().is_some_and(|to| to.inode.id == from.inode.id) {
            // Two names of one file, or the same one twice: nothing to do.
            return match ends.how {
                RenameHow::NoReplace => Err(BucketError::Exists { what: "file" }),
                _ => Ok(Some((flight, self.pool.durable_lsn(), Left::Nothing))),
            };
        }
        self.check_rename(ends, &from, to.as_ref()).await?;
        self.check_projects(ends.how, &above, &mut from, to.as_mut())?;
        let mut change = Change::new(self);
        for parent in implicit {
            self.make_explicit(&mut change, parent, &mut flight).await?;
        }
        let left = match (ends.how, to) {
            (RenameHow::Exchange, Some(to)) => {
                self.exchange(&mut change, ends, from, to, &mut flight)?;
                Left::Nothing
            }
            (_, to) => {
                self.move_over(&mut change, ends, from, to, &mut flight)
                    .await?
            }
        };
        let lsn = change.commit(self, &mut flight).await?;
        Ok(Some((flight, lsn, left)))
    }

    async fn move_over(
        &self,
        change: &mut Change,
        ends: Ends<'_>,
        from: Child,
        to: Option<Child>,
        flight: &mut Flight<'_>,
    ) -> Result<Left, BucketError> {
        let now = self.now();
        let mut left = Left::Nothing;
        if let Some(to) = to {
            let (id, kind) = (to.inode.id, to.inode.kind);
            left = if kind == InodeKind::Directory {
                self.drop_directory(change, ends.to.0.id(), &to.name, &to.inode)
                    .await?
            } else {
                change.delete(&BucketKey::Entry(ends.to.0.id(), &to.name));
                self.drop_link(change, to.inode, &to.place).await?
            };
            change.touch(ends.to.0.id(), &touch_for(ends.to.1, kind, -1, now));
            flight.attributes(id);
        }
        let kind = from.inode.kind;
        change.delete(&BucketKey::Entry(ends.from.0.id(), &from.name));
        change.touch(ends.from.0.id(), &touch_for(ends.from.1, kind, -1, now));
        self.place_at(change, &from, ends.to, now, flight);
        change.touch(ends.to.0.id(), &touch_for(ends.to.1, kind, 1, now));
        flight.entry(ends.from.0.id(), ends.from.1);
        flight.entry(ends.to.0.id(), ends.to.1);
        Ok(left)
    }

    fn exchange(
        &self,
        change: &mut Change,
        ends: Ends<'_>,
        from: Child,
        to: Child,
        flight: &mut Flight<'_>,
    ) -> Result<(), BucketError> {
        let now = self.now();
        let of_kind = |child: &Child| child.inode.kind == InodeKind::Directory;
        if of_kind(&from) != of_kind(&to) {
            // The names in the keys differ by the `/`.
            change.delete(&BucketKey::Entry(ends.from.0.id(), &from.name));
            change.delete(&BucketKey::Entry(ends.to.0.id(), &to.name));
        }
        for (child, here, there) in [(&from, ends.from, ends.to), (&to, ends.to, ends.from)] {
            let kind = child.inode.kind;
            change.touch(here.0.id(), &touch_for(here.1, kind, -1, now));
            self.place_at(change, child, there, now, flight);
            change.touch(there.0.id(), &touch_for(there.1, kind, 1, now));
            flight.entry(here.0.id(), here.1);
        }
        Ok(())
    }

    /// Puts what a name led to at another name, and tells its node.
    fn place_at(
        &self,
        change: &mut Change,
        child: &Child,
        to: (&Node, &[u8]),
        now: i64,
        flight: &mut Flight<'_>,
    ) {
        let mut inode = child.inode.clone();
        let mut name = to.1.to_vec();
        if inode.kind == InodeKind::Directory {
            inode.explicit = true;
            name.push(b'/');
            let touch = Touch {
                changed: Some(now),
                ..Touch::default()
            };
            change.touch(inode.id, &touch);
        }
        inode.changed = now;
        flight.attributes(inode.id);
        match &child.place {
            Place::Own => {
                change.inode(&Place::Own, &inode);
                let link = EntryRecord::Link(inode.id, inode.kind).encode();
                change.put(&BucketKey::Entry(to.0.id(), &name), &link);
            }
            place @ Place::Entry { .. } => {
                let nodes = &self.shared.nodes;
                let node = nodes.intern(inode.id, inode.kind, place.clone());
                let moved = place_in(to.0, &name, inode.kind);
                change.inode(&moved, &inode);
                node.may_be_at(moved);
            }
        }
    }
}

fn rename_locks(ends: Ends<'_>, from: &Child, to: Option<&Child>) -> Vec<(LockKey, LockMode)> {
    let mut keys = vec![
        shared(ends.from.0.id()),
        shared(ends.to.0.id()),
        alone(LockKey::Name(ends.from.0.id(), ends.from.1.to_vec())),
        alone(LockKey::Name(ends.to.0.id(), ends.to.1.to_vec())),
    ];
    let is_directory = |child: &Child| child.inode.kind == InodeKind::Directory;
    if is_directory(from) || to.is_some_and(is_directory) {
        keys.push(alone(LockKey::Shape));
    }
    if let Some(to) = to.filter(|to| is_directory(to))
        && ends.how == RenameHow::Replace
    {
        keys.push(alone(LockKey::Directory(to.inode.id)));
    }
    keys
}
