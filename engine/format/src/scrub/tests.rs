use engine_base::SegmentId;

use super::*;
use crate::testing::{notices_every_flipped_bit, refused, refuses_every_truncation, unhex};

const GOLDEN: &str = concat!(
    "01 01 0300 00000000 0300000000000000 0400000000000000 0500000000000000 0600000000000000",
    "0700000000000000 0800000000000000 0900000000000000 0a00000000000000 1100000000000000 6b6579",
);
const LIST: &str = concat!(
    "01 00000000000000",
    "1000000000000000 0700000000000000 0010000000000000 0020000000000000 0200000000000000",
    "0100000000000000 00300000 01 000000",
    "1000000000000000 0000000000000000 0010000000000000 0020000000000000 0200000000000000",
    "0100000000000000 00300000 02 000000",
);

fn record() -> ScrubRecord {
    ScrubRecord {
        pass: 3,
        is_running: true,
        began: 4,
        whole_began: 5,
        whole_ended: 6,
        verified: 7,
        found: 8,
        repaired: 9,
        left_out: 10,
        dataset: 17,
        key: b"key".to_vec(),
    }
}

fn lost(part: LostPart, content: u64) -> LostRange {
    LostRange {
        part,
        dataset: DatasetId::new(16),
        content: InodeId::new(content),
        offset: 4096,
        bytes: 8192,
        location: Location {
            segment: SegmentId::FIRST,
            offset: 12_288,
        },
        pass: 2,
    }
}

#[test]
fn golden_bytes() {
    assert_eq!(record().encode(), unhex(GOLDEN));
    assert_eq!(ScrubRecord::decode(&unhex(GOLDEN)), Ok(record()));
    let list = [lost(LostPart::Data, 7), lost(LostPart::Index, 0)];
    assert_eq!(LostRange::encode_list(&list), unhex(LIST));
    assert_eq!(LostRange::decode_list(&unhex(LIST)), Ok(list.to_vec()));
    let fresh = ScrubRecord::default();
    assert_eq!(ScrubRecord::decode(&fresh.encode()), Ok(fresh));
}

#[test]
fn every_flipped_bit_is_noticed_and_other_lengths_are_refused() {
    notices_every_flipped_bit(&unhex(GOLDEN), ScrubRecord::decode);
    refuses_every_truncation(&unhex(GOLDEN), ScrubRecord::decode);
    notices_every_flipped_bit(&unhex(LIST), LostRange::decode_list);
    let cut = unhex(LIST);
    assert_eq!(refused(LostRange::decode_list(&cut[..63])), "truncated");
    assert_eq!(refused(LostRange::decode_list(&cut[..7])), "truncated");
}

#[test]
fn a_list_and_a_state_fit_a_setting() {
    let full = vec![lost(LostPart::Header, 1); LOST_RANGES_MAX];
    let bytes = LostRange::encode_list(&full);
    assert!(bytes.len() <= SETTING_BYTES_MAX);
    assert_eq!(LostRange::decode_list(&bytes), Ok(full));
    let longest = ScrubRecord {
        key: vec![7; KEY_BYTES_MAX],
        ..record()
    };
    assert!(longest.encode().len() <= SETTING_BYTES_MAX);
    assert_eq!(ScrubRecord::decode(&longest.encode()), Ok(longest));
}
