use std::time::Duration;

use engine_base::Slot;

use super::{
    Pending, RANGES_AFTER_DEAR, STREAMED_BYTES_KEPT, Streamed, WRITEBACK_BYTES, Writeback,
};

fn range(slot: u32, from: u64, bytes: u64, streamed: u64) -> Writeback {
    Writeback {
        slot: Slot::new(slot),
        from,
        to: from + bytes,
        streamed,
        cost: Duration::ZERO,
    }
}

/// A range of a stream whose blocks took so many nanoseconds each.
fn stream(slot: u32, index: u64, block_nanos: u64) -> Writeback {
    Writeback {
        cost: Duration::from_nanos(block_nanos * (WRITEBACK_BYTES / 4096)),
        ..range(
            slot,
            index * WRITEBACK_BYTES,
            WRITEBACK_BYTES,
            WRITEBACK_BYTES,
        )
    }
}

#[test]
fn ranges_of_a_slot_are_joined_until_they_are_worth_a_call() {
    let mut pending = Pending::default();
    let half = WRITEBACK_BYTES / 2;
    assert_eq!(pending.add(range(1, 4096, half, half), false), None);
    // A group that was closed later may be written first.
    assert_eq!(
        pending.add(range(1, 4096 + half + 4096, 4096, 0), false),
        None
    );
    let last = pending.add(range(1, 4096 + half, half, half), false);
    assert_eq!(last, Some(range(1, 4096, 2 * half, 2 * half)));
    assert_eq!(pending.add(range(1, 0, 4096, 0), false), None);
    let other_slot = pending.add(range(2, 0, 4096, 0), false);
    assert_eq!(other_slot, Some(range(1, 0, 4096, 0)));
}

#[test]
fn where_a_sync_is_to_be_expected_each_range_is_worth_a_call() {
    let mut pending = Pending::default();
    assert_eq!(pending.add(range(1, 4096, 4096, 0), false), None);
    let both = pending.add(range(1, 8192, 4096, 0), true);
    assert_eq!(both, Some(range(1, 4096, 8192, 0)));
    let alone = pending.add(range(1, 12_288, 4096, 0), true);
    assert_eq!(alone, Some(range(1, 12_288, 4096, 0)));
}

#[test]
fn where_memory_is_dear_streams_leave_in_order_and_behind_a_bound() {
    let mut streamed = Streamed::default();
    let kept = STREAMED_BYTES_KEPT / WRITEBACK_BYTES;
    for index in 0..kept {
        assert_eq!(streamed.push(stream(1, index, 5000)), []);
    }
    for index in 0..5 {
        let oldest = [stream(1, index, 5000)];
        assert_eq!(streamed.push(stream(2, index, 1000)), oldest);
    }
}

#[test]
fn where_memory_is_cheap_streams_stay() {
    let mut streamed = Streamed::default();
    for index in 0..1000 {
        assert_eq!(streamed.push(stream(1, index, 1000)), []);
    }
    assert_eq!(streamed.push(stream(1, 1000, 5000)), []);
    let left: usize = (1001..4000)
        .map(|index| streamed.push(stream(1, index, 1000)).len())
        .sum();
    assert!(left > 0 && left < RANGES_AFTER_DEAR as usize, "{left}");
}

#[test]
fn what_is_written_over_stays() {
    let mut streamed = Streamed::default();
    let ranges = 2 * STREAMED_BYTES_KEPT / WRITEBACK_BYTES;
    let mut round = |slot: u32| -> usize {
        let all = (0..ranges).map(|index| stream(slot, index, 5000));
        all.map(|range| streamed.push(range).len()).sum()
    };
    assert!(round(1) > 0);
    assert!(round(2) > 0);
    assert_eq!(round(1), 0);
    assert_eq!(round(2), 0);
    assert!(round(3) > 0);
}

#[test]
fn what_does_not_stream_stays() {
    let mut streamed = Streamed::default();
    for index in 0..100 {
        let mut mostly_small = stream(1, index, 5000);
        mostly_small.streamed = 4096;
        assert_eq!(streamed.push(mostly_small), []);
    }
}
