use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::thread;

use engine_pool::block_on;

use super::Queue;
use crate::held::Job;

fn queue(jobs: u64) -> Arc<Queue> {
    let queue = Arc::new(Queue::default());
    queue.push((0..jobs).map(Job::content).collect());
    queue
}

#[test]
fn nothing_to_do_is_settled() {
    assert!(queue(0).settled().is_none());
}

#[test]
fn settled_waits_for_what_was_before_and_for_nothing_else() {
    let queue = queue(2);
    let mut settle = queue.settled().unwrap();
    queue.push(vec![Job::content(9)]);
    let mut context = Context::from_waker(Waker::noop());
    let mut poll = || std::pin::Pin::new(&mut settle).poll(&mut context);
    let taken = [(); 3].map(|()| queue.take().unwrap());
    queue.done(taken[1].0);
    assert_eq!(poll(), Poll::Pending);
    queue.done(taken[0].0);
    assert_eq!(poll(), Poll::Ready(()));
}

#[test]
fn who_waits_is_woken_in_whatever_order_jobs_end() {
    let queue = queue(64);
    thread::scope(|scope| {
        for _ in 0..4 {
            let settle = queue.settled().unwrap();
            scope.spawn(|| block_on(settle));
        }
        for _ in 0..2 {
            scope.spawn(|| {
                for _ in 0..32 {
                    let (number, _) = queue.take().unwrap();
                    queue.done(number);
                }
            });
        }
    });
    assert!(queue.settled().is_none());
}

#[test]
fn a_kernel_that_is_gone_keeps_nobody_waiting() {
    let queue = queue(3);
    let settle = queue.settled().unwrap();
    thread::scope(|scope| {
        let waiting = scope.spawn(|| block_on(settle));
        queue.close();
        assert!(waiting.join().is_ok());
    });
    queue.push(vec![Job::content(1)]);
    assert!(queue.take().is_none() && queue.settled().is_none());
}
