//! Comparing everything that both views show with the reference.

use std::collections::BTreeMap;

use engine_bucket::{
    Ack, Bucket, Info, InodeKind, ListItem, ListOptions, Node, RenameHow, RenamePreconditions,
};
use engine_pool::block_on;

use super::ops::OWNER;
use super::reference::{Body, ROOT, RefBucket, RefNode, is_mountable};

/// Compares all that both views show.
///
/// # Panics
/// If it is not as in the reference, or something cannot be read.
pub fn compare(bucket: &Bucket, reference: &RefBucket, at: &str) {
    directory(bucket, reference, &bucket.root(), ROOT, at);
    objects(bucket, reference, at);
    pages(bucket, reference, at);
}

/// A directory and all below it, through the mount.
fn directory(bucket: &Bucket, reference: &RefBucket, node: &Node, id: u64, at: &str) {
    let Body::Directory {
        files, directories, ..
    } = &reference.nodes[&id].body
    else {
        panic!("it is a directory");
    };
    let mut expected: BTreeMap<Vec<u8>, u64> = files.clone();
    expected.extend(directories.clone());
    expected.retain(|name, _| is_mountable(name));
    let mut seen = Vec::new();
    let mut stream = bucket.read_directory(node).unwrap();
    let mut cookie = 0;
    loop {
        let entries = block_on(stream.read(cookie, 3)).unwrap();
        let Some(last) = entries.last() else { break };
        cookie = last.cookie;
        seen.extend(entries.into_iter().map(|entry| entry.name));
    }
    let mut sorted = seen.clone();
    sorted.sort();
    let names: Vec<Vec<u8>> = expected.keys().cloned().collect();
    assert_eq!(sorted, names, "{at}: readdir");
    let info = block_on(bucket.info(node)).unwrap();
    assert_eq!(info.links, 2 + directories.len() as u64, "{at}: links");
    let state = block_on(bucket.directory_state(node.id())).unwrap();
    let count = (files.len() + directories.len()) as u64;
    assert_eq!(state.entries, count, "{at}: entries");
    let keys = reference.count_keys(id) as u64;
    assert_eq!(state.keys, keys, "{at}: keys");
    for (name, id) in expected {
        let (node, info) = block_on(bucket.lookup(node, &name)).unwrap();
        inode(bucket, &node, &info, &reference.nodes[&id], at);
        if node.kind() == InodeKind::Directory {
            directory(bucket, reference, &node, id, at);
        }
    }
}

fn inode(bucket: &Bucket, node: &Node, info: &Info, expected: &RefNode, at: &str) {
    assert_eq!(info.mode, expected.mode, "{at}: mode");
    let mut attributes = BTreeMap::new();
    for name in block_on(bucket.attributes(node)).unwrap() {
        let value = block_on(bucket.attribute(node, &name)).unwrap();
        attributes.insert(name, value);
    }
    assert_eq!(attributes, expected.attributes, "{at}: attributes");
    match &expected.body {
        Body::File(content) => {
            assert_eq!(info.kind, InodeKind::File, "{at}");
            assert_eq!(info.links, u64::from(expected.links), "{at}: links");
            assert_eq!(info.size, content.len() as u64, "{at}: size");
            assert!(info.allocated <= info.size, "{at}: allocated");
            let read = block_on(bucket.read(node, 0, content.len() + 10)).unwrap();
            assert!(read == *content, "{at}: content of {node:?}");
            assert_eq!(info.entity_tag, expected.tag, "{at}: tag");
        }
        Body::Symlink(target) => {
            assert_eq!(&block_on(bucket.readlink(node)).unwrap(), target, "{at}");
        }
        Body::Fifo => assert_eq!(info.kind, InodeKind::Fifo, "{at}"),
        Body::Directory { explicit, .. } => {
            assert_eq!(info.kind, InodeKind::Directory, "{at}");
            assert_eq!(info.explicit, *explicit, "{at}: explicit");
        }
    }
}

/// Every object by its key, and the flat listing.
fn objects(bucket: &Bucket, reference: &RefBucket, at: &str) {
    let keys = reference.keys();
    let page = list(bucket, b"", b"", b"", usize::MAX - 1).0;
    let listed: Vec<Vec<u8>> = page.iter().map(|item| item.key().to_vec()).collect();
    let expected: Vec<Vec<u8>> = keys.keys().cloned().collect();
    assert_eq!(listed, expected, "{at}: keys");
    for (key, id) in &keys {
        let content = reference.content(*id);
        let head = block_on(bucket.head(key)).unwrap().found.unwrap();
        assert_eq!(head.info.size, content.len() as u64, "{at}: {key:?}");
        assert_eq!(
            head.info.entity_tag, reference.nodes[id].tag,
            "{at}: {key:?}"
        );
        let reader = block_on(bucket.get(key)).unwrap().found.unwrap();
        let read = block_on(reader.read(0, content.len())).unwrap();
        assert!(read == *content, "{at}: object {key:?}");
        block_on(reader.close()).unwrap();
    }
}

type Page = (Vec<ListItem>, bool);

fn list(bucket: &Bucket, prefix: &[u8], delimiter: &[u8], after: &[u8], max: usize) -> Page {
    let options = ListOptions {
        prefix,
        delimiter,
        start_after: after,
        max,
    };
    let page = block_on(bucket.list(&options)).unwrap();
    (page.items, page.truncated)
}

