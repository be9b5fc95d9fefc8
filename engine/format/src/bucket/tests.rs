use super::{
    BucketKey, Charge, Cleanup, DirectoryState, EntryRecord, Held, Inode, InodeId, InodeKind,
    InodeNumbers, PartRecord, Piece, Quota, QuotaState, Shared, SharedKey, Touch, UploadRecord,
    Usage, counted,
};
use engine_base::SegmentId;

use crate::testing::{notices_every_flipped_bit, refused, refuses_every_truncation, unhex};
use crate::{Unit, samples};

const INODE: &str = concat!(
    "01 01 02 01 ed09 0000 0807060504030201 14131211 24232221 34333231 44434241",
    "5857565554535251 6867666564636261 7877767574737201 8887868584838201",
    "9897969594939201 a8a7a6a5a4a3a201 b8b7b6b5b4b3b2b1",
    "0100 0300 746167 0200 0300 73756d 0300 0400 01 61 3132 0300 0200 01 62",
);
const STATE: &str = concat!(
    "01 00000000000000 0807060504030201 1817161514131211 2827262524232221",
    "3837363534333231 4847464544434241",
);
const TOUCH: &str = "03 000000 0807060504030201 feffffffffffffff fdffffff 04000000 05000000";
const LINK: &str = "01 02 03 0807060504030201";
const UPLOAD: &str = "01 00 0300 0807060504030201 6b6579";
const PART: &str = concat!(
    "01 03 000000000000 1817161514131211 2827262524232221 3837363534333231",
    "746167 73756d73",
);

fn id() -> InodeId {
    samples::inode_id(0x0102_0304_0506_0708)
}

#[test]
fn golden_bytes() {
    assert_eq!(samples::inode().encode(), unhex(INODE));
    assert_eq!(Inode::decode(&unhex(INODE)), Ok(samples::inode()));
    assert_eq!(samples::directory_state().encode()[..], unhex(STATE));
    assert_eq!(samples::touch().encode()[..], unhex(TOUCH));
    let link = EntryRecord::Link(id(), InodeKind::Symlink);
    assert_eq!(link.encode(), unhex(LINK));
    assert_eq!(EntryRecord::decode(&unhex(LINK)), Ok(link));
    let inline = EntryRecord::Inline(samples::inode());
    assert_eq!(inline.encode(), [&[1, 1][..], &unhex(INODE)].concat());
    assert_eq!(EntryRecord::decode(&inline.encode()), Ok(inline));
    let upload = [unhex(UPLOAD), unhex(INODE)].concat();
    assert_eq!(samples::upload_record().encode(), upload);
    assert_eq!(UploadRecord::decode(&upload), Ok(samples::upload_record()));
    assert_eq!(samples::part_record().encode(), unhex(PART));
    assert_eq!(PartRecord::decode(&unhex(PART)), Ok(samples::part_record()));
    let small = |form: u8| [&[1, form][..], &[0; 14]].concat();
    assert_eq!(
        (Held::Staged.encode(), Held::Orphan.encode()),
        (small(1), small(2))
    );
    assert_eq!(Held::Map.encode(), small(3));
    assert_eq!(
        (Cleanup::All.encode(), Cleanup::Pieces.encode()),
        (small(1), small(3))
    );
    let tail = unhex("01 02 000000000000 0807060504030201");
    assert_eq!(Cleanup::Tail(id().get()).encode(), tail);
    let piece = unhex("01 00 000000000000 0807060504030201");
    assert_eq!(Piece { content: id() }.encode(), piece);
    assert_eq!(InodeNumbers { next: id().get() }.encode(), piece);
    let shared = unhex("01 00 000000000000 3402010000000000");
    let record = Shared {
        bytes: 0x1_0234,
        part: None,
    };
    assert_eq!(record.encode(), shared);
    assert_eq!(Shared::decode(&shared), Ok(record));
    let too_long = unhex("01 00 000000000000 0100100000000000");
    assert_eq!(refused(Shared::decode(&too_long)), "bytes");
    let part = unhex("01 01 0010 ffff 8813 3402000000000000");
    let record = Shared {
        bytes: 0x234,
        part: Some((Unit::new("test", 65_536, 5000).unwrap(), 4096)),
    };
    assert_eq!(record.encode(), part);
    assert_eq!(Shared::decode(&part), Ok(record));
    let wrong = |hex: &str| refused(Shared::decode(&unhex(hex)));
    assert_eq!(wrong("01 00 0010 ffff 8813 3402000000000000"), "reserved");
    assert_eq!(wrong("01 02 0010 ffff 8813 3402000000000000"), "form");
    assert_eq!(wrong("01 01 cdfd ffff 8813 3402000000000000"), "from");
    assert_eq!(wrong("01 01 0010 ffff 0000 3402000000000000"), "stored");
    let key = "0b 0000000000000009 00001234 0102030405060708 0000000000005678";
    assert_eq!(BucketKey::Shared(shared_key()).encode(), unhex(key));
    for length in 1..28 {
        let cut = unhex(key)[..length].to_vec();
        assert_eq!(refused(BucketKey::decode(&cut)), "truncated");
    }
}

