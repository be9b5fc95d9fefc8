use engine_base::ErrorKind;

use super::ErrorCode;

/// The values that the protocol allows in an error field.
const ALLOWED: [u32; 8] = [1, 5, 12, 22, 28, 75, 95, 108];

#[test]
fn every_kind_maps_to_an_allowed_number_and_a_message_without_details() {
    let kinds = [
        ErrorKind::NotFound,
        ErrorKind::Exists,
        ErrorKind::Invalid,
        ErrorKind::NoSpace,
        ErrorKind::Busy,
        ErrorKind::Locked,
        ErrorKind::Corrupt,
        ErrorKind::Poisoned,
        ErrorKind::Io,
        ErrorKind::Closed,
    ];
    for kind in kinds {
        assert!(ALLOWED.contains(&ErrorCode::of(kind).number()), "{kind:?}");
        assert!(!ErrorCode::explain(kind).is_empty());
        assert!(!ErrorCode::explain(kind).contains('/'));
    }
}

#[test]
fn a_full_pool_is_enospc_and_a_closing_one_is_eshutdown() {
    assert_eq!(ErrorCode::of(ErrorKind::NoSpace).number(), 28);
    assert_eq!(ErrorCode::of(ErrorKind::Closed).number(), 108);
}
