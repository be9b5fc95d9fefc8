//! Directories on the way of a walk.

use super::*;

/// A directory on the way.
pub(super) struct Frame {
    pub(super) id: InodeId,
    /// What keys in it begin with.
    pub(super) base: Vec<u8>,
    pub(super) entries: VecDeque<(Vec<u8>, EntryRecord)>,
    /// Names from here on were not read; `None`: all were.
    pub(super) next: Option<Vec<u8>>,
}

/// The lowest key above all that begin with `prefix`.
pub(super) fn behind_all(prefix: &[u8]) -> Option<Vec<u8>> {
    let mut bound = prefix.to_vec();
    while let Some(last) = bound.pop() {
        if last < 0xff {
            bound.push(last + 1);
            return Some(bound);
        }
    }
    None
}

/// The directories on the way to a key, each set to go on behind what is below the key.
pub(super) fn frames_for(tree: &Tree, bound: &[u8]) -> Look<Vec<Frame>> {
    let mut frames = Vec::new();
    let (mut id, mut base) = (InodeId::ROOT, Vec::new());
    loop {
        let rest = &bound[base.len()..];
        let slash = rest.iter().position(|byte| *byte == b'/');
        let mut frame = Frame {
            id,
            base: base.clone(),
            entries: VecDeque::new(),
            next: Some(rest.to_vec()),
        };
        // A key that ends with the `/` is the directory itself: it comes as an entry.
        let name = slash
            .map(|slash| &rest[..=slash])
            .filter(|name| name.len() < rest.len());
        let Some(name) = name else {
            frames.push(frame);
            return Ok(frames);
        };
        let below = entry(tree, id, name)?;
        let Some(below) = below else {
            frame.next = Some(name.to_vec());
            frames.push(frame);
            return Ok(frames);
        };
        frame.next = Some([name, &[0]].concat());
        frames.push(frame);
        id = below.id();
        base.extend_from_slice(name);
    }
}

const fn go_on(goes_on: bool) -> ControlFlow<()> {
    if goes_on {
        ControlFlow::Continue(())
    } else {
        ControlFlow::Break(())
    }
}

/// Entries of a directory; those that are links to files with the inode they lead to, in the same
/// state of the tree.
pub(crate) fn entries(
    tree: &Tree,
    directory: InodeId,
    from: &[u8],
    max: usize,
) -> Look<VecDeque<(Vec<u8>, EntryRecord)>> {
    let prefix = BucketKey::Entry(directory, &[]).encode();
    let first = [&prefix[..], from].concat();
    // The look is repeated for each page that is missing, so whether any is comes before the work.
    let mut count = 0;
    tree.scan(&first, |key, _| {
        let is_ours = key.starts_with(&prefix);
        count += usize::from(is_ours);
        go_on(is_ours && count < max)
    })?;
    let mut found: Vec<(Vec<u8>, Result<EntryRecord, _>)> = Vec::with_capacity(count);
    tree.scan(&first, |key, value| {
        let Some(name) = key.strip_prefix(&prefix[..]) else {
            return ControlFlow::Break(());
        };
        found.push((name.to_vec(), EntryRecord::decode(value)));
        go_on(found.len() < count)
    })?;
    let mut entries = VecDeque::with_capacity(found.len());
    for (name, record) in found {
        let record = match record? {
            link @ EntryRecord::Link(_, InodeKind::File) => {
                EntryRecord::Inline(inode_of(tree, link)?)
            }
            record => record,
        };
        entries.push_back((name, record));
    }
    Ok(entries)
}