fn shared_key() -> SharedKey {
    SharedKey {
        segment: SegmentId::new(9).unwrap(),
        position: 0x1234,
        content: id(),
        offset: 0x5678,
    }
}

#[test]
fn every_flipped_bit_is_noticed_and_every_truncation_is_refused() {
    notices_every_flipped_bit(&unhex(INODE), Inode::decode);
    notices_every_flipped_bit(&unhex(STATE), DirectoryState::decode);
    notices_every_flipped_bit(&unhex(TOUCH), Touch::decode);
    notices_every_flipped_bit(&unhex(LINK), EntryRecord::decode);
    notices_every_flipped_bit(&unhex(PART), PartRecord::decode);
    refuses_every_truncation(&unhex(STATE), DirectoryState::decode);
    refuses_every_truncation(&unhex(TOUCH), Touch::decode);
    refuses_every_truncation(&unhex(LINK), EntryRecord::decode);
    for length in 0..88 {
        assert_eq!(refused(Inode::decode(&unhex(INODE)[..length])), "truncated");
    }
}

#[test]
fn what_no_writer_makes_is_refused() {
    let wrong = |at: usize, with: &[u8]| {
        let mut bytes = unhex(INODE);
        bytes[at..at + with.len()].copy_from_slice(with);
        refused(Inode::decode(&bytes))
    };
    assert_eq!(wrong(0, &[2]), "version");
    assert_eq!(wrong(1, &[0]), "kind");
    assert_eq!(wrong(1, &[8]), "kind");
    assert_eq!(wrong(2, &[4]), "content");
    assert_eq!(wrong(3, &[2]), "flags");
    assert_eq!(wrong(5, &[0x10]), "mode");
    assert_eq!(wrong(6, &[1]), "reserved");
    assert_eq!(wrong(8, &[0; 8]), "id");
    // Out of order, critical and unknown, a name that ends behind the field.
    assert_eq!(wrong(88, &[4]), "tag");
    assert_eq!(wrong(111, &[0x80]), "tag");
    assert_eq!(wrong(106, &[9]), "truncated");
    assert_eq!(refused(EntryRecord::decode(&unhex("01 03 00"))), "form");
    assert_eq!(
        refused(EntryRecord::decode(&unhex("01 02 02 0100000000000000"))),
        "kind"
    );
}

#[test]
fn what_is_not_critical_is_kept() {
    let mut bytes = unhex(INODE);
    bytes.extend_from_slice(&unhex("0900 0200 aabb"));
    let inode = Inode::decode(&bytes).unwrap();
    assert_eq!(inode.encode(), bytes);
    assert_eq!(inode.fields.bytes(), bytes.len() - 88);
}

#[test]
fn keys_are_read_as_they_are_written() {
    let id = samples::inode_id(7);
    let upload = [9; 16];
    let all = [
        BucketKey::NextInode,
        BucketKey::Entry(id, b"name/"),
        BucketKey::Inode(id),
        BucketKey::Extent(id, 0x1234),
        BucketKey::Small(id),
        BucketKey::Attribute(id, b"user.a"),
        BucketKey::Directory(id),
        BucketKey::Upload(upload),
        BucketKey::Part(upload, 77),
        BucketKey::Held(id),
        BucketKey::Cleanup(id),
        BucketKey::Piece(id, 5),
        BucketKey::Shared(shared_key()),
    ];
    let encoded: Vec<Vec<u8>> = all.iter().map(BucketKey::encode).collect();
    assert!(encoded.is_sorted());
    for (key, bytes) in all.iter().zip(&encoded) {
        assert_eq!(BucketKey::decode(bytes), Ok(*key));
    }
    assert!(encoded[3].starts_with(&BucketKey::extents(id)));
    assert_eq!(refused(BucketKey::decode(&[0x0e, 0])), "kind");
    assert_eq!(
        refused(BucketKey::decode(&[2, 0, 0, 0, 0, 0, 0, 0, 0])),
        "inode"
    );
    assert_eq!(refused(BucketKey::decode(&[])), "truncated");
}

