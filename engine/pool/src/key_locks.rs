//! Locks on keys: fair, asynchronous, shared or exclusive, over names that a model chooses.
//!
//! Requests for one key are granted in the order they came; shared ones next to each other are held
//! together. A set of keys is locked one after the other in ascending order: as long as everybody
//! who locks twice locks higher keys the second time, nobody waits in a circle.

use std::collections::{HashMap, VecDeque};
use std::future::Future;
use std::hash::Hash;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use parking_lot::Mutex;

#[cfg(test)]
mod tests;

/// How a key is locked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LockMode {
    /// With others who share it.
    Shared,
    /// Alone.
    Exclusive,
}

#[derive(Debug)]
struct Waiting {
    ticket: u64,
    mode: LockMode,
    waker: Option<Waker>,
}

#[derive(Debug)]
struct Queues<K> {
    next_ticket: u64,
    /// Of each key those who hold it and those who wait, in the order of their requests.
    by_key: HashMap<K, VecDeque<Waiting>>,
}

/// The key locks of one model.
#[derive(Debug)]
pub struct KeyLocks<K> {
    queues: Mutex<Queues<K>>,
}

/// Held keys; dropping it unlocks all.
#[derive(Debug)]
#[must_use = "dropping it unlocks"]
pub struct KeyLock<'a, K: Hash + Eq + Ord + Clone> {
    locks: &'a KeyLocks<K>,
    held: Vec<(K, u64)>,
}

/// Waits for one key.
struct Locking<'a, K: Hash + Eq + Ord + Clone> {
    locks: &'a KeyLocks<K>,
    key: K,
    mode: LockMode,
    ticket: Option<u64>,
}

impl<K> Default for KeyLocks<K> {
    fn default() -> Self {
        Self {
            queues: Mutex::new(Queues {
                next_ticket: 0,
                by_key: HashMap::new(),
            }),
        }
    }
}

impl<K: Hash + Eq + Ord + Clone + Unpin> KeyLocks<K> {
    /// Locks all of `keys`. A key that is named twice is locked once, exclusively if one of them
    /// says so.
    pub async fn lock(&self, mut keys: Vec<(K, LockMode)>) -> KeyLock<'_, K> {
        keys.sort();
        keys.reverse();
        // Exclusive comes first now, and is kept.
        keys.dedup_by(|later, earlier| later.0 == earlier.0);
        let mut lock = KeyLock {
            locks: self,
            held: Vec::with_capacity(keys.len()),
        };
        for (key, mode) in keys.into_iter().rev() {
            let ticket = Locking {
                locks: self,
                key: key.clone(),
                mode,
                ticket: None,
            }
            .await;
            lock.held.push((key, ticket));
        }
        lock
    }

    /// Number of keys that are held or waited for.
    #[must_use]
    pub fn len(&self) -> usize {
        self.queues.lock().by_key.len()
    }

    /// Whether nothing is held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<K: Hash + Eq> KeyLocks<K> {
    fn release(&self, key: &K, ticket: u64) {
        let wakers = self.queues.lock().remove(key, ticket);
        wakers.into_iter().for_each(Waker::wake);
    }
}

impl<K: Hash + Eq> Queues<K> {
    fn is_granted(&self, key: &K, ticket: u64) -> bool {
        let Some(queue) = self.by_key.get(key) else {
            return false;
        };
        let mut earlier = queue.iter().take_while(|one| one.ticket != ticket);
        let mine = queue.iter().find(|one| one.ticket == ticket);
        match mine.map(|one| one.mode) {
            Some(LockMode::Shared) => earlier.all(|one| one.mode == LockMode::Shared),
            Some(LockMode::Exclusive) => earlier.next().is_none(),
            None => false,
        }
    }

    /// Removes a request and returns those whom that may let in.
    fn remove(&mut self, key: &K, ticket: u64) -> Vec<Waker> {
        let Some(queue) = self.by_key.get_mut(key) else {
            return Vec::new();
        };
        queue.retain(|one| one.ticket != ticket);
        if queue.is_empty() {
            self.by_key.remove(key);
            return Vec::new();
        }
        let mut wakers = Vec::new();
        for (index, one) in queue.iter_mut().enumerate() {
            let exclusive = one.mode == LockMode::Exclusive;
            if index == 0 || !exclusive {
                wakers.extend(one.waker.take());
            }
            if exclusive {
                break;
            }
        }
        wakers
    }
}

impl<K: Hash + Eq + Ord + Clone + Unpin> Future for Locking<'_, K> {
    type Output = u64;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<u64> {
        let this = &mut *self;
        let mut queues = this.locks.queues.lock();
        let ticket = match this.ticket {
            Some(ticket) => ticket,
            None => {
                let ticket = queues.next_ticket;
                queues.next_ticket += 1;
                let queue = queues.by_key.entry(this.key.clone()).or_default();
                queue.push_back(Waiting {
                    ticket,
                    mode: this.mode,
                    waker: None,
                });
                this.ticket = Some(ticket);
                ticket
            }
        };
        if queues.is_granted(&this.key, ticket) {
            this.ticket = None;
            return Poll::Ready(ticket);
        }
        if let Some(queue) = queues.by_key.get_mut(&this.key)
            && let Some(mine) = queue.iter_mut().find(|one| one.ticket == ticket)
        {
            mine.waker = Some(cx.waker().clone());
        }
        Poll::Pending
    }
}

impl<K: Hash + Eq + Ord + Clone> Drop for Locking<'_, K> {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket {
            self.locks.release(&self.key, ticket);
        }
    }
}

impl<K: Hash + Eq + Ord + Clone> Drop for KeyLock<'_, K> {
    fn drop(&mut self) {
        for (key, ticket) in self.held.drain(..).rev() {
            self.locks.release(&key, ticket);
        }
    }
}
