//! Range locks: fair, asynchronous, over byte ranges of one dataset.
//!
//! A model locks what it reads and then changes until the change is applied. A range that is locked
//! also keeps the leaves that hold it in memory: between fetching them and applying to them nothing
//! may evict them.
//!
//! Fairness: requests are granted in the order they came; one waits for every earlier one that
//! overlaps it, granted or not.

use std::future::Future;
use std::ops::Range;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use parking_lot::Mutex;

#[cfg(test)]
mod tests;

#[derive(Debug)]
struct Entry {
    ticket: u64,
    range: Range<u64>,
    waker: Option<Waker>,
}

#[derive(Debug, Default)]
struct Queue {
    next_ticket: u64,
    /// In the order of the requests. Short: as many as requests are in flight.
    entries: Vec<Entry>,
}

/// The locks of one dataset.
#[derive(Debug, Default)]
pub struct RangeLocks {
    queue: Mutex<Queue>,
}

/// Waits for a lock.
#[derive(Debug)]
#[must_use = "nothing is locked before this is polled to its end"]
pub struct Locking<'a> {
    locks: &'a RangeLocks,
    ticket: Option<u64>,
    range: Range<u64>,
}

/// A held lock; dropping it unlocks.
#[derive(Debug)]
pub struct RangeLock<'a> {
    locks: &'a RangeLocks,
    ticket: u64,
}

fn overlap(a: &Range<u64>, b: &Range<u64>) -> bool {
    a.start < b.end && b.start < a.end
}

impl Queue {
    fn is_granted(&self, ticket: u64) -> bool {
        let Some(at) = self.entries.iter().position(|entry| entry.ticket == ticket) else {
            return false;
        };
        let (earlier, rest) = self.entries.split_at(at);
        rest.first()
            .is_some_and(|mine| !earlier.iter().any(|e| overlap(&e.range, &mine.range)))
    }

    /// Removes an entry and returns those whom that may let in.
    fn remove(&mut self, ticket: u64) -> Vec<Waker> {
        let Some(at) = self.entries.iter().position(|entry| entry.ticket == ticket) else {
            return Vec::new();
        };
        let removed = self.entries.remove(at);
        self.entries
            .iter_mut()
            .skip(at)
            .filter(|entry| overlap(&entry.range, &removed.range))
            .filter_map(|entry| entry.waker.take())
            .collect()
    }
}

impl RangeLocks {
    /// Locks `range`, which must not be empty, once all earlier requests that overlap it are gone.
    pub const fn lock(&self, range: Range<u64>) -> Locking<'_> {
        Locking {
            locks: self,
            ticket: None,
            range,
        }
    }

    /// Whether a held or requested range reaches into `range`, each extended `before` bytes to its
    /// left, and to its right by the one byte behind it: what is left there of an extent that is
    /// cut gets the key of that byte.
    pub(crate) fn touches(&self, range: &Range<u64>, before: u64) -> bool {
        self.queue.lock().entries.iter().any(|entry| {
            let start = entry.range.start.saturating_sub(before);
            overlap(&(start..entry.range.end.saturating_add(1)), range)
        })
    }

    fn release(&self, ticket: u64) {
        let wakers = self.queue.lock().remove(ticket);
        wakers.into_iter().for_each(Waker::wake);
    }
}

impl<'a> Future for Locking<'a> {
    type Output = RangeLock<'a>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut queue = self.locks.queue.lock();
        let ticket = match self.ticket {
            Some(ticket) => ticket,
            None => {
                let ticket = queue.next_ticket;
                queue.next_ticket += 1;
                let range = self.range.clone();
                queue.entries.push(Entry {
                    ticket,
                    range,
                    waker: None,
                });
                ticket
            }
        };
        if queue.is_granted(ticket) {
            drop(queue);
            let locks = self.locks;
            self.ticket = None;
            // A finished future that is polled again would lock again: it is a programmer error
            // that waits for ever at worst.
            return Poll::Ready(RangeLock { locks, ticket });
        }
        if let Some(entry) = queue
            .entries
            .iter_mut()
            .find(|entry| entry.ticket == ticket)
        {
            entry.waker = Some(cx.waker().clone());
        }
        drop(queue);
        self.ticket = Some(ticket);
        Poll::Pending
    }
}

impl Drop for Locking<'_> {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket {
            self.locks.release(ticket);
        }
    }
}

impl Drop for RangeLock<'_> {
    fn drop(&mut self) {
        self.locks.release(self.ticket);
    }
}
