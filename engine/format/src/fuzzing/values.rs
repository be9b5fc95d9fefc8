//! Values of the trees.

use super::*;

/// Values of extents, also what is cut out of a valid one.
pub fn extent(data: &[u8]) {
    let Ok(extent) = ExtentRef::decode(data) else {
        return;
    };
    assert_eq!(ExtentBuf::new(&extent).as_bytes(), data);
    let bytes = extent.bytes();
    for from in [0, 1, 4095, 4096, bytes / 2, bytes - 1] {
        if from < bytes {
            let part = ExtentBuf::new(&extent.cut(from, bytes - from));
            assert_eq!(part.extent().bytes(), bytes - from);
        }
    }
}

/// Pages of the segment table.
pub fn segment_table(data: &[u8]) {
    let mut bytes = sized(data);
    let checkpoint = samples::segment_table().checkpoint;
    let check = |bytes: &[u8; PAGE_BYTES]| {
        if let Ok(page) = SegmentTablePage::decode(bytes, checkpoint) {
            assert_eq!(page.encode(), *bytes);
        }
    };
    check(&bytes);
    overwrite(&mut bytes, 0, b"TSGT");
    overwrite(&mut bytes, 8, &checkpoint.get().to_le_bytes());
    check(&bytes);
}

/// Dataset records.
pub fn dataset_record(data: &[u8]) {
    if let Ok(record) = DatasetRecord::decode(data) {
        assert_eq!(record.encode(), data);
    }
}

/// Values of the roots tree.
pub fn roots_record(data: &[u8]) {
    if let Ok(record) = RootsRecord::decode(data) {
        assert_eq!(record.encode()[..], *data);
    }
}

/// What scrubbing keeps.
pub fn scrub(data: &[u8]) {
    if let Ok(record) = ScrubRecord::decode(data) {
        assert_eq!(record.encode(), data);
    }
    if let Ok(list) = LostRange::decode_list(data) {
        assert_eq!(LostRange::encode_list(&list), data);
    }
}

pub(super) fn sample_scrub() -> Vec<u8> {
    let record = ScrubRecord {
        pass: 3,
        dataset: 16,
        key: vec![1; 9],
        ..ScrubRecord::default()
    };
    record.encode()
}

/// Redirects of packed segments.
pub fn redirect(data: &[u8]) {
    if let Ok(redirect) = Redirect::decode(data) {
        assert_eq!(redirect.encode(), data);
        let again = Redirect::new(redirect.survivors());
        assert_eq!(again.as_ref(), Some(&redirect));
        for (block, at) in redirect.survivors() {
            assert_eq!(redirect.locate(block), Some(at));
        }
    }
}

/// Keys of the pool's tree and of the roots tree.
pub fn tree_key(data: &[u8]) {
    match PoolKey::decode(data) {
        Ok(PoolKey::Dataset(id)) => assert_eq!(dataset_key(id)[..], *data),
        Ok(PoolKey::Setting(name)) => assert_eq!(setting_key(name), data),
        Err(_) => {}
    }
    match RootsKey::decode(data) {
        Ok(RootsKey::Dataset(id)) => assert_eq!(roots_key(id)[..], *data),
        Ok(RootsKey::Redirect { segment, stretch }) => {
            assert_eq!(redirect_key(segment, stretch), data);
        }
        Err(_) => {}
    }
}

pub(super) fn sample_key() -> Vec<u8> {
    redirect_key(samples::segment_header().segment, 3)
}

/// Pointers to pages.
pub fn page_pointer(data: &[u8]) {
    if let Ok(pointer) = PagePointer::decode(data) {
        assert_eq!(pointer.encode()[..], *data);
        assert!((1..=3).contains(&pointer.parts().count()));
    }
    if let Ok(pointer) = PagePointer::decode_option(data) {
        assert_eq!(PagePointer::encode_option(&pointer)[..], *data);
    }
}
