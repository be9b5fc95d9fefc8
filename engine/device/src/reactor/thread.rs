//! What the calling thread has: its ring, and whether it minds being blocked.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use super::ReadRequest;
use super::ring::Ring;
use crate::ReadOp;
use crate::read_op::Pending;

thread_local! {
    static RING: RefCell<Option<Rc<RefCell<Ring>>>> = const { RefCell::new(None) };
    static HAS_REACTOR: Cell<bool> = const { Cell::new(false) };
    static MAY_BLOCK: Cell<bool> = const { Cell::new(true) };
}

/// Whether the calling thread has nothing else to do than to wait, so that a plain blocking call is
/// cheaper than starting one and waiting for it. True on threads without a [`crate::Reactor`].
#[must_use]
pub fn may_block() -> bool {
    MAY_BLOCK.get()
}

/// Says whether the calling thread may be blocked; a thread with a [`crate::Reactor`] starts with
/// no.
pub fn set_may_block(may_block: bool) {
    MAY_BLOCK.set(may_block);
}

/// Runs `start`, which begins several reads: even where the thread may be blocked, together they
/// take as long as the slowest of them, one after the other as long as all.
pub fn without_blocking<R>(start: impl FnOnce() -> R) -> R {
    let before = MAY_BLOCK.replace(false);
    let started = start();
    MAY_BLOCK.set(before);
    started
}

/// Whether reads of this thread can be done without blocking it.
pub(crate) fn has_ring() -> bool {
    RING.with_borrow(Option::is_some)
}

/// Queues a read on the thread's ring; gives it back if there is no ring or no room in it.
pub(crate) fn start_read(request: ReadRequest) -> Result<ReadOp, ReadRequest> {
    RING.with_borrow(|ring| {
        let Some(ring) = ring else {
            return Err(request);
        };
        let pending = Arc::new(Pending::default());
        ring.borrow_mut().start(request, Arc::clone(&pending))?;
        Ok(ReadOp::in_flight(pending))
    })
}

/// Makes `ring` the thread's.
pub(super) fn install(ring: Option<Rc<RefCell<Ring>>>) {
    assert!(!HAS_REACTOR.replace(true), "a thread has one reactor");
    RING.set(ring);
    MAY_BLOCK.set(false);
}

/// Undoes [`install`].
pub(super) fn uninstall() {
    HAS_REACTOR.set(false);
    RING.set(None);
    MAY_BLOCK.set(true);
}
