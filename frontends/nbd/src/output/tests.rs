use engine_base::SeededEntropy;
use engine_device::PageBuf;

use super::Output;

fn waiting(out: &Output) -> Vec<u8> {
    out.parts()
        .slices
        .iter()
        .flat_map(|part| part.to_vec())
        .collect()
}

/// A queue with every kind of segment, and what has to come out of it.
fn filled() -> (Output, Vec<u8>) {
    let mut out = Output::default();
    out.head(b"one");
    out.head(b"two");
    let first = out.payload(PageBuf::copy_of(&[1; 100]));
    out.data(first, 10, 20);
    out.head(b"hole");
    out.data(first, 50, 5);
    out.end(1, 7);
    out.zeroes(100_000);
    out.end(0, 11);
    let second = out.payload(PageBuf::copy_of(b"payload"));
    out.head(b"x");
    out.data(second, 3, 4);
    out.end(1, 13);
    let zeroes = vec![0; 100_000];
    let parts: [&[u8]; 7] = [
        b"onetwo", &[1; 20], b"hole", &[1; 5], &zeroes, b"x", b"load",
    ];
    (out, parts.concat())
}

#[test]
fn everything_comes_out_once_in_order_and_heads_that_touch_are_one_part() {
    let (mut out, expected) = filled();
    assert_eq!(waiting(&out), expected);
    // Two of the zeroes, because their source is smaller.
    assert_eq!(out.parts().slices.len(), 8);
    out.advance(expected.len());
    assert!(out.is_empty() && out.head_bytes() == 0 && out.payloads.is_empty());
    assert_eq!(out.take_freed(), 7 + 11 + 13);
    assert_eq!(out.take_freed(), 0);
}

#[test]
fn short_sends_lose_and_repeat_nothing() {
    for seed in 0..50 {
        let entropy = SeededEntropy::new(seed);
        let (mut out, expected) = filled();
        let mut sent = 0;
        while !out.is_empty() {
            let left = waiting(&out);
            assert_eq!(left, expected[sent..], "seed {seed} at {sent}");
            let most = if entropy.next_u64().is_multiple_of(2) {
                8
            } else {
                70_000
            };
            let now = usize::try_from(entropy.next_u64()).unwrap() % most;
            let now = now.min(left.len());
            out.advance(now);
            sent += now;
        }
        assert_eq!(sent, expected.len(), "seed {seed}");
    }
}

#[test]
fn cost_is_freed_when_the_last_byte_of_its_reply_was_sent() {
    let (mut out, _) = filled();
    out.advance(6 + 20 + 4 + 4);
    assert_eq!(out.take_freed(), 0);
    out.advance(1);
    assert_eq!(out.take_freed(), 7);
}

#[test]
fn one_call_gets_no_more_parts_than_the_kernel_takes() {
    let mut out = Output::default();
    let payload = out.payload(PageBuf::copy_of(&[1; 4096]));
    for _ in 0..3000 {
        out.data(payload, 0, 1);
    }
    out.zeroes(usize::MAX);
    assert_eq!(out.parts().slices.len(), 1024);
    out.advance(3000);
    assert_eq!(out.parts().slices.len(), 1024);
}

#[test]
fn sent_headers_do_not_pile_up() {
    let mut out = Output::default();
    for _ in 0..10_000 {
        out.head(&[0; 100]);
        out.end(0, 0);
        out.advance(out.head_bytes().saturating_sub(1));
    }
    assert!(out.heads.capacity() < 1 << 20, "{}", out.heads.capacity());
}

#[test]
fn a_large_payload_begins_a_call_of_its_own() {
    let mut out = Output::default();
    for byte in [1, 2] {
        out.head(b"head");
        let payload = out.payload(PageBuf::copy_of(&[byte; 20_000]));
        out.data(payload, 0, 20_000);
        out.end(1, 0);
    }
    let mut calls = Vec::new();
    while !out.is_empty() {
        let parts = out.parts();
        let bytes: usize = parts.slices.iter().map(|slice| slice.len()).sum();
        calls.push((bytes, parts.more));
        drop(parts);
        out.advance(bytes);
    }
    // The second head goes with the payload before it.
    assert_eq!(calls, [(4, true), (20_004, true), (20_000, false)]);
}
