//! Requests over io_uring instead of the device.
//!
//! ```text
//! /dev/fuse   handshake, FORGET, INTERRUPT, notifications; all requests where there are no rings
//! rings       all other requests: a queue for each processor, some threads for each queue
//! ```
//!
//! A thread has one ring with one entry, because it carries out one request at a time. What it
//! answers and what it gets next are one system call.
//!
//! * The library makes the handshake and asks for rings only when all threads have one that waits
//!   to be registered: the kernel holds requests back until every queue has an entry.
//! * A kernel that refuses an entry sends what it has to the device, which the library serves
//!   anyhow. So a mount never depends on rings.
//! * The order that coherence rests on (see [`crate::held`]): a request that gives the kernel
//!   something is over when the kernel has taken its answer in, which is when the system call that
//!   hands it over returns. So that one does not wait for the next request.
//! * The threads end when the kernel ends the connection.

mod carry_out;
mod processors;

use std::io;
use std::os::fd::OwnedFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use engine_device::{CommandRequest, CommandRing, Registered};
use fuser::Errno;

use crate::door::{Answer, Ending};
use crate::held::Ticket;
use crate::limits::{RINGS_MAX, RINGS_OF_QUEUE_MAX, WRITE_BYTES_MAX};
use crate::protocol::{Asker, Operation, Reply, encode};
use processors::Processors;

/// Whether new connections can have rings.
const ENABLED: &str = "/sys/module/fuse/parameters/enable_uring";

/// A thread that has a ring and waits for a connection.
struct Thread {
    queue: u16,
    start: SyncSender<Arc<OwnedFd>>,
}

/// Rings for a connection, which is still to come. Dropped, their threads end.
pub(crate) struct Rings {
    threads: Vec<Thread>,
    registered: Receiver<io::Result<Registered>>,
}

impl Rings {
    /// Gets rings ready, `threads` for each processor's queue at most; `None`: this system has
    /// none, or too many processors for them.
    pub(crate) fn prepare(door: &Arc<Ending>, threads: usize) -> Option<Self> {
        let is_enabled = std::fs::read(ENABLED).is_ok_and(|value| value.starts_with(b"Y"));
        let processors = Processors::possible().filter(|_| is_enabled)?;
        let most = RINGS_MAX.checked_div(processors.count())?;
        let each = threads.clamp(1, RINGS_OF_QUEUE_MAX).min(most);
        if each == 0 {
            return None;
        }
        let prepared = Self::spawn(door, processors, each);
        let prepared = prepared.inspect_err(|error| {
            tracing::info!(%error, "no rings for a mount: the device serves it");
        });
        prepared.ok()
    }

    fn spawn(door: &Arc<Ending>, processors: Processors, each: usize) -> io::Result<Self> {
        let (ready, is_ready) = sync_channel(0);
        let (tell_registered, registered) = sync_channel(RINGS_MAX);
        let mut threads = Vec::new();
        for queue in processors.queues() {
            for _ in 0..each {
                let (start, started) = sync_channel(1);
                let worker = Worker {
                    door: Arc::clone(door),
                    queue,
                    started,
                    registered: tell_registered.clone(),
                };
                let ready = ready.clone();
                let named = thread::Builder::new().name(format!("fuse-ring-{queue}"));
                named.spawn(move || worker.run(&ready))?;
                is_ready.recv().map_err(io::Error::other)??;
                threads.push(Thread { queue, start });
            }
        }
        Ok(Self {
            threads,
            registered,
        })
    }

    /// Registers all rings with the connection of `device`, whose handshake asked for them.
    /// Returns whether the kernel uses them.
    ///
    /// # Errors
    /// If the kernel may wait for a ring for ever: the connection is to be given up.
    pub(crate) fn register(self, device: &Arc<OwnedFd>) -> io::Result<bool> {
        let mut are_used = true;
        for thread in &self.threads {
            let sent = thread.start.send(Arc::clone(device));
            sent.map_err(io::Error::other)?;
            match self.registered.recv().map_err(io::Error::other)?? {
                Registered::Yes => {}
                Registered::Refused(error) => {
                    tracing::info!(%error, queue = thread.queue, "the kernel refuses a ring");
                    are_used = false;
                }
            }
        }
        Ok(are_used)
    }
}

/// What a thread begins with.
struct Worker {
    door: Arc<Ending>,
    queue: u16,
    started: Receiver<Arc<OwnedFd>>,
    registered: SyncSender<io::Result<Registered>>,
}

impl Worker {
    fn run(self, ready: &SyncSender<io::Result<()>>) {
        let ring = CommandRing::new(WRITE_BYTES_MAX as usize);
        let (mut ring, is_ready) = match ring {
            Ok(ring) => (Some(ring), Ok(())),
            Err(error) => (None, Err(error)),
        };
        if ready.send(is_ready).is_err() {
            return;
        }
        let (Some(ring), Ok(device)) = (&mut ring, self.started.recv()) else {
            return;
        };
        processors::run_on(self.queue);
        let registered = ring.register(device, self.queue);
        let is_registered = matches!(registered, Ok(Registered::Yes));
        if self.registered.send(registered).is_ok() && is_registered {
            let ended = serve(&self.door, ring);
            tracing::debug!(queue = self.queue, ?ended, "a ring ended");
        }
    }
}

/// Answers requests until the connection is over.
fn serve(door: &Ending, ring: &mut CommandRing) -> io::Result<()> {
    loop {
        ring.wait()?;
        let CommandRequest {
            header,
            operation,
            payload,
            payload_bytes,
        } = ring.request();
        let asker = match Asker::decode(header) {
            Ok(asker) => asker,
            // A header is always long enough.
            Err(error) => return Err(io::Error::from_raw_os_error(error.code())),
        };
        let payload_of_request = &payload[..payload_bytes];
        // Who asked would wait for ever for a thread that panicked.
        let answered = catch_unwind(AssertUnwindSafe(|| {
            answer(door, &asker, operation, payload_of_request)
        }));
        let (reply, ticket) = answered.unwrap_or((Err(Errno::EIO), None));
        let (header, bytes) = encode(asker.unique, reply, payload);
        ring.commit(&header, bytes);
        if let Some(ticket) = ticket {
            ring.submit()?;
            drop(ticket);
        }
    }
}

/// Decodes and carries out a request. What it gives is noted until the ticket is dropped.
fn answer<'a>(
    door: &'a Ending,
    asker: &Asker,
    fixed: &[u8],
    payload: &[u8],
) -> (Answer<Reply>, Option<Ticket<'a>>) {
    match Operation::decode(asker, fixed, payload) {
        Ok(Operation::Give(give)) => {
            let ticket = door.start(give.kind());
            (door.give_over(&ticket, asker, &give), Some(ticket))
        }
        Ok(Operation::Do(operation)) => {
            door.count(operation.kind());
            (door.carry_out(asker, &operation), None)
        }
        Err(error) => (Err(error), None),
    }
}
