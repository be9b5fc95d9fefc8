use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Wake, Waker};
use std::thread;

use super::Turn;

#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[test]
fn one_has_it_at_a_time() {
    let (turn, inside) = (Turn::default(), AtomicUsize::new(0));
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..10_000 {
                    turn.take();
                    assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                    inside.fetch_sub(1, Ordering::SeqCst);
                    turn.give();
                }
            });
        }
    });
    assert!(turn.try_take());
}

#[test]
fn who_does_not_wait_is_woken_once() {
    let (turn, count) = (Turn::default(), Arc::new(Count::default()));
    let waker = Waker::from(Arc::clone(&count));
    assert!(turn.take_or_wake(&waker));
    assert!(!turn.take_or_wake(&waker));
    assert!(!turn.take_or_wake(&waker));
    assert!(!turn.try_take());
    turn.give();
    assert_eq!(count.0.load(Ordering::SeqCst), 1);
    turn.take();
    turn.give();
    assert_eq!(count.0.load(Ordering::SeqCst), 1, "nobody asked again");
}
