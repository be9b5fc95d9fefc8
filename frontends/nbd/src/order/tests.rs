use super::Order;
use crate::limits::{PIECE_BYTES_MAX, READS_IN_ORDER_MIN};
use crate::request::{Operation, Request, Tag};

const BYTES: u64 = 128 << 10;

fn request(offset: u64, bytes: u64, operation: Operation) -> Request {
    Request {
        tag: Tag { cookie: 0, offset },
        offset,
        bytes,
        operation,
    }
}

fn read(offset: u64, bytes: u64) -> Request {
    request(offset, bytes, Operation::Read { one_chunk: false })
}

/// A connection whose last reads were in order and end at the offset that is returned.
fn in_order(bytes: u64) -> (Order<u64>, u64) {
    let mut order = Order::new();
    let reads = u64::from(READS_IN_ORDER_MIN) + 1;
    for index in 0..reads {
        assert_eq!(order.started(&read(index * bytes, bytes)), None);
    }
    (order, reads * bytes)
}

#[test]
fn only_what_follows_reads_in_order_is_read_ahead() {
    let (mut order, at) = in_order(BYTES);
    order.look_ahead(|offset, bytes| {
        assert_eq!((offset, u64::from(bytes)), (at, BYTES));
        Some(7)
    });
    order.look_ahead(|_, _| panic!("once is enough"));
    assert_eq!(order.started(&read(at, BYTES)), Some(7));
    assert_eq!(order.started(&read(at, BYTES)), None, "it is given once");
    order.look_ahead(|_, _| panic!("the order is broken"));
}

#[test]
fn clients_that_do_not_wait_are_not_read_ahead_for() {
    let (mut order, _) = in_order(BYTES);
    order.pipelined();
    order.look_ahead(|_, _| panic!("several requests are there"));
}

#[test]
fn other_requests_neither_break_the_order_nor_take_what_was_read() {
    let (mut order, at) = in_order(BYTES);
    order.look_ahead(|_, _| Some(7));
    let flush = request(at, BYTES, Operation::Flush);
    assert_eq!(order.started(&flush), None);
    assert_eq!(order.started(&read(at, BYTES)), Some(7));
}

#[test]
fn a_read_of_something_else_gets_nothing() {
    for other in [(0, BYTES), (4 * BYTES, BYTES / 2), (5 * BYTES, BYTES)] {
        let (mut order, _) = in_order(BYTES);
        order.look_ahead(|_, _| Some(7));
        assert_eq!(order.started(&read(other.0, other.1)), None);
        assert_eq!(order.started(&read(4 * BYTES, BYTES)), None);
    }
}

#[test]
fn what_takes_several_pieces_is_not_read_ahead() {
    let (mut order, _) = in_order(PIECE_BYTES_MAX + 4096);
    order.look_ahead(|_, _| panic!("one piece at most"));
    let (mut order, at) = in_order(PIECE_BYTES_MAX);
    order.look_ahead(|_, _| Some(7));
    assert_eq!(order.started(&read(at, PIECE_BYTES_MAX)), Some(7));
}
