//! Passing a connection from thread to thread.
//!
//! A large request costs what it costs to move its bytes: out of the socket, past the checksum,
//! into the page cache, or the other way. One thread for a connection is then its bound, and a
//! payload that is handed to another thread has to be fetched from another processor's cache, which
//! costs more than is won. So it is the connection that is handed on: who has received a large
//! request, while more is there, leaves the connection to the next thread, carries the request out
//! and answers it by itself.
//!
//! * One thread holds the connection at a time; only it receives. Others carry out what they
//!   received before, or wait for the connection.
//! * Replies are sent in [`Turn`](crate::turn::Turn)s, each whole.
//! * Who has a request that waits, for a device or for a write before it, takes the connection
//!   again if nobody holds it: so many can wait at once.
//! * Where there are as many connections as processors, each stays with one thread.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::thread::{self, Scope};

use crate::alone;
use crate::connection::{End, Seat};
use crate::export::Export;
use crate::limits::BEARERS_MAX;
use crate::link::Link;

/// A connection and the threads that serve it, its bearers.
pub(crate) struct Relay<E> {
    pub(crate) link: Arc<Link>,
    pub(crate) export: Arc<E>,
    desk: Mutex<Desk<E>>,
    changed: Condvar,
}

struct Desk<E> {
    /// The connection, while nobody holds it. At the end it stays here.
    seat: Option<Seat<E>>,
    /// Threads.
    bearers: usize,
    /// Threads that wait for the connection.
    waiting: usize,
    /// Of threads that have something in flight and would take the connection.
    wakers: Vec<Waker>,
    /// How the connection ended.
    end: Option<Result<(), End>>,
}

impl<E: Export> Relay<E> {
    pub(crate) fn new(seat: Seat<E>) -> Self {
        Self {
            link: Arc::clone(&seat.link),
            export: Arc::clone(&seat.export),
            desk: Mutex::new(Desk {
                seat: Some(seat),
                bearers: 1,
                waiting: 0,
                wakers: Vec::new(),
                end: None,
            }),
            changed: Condvar::new(),
        }
    }

    /// Waits for the connection; `None` when it has ended. The thread has nothing in flight.
    pub(crate) fn take(&self) -> Option<Seat<E>> {
        let mut desk = self.lock();
        while desk.end.is_none() {
            if let Some(seat) = desk.seat.take() {
                return Some(seat);
            }
            desk.waiting += 1;
            let changed = self.changed.wait(desk);
            desk = changed.unwrap_or_else(PoisonError::into_inner);
            desk.waiting -= 1;
        }
        None
    }

    /// Takes the connection if nobody holds it and it has not ended. Else `waker` is woken when it
    /// is left and nobody waits for it, or when it ends.
    pub(crate) fn try_take(&self, waker: &Waker) -> Option<Seat<E>> {
        let mut desk = self.lock();
        if desk.end.is_some() {
            return None;
        }
        let seat = desk.seat.take();
        if seat.is_none() && !desk.wakers.iter().any(|known| known.will_wake(waker)) {
            desk.wakers.push(waker.clone());
        }
        seat
    }

    /// Whether the holder may leave the connection to somebody now; starts a thread for that if
    /// there is none yet.
    pub(crate) fn may_pass<'s>(&'s self, scope: &'s Scope<'s, '_>) -> bool {
        let shared = &self.link.shared;
        let connections = shared.metrics.connections_open.load(Ordering::Relaxed);
        let each = shared.limits.own_threads / engine_base::to_usize(connections.max(1));
        let allowed = each.min(BEARERS_MAX);
        if allowed < 2 {
            return false;
        }
        let mut desk = self.lock();
        if desk.waiting == 0 && desk.bearers < allowed {
            let name = thread::current().name().unwrap_or("nbd").to_owned();
            let thread = thread::Builder::new().name(name);
            match thread.spawn_scoped(scope, move || alone::bear(self, scope)) {
                Ok(_) => desk.bearers += 1,
                Err(error) => tracing::debug!(%error, "a connection stays with one thread"),
            }
        }
        desk.bearers > 1
    }

    /// Leaves the connection to the next thread.
    pub(crate) fn pass(&self, seat: Seat<E>) {
        let mut desk = self.lock();
        desk.seat = Some(seat);
        if desk.waiting > 0 {
            drop(desk);
            self.changed.notify_one();
        } else if let Some(waker) = desk.wakers.pop() {
            drop(desk);
            waker.wake();
        }
    }

    /// The connection ended for its holder; the others finish what they carry out.
    pub(crate) fn finish(&self, mut seat: Seat<E>, result: Result<(), End>) {
        let mut desk = self.lock();
        if result.is_err() && desk.bearers > 1 {
            // A reply may be sent in part: nobody's may follow it.
            self.link.client.socket.abort();
        }
        seat.leave();
        desk.seat = Some(seat);
        desk.end.get_or_insert(result);
        self.wake_all(desk);
    }

    /// A thread cannot go on: neither can the connection.
    pub(crate) fn fail(&self, end: Result<(), End>) {
        self.link.client.socket.abort();
        let mut desk = self.lock();
        desk.end.get_or_insert(end);
        self.wake_all(desk);
    }

    /// How it ended, when all threads have.
    pub(crate) fn into_end(self) -> Result<(), End> {
        let desk = self.desk.into_inner();
        let end = desk.unwrap_or_else(PoisonError::into_inner).end;
        end.unwrap_or(Ok(()))
    }

    fn wake_all(&self, mut desk: MutexGuard<'_, Desk<E>>) {
        let wakers = std::mem::take(&mut desk.wakers);
        drop(desk);
        self.changed.notify_all();
        wakers.into_iter().for_each(Waker::wake);
    }

    fn lock(&self) -> MutexGuard<'_, Desk<E>> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
