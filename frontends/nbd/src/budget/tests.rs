use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Wake, Waker};
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
        move || budget.wait(|| budget.try_take(LARGE, 0))
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
        move || budget.wait(|| budget.try_take(LARGE, 0))
    });
    budget.close();
    assert!(!waiter.join().unwrap());
    assert!(!budget.wait(|| budget.try_take(LARGE, 0)));
    assert_eq!(budget.used(), LARGE);
}

#[derive(Default)]
struct Bell(AtomicUsize);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[test]
fn a_waker_is_woken_once_by_what_is_given_back() {
    let (budget, bell) = (Budget::new(1), Arc::new(Bell::default()));
    let waker = Waker::from(Arc::clone(&bell));
    assert!(budget.try_take(LARGE, 0));
    for _ in 0..3 {
        budget.wake_when_given(&waker);
    }
    budget.give(1);
    budget.give(1);
    assert_eq!(bell.0.load(Ordering::SeqCst), 1);
    budget.close();
    budget.wake_when_given(&waker);
    assert_eq!(bell.0.load(Ordering::SeqCst), 2, "nothing comes after that");
}
