//! Pages and deltas.

use engine_base::limits::PAGE_BYTES;
use engine_base::{Checksum, DatasetId, to_u32};

use super::{overwrite, sized};
use crate::{DeltaBuilder, DeltaPointer, DeltaRef, Page, PagePointer, samples};

fn pointer_to(bytes: &[u8]) -> PagePointer {
    let checksum = Checksum::new(crc32c::crc32c(bytes));
    PagePointer {
        base: samples::place(1, 4096),
        checksum,
        copy: None,
        delta: None,
    }
}

/// Pages, also what a valid one does when it is used.
pub fn page(data: &[u8]) {
    assert!(data.len() == PAGE_BYTES || Page::verify(data, &pointer_to(data), TREE).is_err());
    let mut bytes: [u8; PAGE_BYTES] = sized(data);
    overwrite(&mut bytes, 0, b"TPAG");
    overwrite(&mut bytes, 8, &TREE.get().to_le_bytes());
    let Ok(mut page) = Page::verify(&bytes, &pointer_to(&bytes), TREE) else {
        return;
    };
    assert_eq!(*page.bytes(), bytes);
    let mut key = Vec::new();
    for index in 0..page.count() {
        key.clear();
        page.append_key(index, &mut key);
        assert_eq!(page.search(&key), Ok(index));
        assert!(page.value(index).len() < PAGE_BYTES);
    }
    if page.level() == 0 {
        while page.count() > 0 {
            page.remove(page.count() / 2);
        }
        let bytes = page.bytes();
        assert!(Page::verify(bytes, &pointer_to(bytes), TREE).is_ok());
    }
}

const TREE: DatasetId = samples::TREE;

/// Deltas.
pub fn delta(data: &[u8]) {
    let mut bytes = data.to_vec();
    overwrite(&mut bytes, 0, b"TDLT");
    overwrite(&mut bytes, 8, &TREE.get().to_le_bytes());
    overwrite(&mut bytes, 16, &to_u32(data.len()).to_le_bytes());
    let base = bytes
        .get(4..8)
        .and_then(|base| base.try_into().ok())
        .unwrap_or([0; 4]);
    for bytes in [data, &bytes] {
        let delta = DeltaPointer {
            location: samples::place(1, 4096),
            bytes: to_u32(bytes.len()),
            checksum: Checksum::new(crc32c::crc32c(bytes)),
        };
        let checksum = Checksum::new(u32::from_le_bytes(base));
        let pointer = PagePointer {
            checksum,
            delta: Some(delta),
            ..pointer_to(&[])
        };
        let Ok(verified) = DeltaRef::verify(bytes, &pointer, TREE) else {
            continue;
        };
        let mut builder = DeltaBuilder::default();
        builder.start(TREE, checksum);
        verified.changes().for_each(|change| builder.push(change));
        assert_eq!(verified.changes().count(), verified.count());
        if bytes.len() <= crate::DELTA_BYTES_MAX {
            assert_eq!(builder.finish(), (bytes, delta.checksum));
        }
    }
}
