//! What an access control list allows whom.

use super::{ACCESS, Acl, Entry, GROUP, GROUP_OBJ, MASK, OTHER, USER, USER_OBJ, stored};
use crate::attributes::Info;
use crate::node::Node;
use crate::xattr::attribute;
use crate::{Bucket, BucketError};

/// All of the permissions of an entry.
const ALL: u16 = 7;

impl Acl {
    /// As POSIX.1e says it, section 23.1.5: the first class that somebody is in decides; of several
    /// entries for groups one must allow all that is wanted.
    fn allows(&self, (uid, gid): (u32, u32), owner: (u32, u32), wanted: u16) -> bool {
        let mask = self.entries.iter().find(|entry| entry.tag == MASK);
        let mask = mask.map_or(ALL, |mask| mask.permissions);
        let has_all = |permissions: u16| permissions & wanted == wanted;
        let first = |tag: u16| self.entries.iter().find(|entry| entry.tag == tag);
        if uid == owner.0 {
            return first(USER_OBJ).is_some_and(|entry| has_all(entry.permissions));
        }
        let named = |entry: &&Entry| entry.tag == USER && entry.id == uid;
        if let Some(user) = self.entries.iter().find(named) {
            return has_all(user.permissions & mask);
        }
        let is_group = |entry: &&Entry| match entry.tag {
            GROUP_OBJ => gid == owner.1,
            GROUP => gid == entry.id,
            _ => false,
        };
        let mut groups = self.entries.iter().filter(is_group).peekable();
        if groups.peek().is_some() {
            return groups.any(|entry| has_all(entry.permissions & mask));
        }
        first(OTHER).is_some_and(|entry| has_all(entry.permissions))
    }
}

impl Bucket {
    /// Whether the permissions of an inode allow a user, who is in one group, all of `wanted`: 4 to
    /// read, 2 to write, 1 to execute or search. Its access control list says so where it has one,
    /// else its mode. What the superuser may do beyond that is not looked at.
    ///
    /// # Errors
    /// [`BucketError::NotFound`], [`BucketError::Store`].
    pub async fn allows(
        &self,
        node: &Node,
        (uid, gid): (u32, u32),
        wanted: u16,
    ) -> Result<bool, BucketError> {
        self.with_inode(node, |tree, inode| {
            let info = Info::of(inode, None);
            if let Some(acl) = attribute(tree, inode, ACCESS)?.and_then(|list| stored(&list)) {
                return Ok(acl.allows((uid, gid), (info.uid, info.gid), wanted));
            }
            let shift = if uid == info.uid {
                6
            } else if gid == info.gid {
                3
            } else {
                0
            };
            Ok((info.mode >> shift) & wanted == wanted)
        })
        .await
    }
}