/// Listings with prefixes and delimiters, page by page, computed from the keys.
fn pages(bucket: &Bucket, reference: &RefBucket, at: &str) {
    let keys = reference.keys();
    let prefixes: [&[u8]; 6] = [b"", b"a", b"a/", b"b/c", b"a/b/", b"c-"];
    let delimiters: [&[u8]; 5] = [b"/", b"", b"-", b"b/", b"//"];
    for prefix in prefixes {
        for delimiter in delimiters {
            let mut expected: Vec<Vec<u8>> = Vec::new();
            for key in keys.keys().filter(|key| key.starts_with(prefix)) {
                let rest = &key[prefix.len()..];
                let found = (!delimiter.is_empty())
                    .then(|| rest.windows(delimiter.len()).position(|w| w == delimiter))
                    .flatten();
                let item = match found {
                    Some(position) => key[..prefix.len() + position + delimiter.len()].to_vec(),
                    None => key.clone(),
                };
                if expected.last() != Some(&item) {
                    expected.push(item);
                }
            }
            let mut seen: Vec<Vec<u8>> = Vec::new();
            loop {
                let after = seen.last().cloned().unwrap_or_default();
                let (items, truncated) = list(bucket, prefix, delimiter, &after, 2);
                assert!(items.len() <= 2, "{at}: a page is too long");
                seen.extend(items.iter().map(|item| item.key().to_vec()));
                if !truncated {
                    break;
                }
            }
            assert_eq!(seen, expected, "{at}: list {prefix:?} by {delimiter:?}");
        }
    }
    for after in keys.keys().take(5) {
        let (items, _) = list(bucket, b"", b"", after, usize::MAX - 1);
        let expected = keys.keys().filter(|key| *key > after).count();
        assert_eq!(items.len(), expected, "{at}: after {after:?}");
    }
}

/// Removes everything: what no key can reach is renamed, then objects go by their keys, then the
/// rest through the mount.
///
/// # Panics
/// If something cannot be removed.
pub fn remove_all(bucket: &Bucket) {
    let mut count = 0;
    loop {
        make_reachable(bucket, &bucket.root(), &mut count);
        if !make_mountable(bucket, &mut count) {
            break;
        }
    }
    let keys = list(bucket, b"", b"", b"", usize::MAX - 1).0;
    for key in keys.iter().map(ListItem::key).rev() {
        let removed = block_on(bucket.remove(key, None, Ack::Written));
        assert!(removed.unwrap().existed, "{key:?}");
    }
    clear(bucket, &bucket.root());
}

/// Gives directories that the mount cannot name others, by their keys: they may hold what only the
/// mount can remove.
/// `false`: there are none.
fn make_mountable(bucket: &Bucket, count: &mut u32) -> bool {
    let mut any = false;
    loop {
        let keys = list(bucket, b"", b"", b"", usize::MAX - 1).0;
        let Some(from) = keys.iter().find_map(|item| unmountable(item.key())) else {
            return any;
        };
        any = true;
        *count += 1;
        let to = format!("moved {count}/").into_bytes();
        let any = RenamePreconditions::default();
        let moved = bucket.rename_object(from, &to, OWNER, any, Ack::Written);
        block_on(moved).unwrap();
    }
}

/// The first directory on the way of a key whose name the mount cannot show.
fn unmountable(key: &[u8]) -> Option<&[u8]> {
    let slashes = (0..key.len()).filter(|at| key[*at] == b'/');
    let mut start = 0;
    for at in slashes {
        if !is_mountable(&key[start..at]) {
            return Some(&key[..=at]);
        }
        start = at + 1;
    }
    None
}

/// Gives entries whose names are not UTF-8 others, so that what is below them has keys.
fn make_reachable(bucket: &Bucket, node: &Node, count: &mut u32) {
    let mut stream = bucket.read_directory(node).unwrap();
    for entry in block_on(stream.read(0, usize::MAX)).unwrap() {
        let mut name = entry.name;
        if std::str::from_utf8(&name).is_err() {
            *count += 1;
            let new = format!("renamed {count}").into_bytes();
            let renamed = bucket.rename(
                (node, &name),
                (node, &new),
                RenameHow::NoReplace,
                Ack::Written,
            );
            block_on(renamed).unwrap();
            name = new;
        }
        if entry.kind == InodeKind::Directory {
            let (below, _) = block_on(bucket.lookup(node, &name)).unwrap();
            make_reachable(bucket, &below, count);
        }
    }
}

fn clear(bucket: &Bucket, node: &Node) {
    let mut stream = bucket.read_directory(node).unwrap();
    let mut cookie = 0;
    // Reading on from entries that were removed meanwhile.
    loop {
        let entries = block_on(stream.read(cookie, 2)).unwrap();
        if entries.is_empty() {
            return;
        }
        for entry in entries {
            cookie = entry.cookie;
            if entry.kind == InodeKind::Directory {
                let (below, _) = block_on(bucket.lookup(node, &entry.name)).unwrap();
                clear(bucket, &below);
                block_on(bucket.rmdir(node, &entry.name, Ack::Written)).unwrap();
            } else {
                block_on(bucket.unlink(node, &entry.name, Ack::Written)).unwrap();
            }
        }
    }
}
