//! Of what buckets keep.

use super::*;
#[cfg(test)]
use crate::{PartRecord, Touch};

pub(crate) fn inode_id(number: u64) -> InodeId {
    InodeId::new(number).expect("samples have no inode 0")
}

#[cfg(test)]
pub(crate) fn touch() -> Touch {
    Touch {
        modified: Some(0x0102_0304_0506_0708),
        changed: Some(-2),
        entries: -3,
        directories: 4,
        keys: 5,
    }
}

pub(crate) fn directory_state() -> DirectoryState {
    DirectoryState {
        modified: 0x0102_0304_0506_0708,
        changed: 0x1112_1314_1516_1718,
        entries: 0x2122_2324_2526_2728,
        directories: 0x3132_3334_3536_3738,
        keys: 0x4142_4344_4546_4748,
    }
}

pub(crate) fn inode() -> Inode {
    let mut fields = InodeFields {
        entity_tag: Some(b"tag".to_vec()),
        checksums: Some(b"sum".to_vec()),
        ..InodeFields::default()
    };
    fields.attributes.insert(b"a".to_vec(), b"12".to_vec());
    fields.attributes.insert(b"b".to_vec(), Vec::new());
    Inode {
        id: inode_id(0x0102_0304_0506_0708),
        kind: InodeKind::File,
        content: ContentForm::Extents,
        explicit: true,
        mode: 0o4755,
        uid: 0x1112_1314,
        gid: 0x2122_2324,
        links: 0x3132_3334,
        device: 0x4142_4344,
        size: 0x5152_5354_5556_5758,
        allocated: 0x6162_6364_6566_6768,
        accessed: 0x0172_7374_7576_7778,
        modified: 0x0182_8384_8586_8788,
        changed: 0x0192_9394_9596_9798,
        created: 0x01a2_a3a4_a5a6_a7a8,
        changes: 0xb1b2_b3b4_b5b6_b7b8,
        fields,
    }
}

pub(crate) fn upload_record() -> UploadRecord {
    UploadRecord {
        created: 0x0102_0304_0506_0708,
        key: b"key".to_vec(),
        inode: inode(),
    }
}

#[cfg(test)]
pub(crate) fn part_record() -> PartRecord {
    PartRecord {
        content: inode_id(0x1112_1314_1516_1718),
        size: 0x2122_2324_2526_2728,
        modified: 0x3132_3334_3536_3738,
        entity_tag: b"tag".to_vec(),
        checksums: b"sums".to_vec(),
    }
}
