//! Values of the trees.

use super::*;
use crate::{SealingSession, Unit, WrappedKey, data_key_key, decompress_unit, session_key};

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
    sealing(data);
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

/// What the pool's tree keeps of keys.
fn sealing(data: &[u8]) {
    if let Ok(wrapped) = WrappedKey::decode(data) {
        assert_eq!(wrapped.encode()[..], *data);
    }
    if let Ok(session) = SealingSession::decode(data) {
        assert_eq!(session.encode()[..], *data);
    }
}

/// Keys of the pool's tree and of the roots tree.
pub fn tree_key(data: &[u8]) {
    match PoolKey::decode(data) {
        Ok(PoolKey::Dataset(id)) => assert_eq!(dataset_key(id)[..], *data),
        Ok(PoolKey::DataKey(family)) => assert_eq!(data_key_key(family), data),
        Ok(PoolKey::Session(session)) => assert_eq!(session_key(session), data),
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

/// Compressed units: two lengths, then what is stored.
pub fn unit(data: &[u8]) {
    let Some(([bytes @ .., first, second], stored)) = data.split_first_chunk::<4>() else {
        return;
    };
    let bytes = u32::from(u16::from_le_bytes(*bytes)) + 1;
    let length = u16::from_le_bytes([*first, *second]);
    for unit in [bytes, bytes - 1].map(|bytes| Unit::new("unit", bytes, length.into())) {
        let Ok(unit) = unit else { continue };
        let mut whole = vec![0; engine_base::to_usize(unit.bytes().into())];
        let _ = decompress_unit(&unit, stored, &mut whole);
    }
}

pub(super) fn sample_extent() -> Vec<u8> {
    ExtentBuf::new(&samples::extent()).as_bytes().to_vec()
}

/// Lengths of 20,000 and what it is compressed to, then that.
pub(super) fn sample_unit() -> Vec<u8> {
    let bytes: Vec<u8> = (0..20_000u32)
        .flat_map(|at| (at / 3).to_le_bytes())
        .collect();
    let lengths = 20_000u16.to_le_bytes();
    let bytes = bytes.get(..20_000).unwrap_or_default();
    let sample = crate::compress_unit(bytes, |unit, stored| {
        [&lengths[..], &unit.stored().to_le_bytes(), stored].concat()
    });
    sample.expect("it compresses")
}
