use engine_base::{Location, SegmentId, Sixteenths};

use super::{ClaimedUnit, Claims};

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
    assert_eq!(claims.live(at(1, 1).segment), of_blocks(14));
    assert_eq!(claims.live(at(3, 1).segment), Sixteenths::ZERO);
}

#[test]
fn a_unit_is_claimed_by_each_of_its_parts_and_by_nothing_else() {
    let mut claims = Claims::default();
    assert_eq!(claims.claim_unit(at(1, 60), 3), ClaimedUnit::New);
    assert_eq!(claims.claim_unit(at(1, 60), 3), ClaimedUnit::Again);
    assert_eq!(claims.claim_unit(at(1, 63), 2), ClaimedUnit::New);
    assert_eq!(claims.claim_unit(at(2, 60), 3), ClaimedUnit::New);
    assert_eq!(claims.live(at(1, 1).segment), Sixteenths::ZERO);
    claims.add_live(at(1, 1).segment, of_blocks(5));
    assert!(!claims.claim(at(1, 62), 1, 4096));
    assert!(!claims.claim_shared(at(1, 62), 1));
    assert_eq!(claims.live(at(1, 1).segment), of_blocks(6));
    assert_eq!(
        claims.claim_unit(at(1, 60), 4),
        ClaimedUnit::Taken,
        "longer"
    );
    assert_eq!(
        claims.claim_unit(at(2, 61), 2),
        ClaimedUnit::Taken,
        "inside"
    );
    assert!(claims.claim(at(1, 80), 1, 4096));
    assert_eq!(claims.claim_unit(at(1, 80), 1), ClaimedUnit::Taken);
}

fn of_blocks(blocks: u64) -> Sixteenths {
    Sixteenths::of_bytes(blocks * 4096)
}
