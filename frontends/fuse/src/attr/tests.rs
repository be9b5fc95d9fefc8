use std::time::{Duration, UNIX_EPOCH};

use super::{nanos, time};

#[test]
fn times_go_both_ways() {
    for wanted in [
        0,
        1,
        1_999_999_999,
        i64::MAX,
        -1_000_000_000,
        -7_000_000_000,
    ] {
        assert_eq!(nanos(time(wanted)), wanted);
    }
}

#[test]
fn nanoseconds_before_1970_count_forwards() {
    // Half a second before 1970 is second -1 and half a second, which the library takes away both.
    let handed_on = UNIX_EPOCH - Duration::new(1, 500_000_000);
    assert_eq!(nanos(handed_on), -500_000_000);
}

#[test]
fn times_out_of_range_are_the_nearest() {
    let far = Duration::from_secs(1 << 40);
    assert_eq!(nanos(UNIX_EPOCH + far), i64::MAX);
    assert_eq!(nanos(UNIX_EPOCH - far), i64::MIN);
}
