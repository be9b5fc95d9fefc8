use std::time::{Duration, UNIX_EPOCH};

use engine_device::PageBuf;
use fuser::{Errno, FileHandle, FileType, FopenFlags, INodeNo};
use zerocopy::FromBytes;

use super::{Listed, Reply, encode, moment};
use crate::attr::absent_attr;
use crate::door::{Answer, Given};
use crate::held::Fresh;
use crate::limits::LIFETIME;
use crate::listing::{Entries, Names};
use crate::protocol::wire;
use crate::xattr::Value;

/// The header and the payload of an answer.
fn answered(answer: Answer<Reply>) -> (wire::OutHeader, Vec<u8>) {
    let mut payload = vec![0xa5; 4096];
    let (header, bytes) = encode(7, answer, &mut payload);
    payload.truncate(bytes);
    (wire::OutHeader::read_from_bytes(&header).unwrap(), payload)
}

fn structure<T: FromBytes>(reply: Reply) -> T {
    let (header, payload) = answered(Ok(reply));
    assert_eq!((header.error, header.unique), (0, 7));
    assert_eq!(header.len as usize, 16 + payload.len());
    T::read_from_bytes(&payload).unwrap()
}

fn given(entry: bool, attributes: bool) -> Given {
    let mut attr = absent_attr();
    attr.ino = INodeNo(9);
    attr.kind = FileType::Directory;
    attr.perm = 0o750;
    attr.size = 11;
    attr.mtime = UNIX_EPOCH - Duration::new(1, 500_000_000);
    Given {
        attr,
        fresh: Fresh { entry, attributes },
        is_kept: true,
    }
}

#[test]
fn errors_are_negative_and_nothing_else() {
    let (header, payload) = answered(Err(Errno::ENOENT));
    assert_eq!((header.error, header.unique, header.len), (-2, 7, 16));
    assert!(payload.is_empty());
}

#[test]
fn entries_say_for_how_long_they_may_be_used() {
    let entry: wire::EntryOut = structure(Reply::Entry(given(true, false)));
    assert_eq!((entry.node, entry.attr.node, entry.attr.size), (9, 9, 11));
    assert_eq!(entry.attr.mode, 0o040_750);
    assert_eq!(
        (entry.entry_valid, entry.attr_valid),
        (LIFETIME.as_secs(), 0)
    );
    // Half a second behind second -2.
    assert_eq!(
        (entry.attr.modified, entry.attr.modified_nanos),
        (-2, 500_000_000)
    );
    let attr: wire::AttrOut = structure(Reply::Attributes(given(true, true).attr, true));
    assert_eq!((attr.valid, attr.attr.size), (LIFETIME.as_secs(), 11));
    // One lifetime for both: the shorter.
    let opened = (FileHandle(5), FopenFlags::FOPEN_KEEP_CACHE);
    let created: wire::CreateOut = structure(Reply::Created(given(true, false), opened));
    assert_eq!(
        (created.entry.entry_valid, created.entry.attr_valid),
        (0, 0)
    );
    assert_eq!((created.open.handle, created.open.flags), (5, 2));
}

#[test]
fn numbers_and_bytes() {
    let open: wire::OpenOut = structure(Reply::Opened(FileHandle(5), FopenFlags::empty()));
    assert_eq!((open.handle, open.flags), (5, 0));
    assert_eq!(structure::<wire::WriteOut>(Reply::Written(3)).bytes, 3);
    assert_eq!(structure::<wire::LseekOut>(Reply::Found(-3)).at, -3);
    assert_eq!(
        structure::<wire::GetxattrOut>(Reply::Value(Value::Size(3))).bytes,
        3
    );
    assert_eq!(answered(Ok(Reply::Empty)).1, b"");
    assert_eq!(answered(Ok(Reply::Bytes(b"to".to_vec()))).1, b"to");
    assert_eq!(
        answered(Ok(Reply::Value(Value::Bytes(b"v".to_vec())))).1,
        b"v"
    );
    assert_eq!(
        answered(Ok(Reply::Pages(PageBuf::copy_of(b"page")))).1,
        b"page"
    );
}

#[test]
fn what_does_not_fit_is_an_error() {
    let (header, payload) = answered(Ok(Reply::Bytes(vec![1; 4097])));
    assert_eq!((header.error, header.len), (-5, 16));
    assert!(payload.is_empty());
}

#[test]
fn listings_are_full_at_their_room() {
    let mut listed = Listed::new(32 + 24);
    let add =
        |listed: &mut Listed, name| Names::add(listed, INodeNo(3), 4, FileType::Symlink, name);
    assert!(!add(&mut listed, b"abc"));
    assert!(add(&mut listed, b"d"));
    assert!(!add(&mut listed, b""));
    let (_, bytes) = answered(Ok(Reply::Listed(listed)));
    let (entry, rest) = wire::Dirent::read_from_prefix(&bytes).unwrap();
    assert_eq!(
        (entry.node, entry.behind, entry.name_bytes, entry.kind),
        (3, 4, 3, 10)
    );
    assert_eq!(rest[..8], *b"abc\0\0\0\0\0");
    let mut listed = Listed::new(160);
    assert!(!Entries::add(
        &mut listed,
        4,
        b"12345678",
        &given(true, true).attr,
        LIFETIME
    ));
    assert!(Entries::add(
        &mut listed,
        4,
        b"",
        &given(true, true).attr,
        LIFETIME
    ));
    let (_, bytes) = answered(Ok(Reply::Listed(listed)));
    let (entry, name) = wire::Direntplus::read_from_prefix(&bytes).unwrap();
    assert_eq!(
        (entry.entry.node, entry.dirent.node, entry.dirent.kind),
        (9, 9, 4)
    );
    assert_eq!(entry.entry.attr_valid, LIFETIME.as_secs());
    assert_eq!(name, b"12345678");
}

#[test]
fn times_before_1970_count_forwards() {
    assert_eq!(moment(UNIX_EPOCH), (0, 0));
    assert_eq!(moment(UNIX_EPOCH - Duration::from_secs(3)), (-3, 0));
    assert_eq!(
        moment(UNIX_EPOCH - Duration::from_nanos(1)),
        (-1, 999_999_999)
    );
}
