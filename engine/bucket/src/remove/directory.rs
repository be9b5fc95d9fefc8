//! Renaming directories by their keys.

use super::*;

impl Bucket {
    /// Refuses a place for a directory that is below it, or where there is something. The shape is
    /// locked, so nothing moves meanwhile.
    pub(super) async fn check_place(&self, to: &Way, moved: InodeId) -> Result<(), BucketError> {
        if to.above.iter().any(|above| above.inode.id == moved) {
            return Err(BucketError::Below);
        }
        let Some(found) = to.found.as_ref().map(EntryRecord::id) else {
            return Ok(());
        };
        if self.look(|tree| is_empty(tree, found)).await? {
            return Ok(());
        }
        Err(BucketError::NotEmpty)
    }

    /// Puts a directory that was taken from one key at another, in the place of an empty one.
    pub(super) async fn arrive_with_all(
        &self,
        change: &mut Change,
        (from, to): (&Key, &Key),
        ways: &(Way, Way),
        (mut moved, above): (Inode, &Parent),
        flight: &mut Flight<'_>,
    ) -> Result<Left, BucketError> {
        let (now, kind) = (self.now(), InodeKind::Directory);
        let (parent, name) = (above.inode.id, to.key_name());
        let mut left = Left::Nothing;
        if let Some(found) = ways.1.found.clone() {
            let old = self.look(|tree| inode_of(tree, found.clone())).await?;
            flight.attributes(old.id);
            left = self.drop_directory(change, parent, &name, &old).await?;
            change.touch(parent, &touch_for(&name, kind, -1, now));
        }
        let mut directory = self.directory_node(&ways.1);
        for made in &above.made {
            let entry = EntryRecord::Inline(made.inode.clone());
            directory = self.intern(&directory, &made.name, &entry);
        }
        let there = place_in(&directory, &name, kind);
        moved.changed = now;
        change.inode(&there, &moved);
        let touch = Touch {
            changed: Some(now),
            ..Touch::default()
        };
        change.touch(moved.id, &touch);
        if let Some(node) = self.node_on(from, &ways.0) {
            node.may_be_at(there);
        }
        if ways.1.is_whole(to) {
            change.touch(parent, &touch_for(&name, kind, 1, now));
        }
        flight.entry(parent, &name);
        flight.attributes(moved.id);
        Ok(left)
    }
}
