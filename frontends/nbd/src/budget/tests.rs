use std::sync::Arc;
use std::thread;

use super::Budget;
use crate::limits::ADMITTED_ALWAYS_BYTES;

const LARGE: u64 = ADMITTED_ALWAYS_BYTES + 1;

#[test]
fn the_limit_is_exceeded_by_one_large_request_at_most() {
    let budget = Budget::new(10);
    assert!(budget.try_take(LARGE, 0));
    assert!(!budget.try_take(LARGE, 0));
    assert_eq!(budget.used(), LARGE);
    budget.give(LARGE);
    assert!(budget.try_take(LARGE, 0));
}

#[test]
fn who_has_nothing_in_flight_is_always_admitted_with_a_small_request() {
    let budget = Budget::new(0);
    assert!(budget.try_take(ADMITTED_ALWAYS_BYTES, 0));
    assert!(!budget.try_take(1, ADMITTED_ALWAYS_BYTES));
    assert!(!budget.try_take(LARGE, 0));
}

#[test]
fn a_waiter_gets_what_is_given_back() {
    let budget = Arc::new(Budget::new(1));
    assert!(budget.try_take(LARGE, 0));
    let waiter = thread::spawn({
        let budget = Arc::clone(&budget);
        move || budget.wait(LARGE)
    });
    budget.give(LARGE);
    assert!(waiter.join().unwrap());
    assert_eq!(budget.used(), LARGE);
}

#[test]
fn closing_ends_waits_without_giving() {
    let budget = Arc::new(Budget::new(1));
    assert!(budget.try_take(LARGE, 0));
    let waiter = thread::spawn({
        let budget = Arc::clone(&budget);
        move || budget.wait(LARGE)
    });
    budget.close();
    assert!(!waiter.join().unwrap());
    assert!(!budget.wait(LARGE));
    assert_eq!(budget.used(), LARGE);
}
