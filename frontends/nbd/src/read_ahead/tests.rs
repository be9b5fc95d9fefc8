use super::ReadAhead;
use crate::limits::READ_AHEAD_BYTES;

fn push(input: &mut ReadAhead, bytes: &[u8]) {
    input.room(bytes.len())[..bytes.len()].copy_from_slice(bytes);
    input.received(bytes.len());
}

#[test]
fn bytes_come_out_in_order_and_once() {
    let mut input = ReadAhead::new();
    push(&mut input, b"abc");
    push(&mut input, b"def");
    input.consume(2);
    let mut target = [0; 3];
    assert_eq!(input.copy_to(&mut target), 3);
    assert_eq!(&target, b"cde");
    assert_eq!(input.unread(), b"f");
    assert_eq!(input.copy_to(&mut target), 1);
    assert!(input.unread().is_empty());
}

#[test]
fn what_is_left_moves_to_the_front_when_the_room_behind_it_is_short() {
    let mut input = ReadAhead::new();
    push(&mut input, &vec![1; READ_AHEAD_BYTES]);
    assert!(input.room(1).is_empty());
    input.consume(READ_AHEAD_BYTES - 10);
    assert_eq!(input.room(READ_AHEAD_BYTES).len(), READ_AHEAD_BYTES - 10);
    assert_eq!(input.unread(), [1; 10]);
}

#[test]
fn room_is_no_longer_than_asked() {
    assert_eq!(ReadAhead::new().room(28).len(), 28);
}
