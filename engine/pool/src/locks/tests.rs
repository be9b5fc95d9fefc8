//! Order, fairness, cancellation and wake-ups of range locks.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use engine_base::SeededEntropy;

use super::{RangeLock, RangeLocks};
use crate::block_on;

/// Counts how often it was woken.
#[derive(Default)]
struct Counter(AtomicUsize);

impl Wake for Counter {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl Counter {
    fn woken(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

fn poll_with<F: Future>(future: Pin<&mut F>, counter: &Arc<Counter>) -> Poll<F::Output> {
    let waker = Waker::from(Arc::clone(counter));
    future.poll(&mut Context::from_waker(&waker))
}

fn granted<'a>(poll: Poll<RangeLock<'a>>) -> RangeLock<'a> {
    match poll {
        Poll::Ready(lock) => lock,
        Poll::Pending => panic!("the lock should have been granted"),
    }
}

#[test]
fn disjoint_ranges_are_granted_at_once() {
    let locks = RangeLocks::default();
    let counter = Arc::new(Counter::default());
    let _a = granted(poll_with(pin!(locks.lock(0..4096)), &counter));
    let _b = granted(poll_with(pin!(locks.lock(4096..8192)), &counter));
    assert_eq!(counter.woken(), 0);
}

#[test]
fn an_overlapping_request_waits_and_is_woken_by_the_release() {
    let locks = RangeLocks::default();
    let counter = Arc::new(Counter::default());
    let first = granted(poll_with(pin!(locks.lock(0..8192)), &counter));
    let mut second = pin!(locks.lock(4096..12288));
    assert!(poll_with(second.as_mut(), &counter).is_pending());
    drop(first);
    assert_eq!(counter.woken(), 1);
    let _second = granted(poll_with(second.as_mut(), &counter));
}

#[test]
fn a_request_waits_for_earlier_ones_that_are_not_granted_either() {
    let locks = RangeLocks::default();
    let counter = Arc::new(Counter::default());
    let first = granted(poll_with(pin!(locks.lock(0..10)), &counter));
    let mut wide = pin!(locks.lock(0..100));
    assert!(poll_with(wide.as_mut(), &counter).is_pending());
    // Free by itself, but it came after the wide one, which would starve otherwise.
    let mut late = pin!(locks.lock(50..60));
    assert!(poll_with(late.as_mut(), &counter).is_pending());
    drop(first);
    let wide = granted(poll_with(wide.as_mut(), &counter));
    assert!(poll_with(late.as_mut(), &counter).is_pending());
    drop(wide);
    let _late = granted(poll_with(late.as_mut(), &counter));
}

#[test]
fn a_request_that_is_dropped_lets_the_next_in() {
    let locks = RangeLocks::default();
    let counter = Arc::new(Counter::default());
    let woken_late = Arc::new(Counter::default());
    let _first = granted(poll_with(pin!(locks.lock(0..10)), &counter));
    let mut late = pin!(locks.lock(50..60));
    {
        let mut wide = pin!(locks.lock(0..100));
        assert!(poll_with(wide.as_mut(), &counter).is_pending());
        assert!(poll_with(late.as_mut(), &woken_late).is_pending());
    }
    assert_eq!(woken_late.woken(), 1);
    let _late = granted(poll_with(late.as_mut(), &woken_late));
}

#[test]
fn a_request_that_was_never_polled_leaves_nothing_behind() {
    let locks = RangeLocks::default();
    let counter = Arc::new(Counter::default());
    drop(locks.lock(0..10));
    let _lock = granted(poll_with(pin!(locks.lock(0..10)), &counter));
    assert_eq!(locks.queue.lock().entries.len(), 1);
}

#[test]
fn a_lock_protects_the_leaf_of_the_byte_behind_it() {
    let locks = RangeLocks::default();
    let counter = Arc::new(Counter::default());
    let _lock = granted(poll_with(pin!(locks.lock(8192..12288)), &counter));
    // What is left of an extent that is cut at the end of the range gets the key of that byte.
    assert!(locks.touches(&(12288..16384), 4096));
    assert!(!locks.touches(&(12289..16384), 4096));
    assert!(locks.touches(&(0..4097), 4096));
    assert!(!locks.touches(&(0..4096), 4096));
}

#[test]
fn a_lock_up_to_the_last_byte_touches_the_last_leaf() {
    let locks = RangeLocks::default();
    let counter = Arc::new(Counter::default());
    let _lock = granted(poll_with(pin!(locks.lock(4096..u64::MAX)), &counter));
    assert!(locks.touches(&(1 << 40..u64::MAX), 0));
}

/// Threads add to numbers without atomics of their own: each addition is lost unless the lock
/// holds.
#[test]
fn threads_exclude_each_other_and_none_is_forgotten() {
    const THREADS: u64 = 8;
    const ROUNDS: u64 = 3_000;
    const CELLS: u64 = 16;
    let locks = RangeLocks::default();
    let cells: Vec<AtomicU64> = (0..CELLS).map(|_| AtomicU64::new(0)).collect();
    let added: u64 = std::thread::scope(|scope| {
        let run = |thread: u64| {
            let (locks, cells) = (&locks, &cells);
            move || {
                let random = SeededEntropy::new(thread);
                let mut added = 0;
                for _ in 0..ROUNDS {
                    let start = random.next_u64() % CELLS;
                    let end = start + 1 + random.next_u64() % (CELLS - start);
                    let mut request = Box::pin(locks.lock(start..end));
                    if random.next_u64().is_multiple_of(8) {
                        // Given up after one look, granted or not.
                        let counter = Arc::new(Counter::default());
                        drop(poll_with(request.as_mut(), &counter));
                        continue;
                    }
                    let _lock = block_on(request);
                    for cell in start..end {
                        let cell = &cells[engine_base::to_usize(cell)];
                        let seen = cell.load(Ordering::Relaxed);
                        std::hint::spin_loop();
                        cell.store(seen + 1, Ordering::Relaxed);
                        added += 1;
                    }
                }
                added
            }
        };
        let threads: Vec<_> = (0..THREADS)
            .map(|thread| scope.spawn(run(thread)))
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .sum()
    });
    let found: u64 = cells.iter().map(|cell| cell.load(Ordering::Relaxed)).sum();
    assert_eq!(found, added);
    assert!(locks.queue.lock().entries.is_empty());
}
