use std::future::Future;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use super::{KeyLock, KeyLocks, LockMode};

type Waiting<'a> = Pin<Box<dyn Future<Output = KeyLock<'a, u8>> + 'a>>;

fn wait<'a>(locks: &'a KeyLocks<u8>, keys: &[(u8, LockMode)]) -> Waiting<'a> {
    Box::pin(locks.lock(keys.to_vec()))
}

fn poll<'a>(waiting: &mut Waiting<'a>) -> Option<KeyLock<'a, u8>> {
    let mut context = Context::from_waker(Waker::noop());
    match pin!(waiting).as_mut().poll(&mut context) {
        Poll::Ready(lock) => Some(lock),
        Poll::Pending => None,
    }
}

use LockMode::{Exclusive, Shared};

#[test]
fn shared_holders_keep_an_exclusive_one_out_and_nobody_overtakes_it() {
    let locks = KeyLocks::default();
    let first = poll(&mut wait(&locks, &[(1, Shared)])).unwrap();
    let second = poll(&mut wait(&locks, &[(1, Shared)])).unwrap();
    let mut alone = wait(&locks, &[(1, Exclusive)]);
    assert!(poll(&mut alone).is_none());
    let mut late = wait(&locks, &[(1, Shared)]);
    assert!(
        poll(&mut late).is_none(),
        "it came behind the exclusive one"
    );
    drop(first);
    assert!(poll(&mut alone).is_none());
    drop(second);
    let alone = poll(&mut alone).unwrap();
    assert!(poll(&mut late).is_none());
    drop(alone);
    drop(poll(&mut late).unwrap());
    assert!(locks.is_empty());
}

#[test]
fn a_key_named_twice_is_locked_once_and_exclusively() {
    let locks = KeyLocks::default();
    let lock = poll(&mut wait(
        &locks,
        &[(1, Shared), (1, Exclusive), (2, Shared)],
    ))
    .unwrap();
    assert!(poll(&mut wait(&locks, &[(1, Shared)])).is_none());
    assert!(poll(&mut wait(&locks, &[(2, Shared)])).is_some());
    drop(lock);
    assert!(locks.is_empty());
}

#[test]
fn whoever_gives_up_waiting_is_in_nobodys_way() {
    let locks = KeyLocks::default();
    let held = poll(&mut wait(&locks, &[(1, Shared)])).unwrap();
    let mut waits = wait(&locks, &[(0, Exclusive), (1, Exclusive)]);
    assert!(poll(&mut waits).is_none());
    assert!(poll(&mut wait(&locks, &[(0, Shared)])).is_none());
    drop(waits);
    drop(poll(&mut wait(&locks, &[(0, Shared)])).unwrap());
    drop(poll(&mut wait(&locks, &[(1, Shared)])).unwrap());
    drop(held);
    assert!(locks.is_empty());
}
