//! What removing a key locks.

use super::*;

/// What removing a key locks, with `alone_count` directories at the end of the way alone.
pub(super) fn remove_locks(key: &Key, way: &Way, alone_count: usize) -> Vec<(LockKey, LockMode)> {
    let mut keys = vec![(LockKey::Shape, LockMode::Shared)];
    let mut name = key.name().to_vec();
    if key.is_directory()
        && let Some(found) = &way.found
    {
        keys.push(alone(LockKey::Directory(found.id())));
    }
    let last = way.above.len() - 1;
    for (index, above) in way.above.iter().enumerate().rev() {
        let id = above.inode.id;
        keys.push(alone(LockKey::Name(id, name)));
        if last - index >= alone_count {
            keys.push(shared(id));
            break;
        }
        keys.push(alone(LockKey::Directory(id)));
        name = above
            .name
            .strip_suffix(b"/")
            .unwrap_or(&above.name)
            .to_vec();
    }
    keys
}

pub(super) fn remove_inodes(way: &Way, alone_count: usize) -> Vec<InodeId> {
    let doomed = way.above.iter().rev().take(alone_count);
    let doomed = doomed.map(|above| above.inode.id);
    doomed
        .chain(way.found.as_ref().map(EntryRecord::id))
        .collect()
}
