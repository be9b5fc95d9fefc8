use engine_base::{Location, SegmentId};

use super::Claims;

fn at(segment: u64, block: u32) -> Location {
    let segment = SegmentId::new(segment).unwrap();
    let offset = block * 4096;
    Location { segment, offset }
}

#[test]
fn a_block_is_claimed_once() {
    let mut claims = Claims::default();
    assert!(claims.claim(at(1, 60), 8, 8 * 4096));
    assert!(claims.claim(at(1, 68), 1, 4096), "right behind");
    assert!(claims.claim(at(1, 59), 1, 4096), "right before");
    assert!(claims.claim(at(2, 60), 8, 8 * 4096), "another segment");
    assert!(!claims.claim(at(1, 67), 4, 4 * 4096), "one of the blocks");
    assert_eq!(claims.bytes(at(1, 1).segment), 14 * 4096);
    assert_eq!(claims.bytes(at(3, 1).segment), 0);
}