#[test]
fn touches_merge_in_order() {
    let state = DirectoryState::default();
    let one = Touch {
        modified: Some(5),
        changed: None,
        entries: 2,
        directories: 1,
        keys: 1,
    };
    let two = Touch {
        changed: Some(3),
        entries: -1,
        keys: -9,
        ..Touch::default()
    };
    let merged = state.merged(&one).merged(&two);
    let expected = DirectoryState {
        modified: 5,
        changed: 3,
        entries: 1,
        directories: 1,
        keys: 0,
    };
    assert_eq!(merged, expected);
}

const QUOTA: &str = concat!(
    "01 02 000000000000 1817161514131211 2827262524232221 0807060504030201",
    "0900000000000000",
);
const USAGE: &str = "01 00000000000000 1817161514131211 2827262524232221";

#[test]
fn quotas_and_what_counts_for_them() {
    let quota = Quota {
        directory: samples::inode_id(9),
        bytes: Some(0x1112_1314_1516_1718),
        inodes: Some(0x2122_2324_2526_2728),
        state: QuotaState::Beginning(Some(id())),
    };
    assert_eq!(quota.encode()[..], unhex(QUOTA));
    assert_eq!(Quota::decode(&unhex(QUOTA)), Ok(quota));
    let none = Quota {
        directory: samples::inode_id(9),
        bytes: None,
        inodes: None,
        state: QuotaState::Whole,
    };
    assert_eq!(Quota::decode(&none.encode()), Ok(none));
    let mut wrong = none.encode();
    wrong[1] = 4;
    assert_eq!(refused(Quota::decode(&wrong)), "state");
    wrong[1] = 1;
    wrong[24] = 1;
    assert_eq!(refused(Quota::decode(&wrong)), "state");
    let usage = Usage {
        bytes: 0x1112_1314_1516_1718,
        inodes: 0x2122_2324_2526_2728,
    };
    assert_eq!(usage.encode()[..], unhex(USAGE));
    assert_eq!(Usage::decode(&unhex(USAGE)), Ok(usage));
    notices_every_flipped_bit(&unhex(QUOTA), Quota::decode);
    notices_every_flipped_bit(&unhex(USAGE), Usage::decode);
    refuses_every_truncation(&unhex(QUOTA), Quota::decode);
    refuses_every_truncation(&unhex(USAGE), Usage::decode);
    let charge = Charge {
        bytes: -1,
        inodes: 1,
    };
    let more = Usage::default().merged(&charge);
    assert_eq!(
        more,
        Usage {
            bytes: 0,
            inodes: 1
        }
    );
    for key in [BucketKey::Quota(id()), BucketKey::Usage(id())] {
        assert_eq!(BucketKey::decode(&key.encode()), Ok(key));
    }
}

#[test]
fn a_record_counts_for_the_project_of_its_inode() {
    let mut inode = samples::inode();
    let key = BucketKey::Inode(inode.id);
    assert_eq!(counted(&key, &inode.encode()), Ok(None));
    inode.fields.project = Some(id());
    let encoded = inode.encode();
    let field = unhex("0580 0800 0807060504030201");
    assert!(encoded.ends_with(&field));
    assert_eq!(Inode::decode(&encoded), Ok(inode.clone()));
    let usage = |inodes| {
        let bytes = inode.allocated;
        Ok(Some((id(), Usage { bytes, inodes })))
    };
    assert_eq!(counted(&key, &encoded), usage(1));
    let entry = EntryRecord::Inline(inode.clone()).encode();
    assert_eq!(counted(&BucketKey::Entry(id(), b"a"), &entry), usage(1));
    let link = EntryRecord::Link(id(), InodeKind::File).encode();
    assert_eq!(counted(&BucketKey::Entry(id(), b"a"), &link), Ok(None));
    let upload = UploadRecord {
        inode: inode.clone(),
        ..samples::upload_record()
    };
    let key = BucketKey::Upload([1; 16]);
    assert_eq!(counted(&key, &upload.encode()), usage(0));
    let cut = &encoded[..encoded.len() - 1];
    assert_eq!(refused(Inode::decode(cut)), "truncated");
}
