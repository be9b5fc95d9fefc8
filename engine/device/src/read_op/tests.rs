use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use super::{Pending, ReadOp};
use crate::PageBuf;

#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

const fn assert_send<T: Send + Sync + Unpin>() {}
const _: () = assert_send::<ReadOp>();

#[test]
fn a_ready_read_completes_on_the_first_poll() {
    let mut op = pin!(ReadOp::ready(Ok(PageBuf::copy_of(b"abc"))));
    assert!(op.is_ready());
    match op.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(Ok(buf)) => assert_eq!(&buf[..], b"abc"),
        other => panic!("not ready: {other:?}"),
    }
}

#[test]
fn completion_wakes_the_last_waker_that_polled() {
    let pending = Arc::new(Pending::default());
    let mut op = pin!(ReadOp::in_flight(Arc::clone(&pending)));
    let (first, last) = (Arc::new(Count::default()), Arc::new(Count::default()));
    let first_waker = Waker::from(Arc::clone(&first));
    let last_waker = Waker::from(Arc::clone(&last));
    assert!(
        op.as_mut()
            .poll(&mut Context::from_waker(&first_waker))
            .is_pending()
    );
    assert!(
        op.as_mut()
            .poll(&mut Context::from_waker(&last_waker))
            .is_pending()
    );
    assert!(!op.is_ready());
    pending.complete(Ok(PageBuf::zeroed(8)));
    assert_eq!(first.0.load(Ordering::Relaxed), 0);
    assert_eq!(last.0.load(Ordering::Relaxed), 1);
    assert!(
        op.as_mut()
            .poll(&mut Context::from_waker(Waker::noop()))
            .is_ready()
    );
}

#[test]
fn a_dropped_read_completes_into_nothing() {
    let pending = Arc::new(Pending::default());
    drop(ReadOp::in_flight(Arc::clone(&pending)));
    pending.complete(Ok(PageBuf::zeroed(8)));
    assert_eq!(Arc::strong_count(&pending), 1);
}
