//! Threads that make the entity tags of bodies that are not small.
//!
//! MD5 is the slowest of what is done to a body. It is done beside the rest, on threads of its own,
//! and to several bodies in step where several wait: see [`Md5`].
//!
//! A body has one job at most, of a bounded number of bytes, and bodies are bounded by the requests
//! that are served at once: so the queue is, too.

use std::collections::VecDeque;
use std::io;
use std::mem;
use std::sync::Arc;
use std::thread::JoinHandle;

use bytes::{Bytes, BytesMut};
use parking_lot::{Condvar, Mutex};
use s3s::{S3Result, s3_error};
use tokio::sync::oneshot;

use crate::digest::{LANES, Lane, Md5, update_together};

/// Bytes of a body that are worth a job.
const JOB_BYTES: usize = 256 << 10;
/// Bytes of a body that wait for its job to end: then nothing more is taken from the client.
const WAITING_BYTES_MAX: usize = 1 << 20;
/// Pieces below this are copied: each keeps the whole buffer that it was received in.
const COPIED_BYTES: usize = 16 << 10;
/// Bytes that copied pieces are put together to.
const TOGETHER_BYTES: usize = 64 << 10;

/// The threads. Dropping it ends them; jobs that were not done fail then.
pub(crate) struct Hashers {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    queue: Mutex<Queue>,
    wake: Condvar,
}

#[derive(Default)]
struct Queue {
    jobs: VecDeque<Job>,
    /// Threads that wait for jobs.
    idle: usize,
    stop: bool,
}

struct Job {
    md5: Md5,
    data: VecDeque<Bytes>,
    done: oneshot::Sender<Md5>,
}

/// The hash of one body, on its way.
pub(crate) struct BodyHash<'a> {
    hashers: &'a Hashers,
    stage: Stage,
    /// What waits for the job to end.
    waiting: VecDeque<Bytes>,
    /// Small pieces behind that.
    together: BytesMut,
    waiting_bytes: usize,
}

enum Stage {
    Here(Md5),
    Away(oneshot::Receiver<Md5>),
}

impl Hashers {
    /// Starts `threads` of them.
    pub(crate) fn start(threads: usize) -> io::Result<Self> {
        let mut hashers = Self {
            shared: Arc::default(),
            threads: Vec::new(),
        };
        for _ in 0..threads {
            let shared = Arc::clone(&hashers.shared);
            let named = std::thread::Builder::new().name("s3-hash".to_owned());
            hashers.threads.push(named.spawn(move || shared.run())?);
        }
        Ok(hashers)
    }

    /// Begins the hash of a body.
    pub(crate) fn body(&self) -> BodyHash<'_> {
        BodyHash {
            hashers: self,
            stage: Stage::Here(Md5::new()),
            waiting: VecDeque::new(),
            together: BytesMut::new(),
            waiting_bytes: 0,
        }
    }
}

impl Drop for Hashers {
    fn drop(&mut self) {
        self.shared.queue.lock().stop = true;
        self.shared.wake.notify_all();
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a thread that hashes bodies has panicked");
            }
        }
    }
}

impl Shared {
    fn run(&self) {
        let mut jobs = Vec::with_capacity(LANES);
        while self.take(&mut jobs) {
            work(&mut jobs);
        }
    }

    fn add(&self, job: Job) {
        let mut queue = self.queue.lock();
        queue.jobs.push_back(job);
        let wake = queue.idle > 0;
        drop(queue);
        if wake {
            self.wake.notify_one();
        }
    }

    /// Fills the lanes with what waits, and waits if there is nothing at all. `false`: it is over.
    fn take(&self, jobs: &mut Vec<Job>) -> bool {
        let mut queue = self.queue.lock();
        while jobs.is_empty() && queue.jobs.is_empty() {
            if queue.stop {
                return false;
            }
            queue.idle += 1;
            self.wake.wait(&mut queue);
            queue.idle -= 1;
        }
        // Others that have nothing to do take their share.
        let share = queue.jobs.len().div_ceil(queue.idle + 1);
        let count = share.min(LANES - jobs.len());
        jobs.extend(queue.jobs.drain(..count));
        !queue.stop
    }
}

/// Hashes until one job, or more, is done and gone.
fn work(jobs: &mut Vec<Job>) {
    while jobs.iter().all(|job| !job.data.is_empty()) {
        let mut lanes: Vec<Lane<'_>> = Vec::with_capacity(LANES);
        for Job { md5, data, .. } in &mut *jobs {
            let data = data.front().map_or(&[][..], |data| data);
            lanes.push(Lane { md5, data });
        }
        update_together(&mut lanes);
        let left: Vec<usize> = lanes.iter().map(|lane| lane.data.len()).collect();
        for (job, left) in jobs.iter_mut().zip(left) {
            if let Some(first) = job.data.front_mut() {
                *first = first.split_off(first.len() - left);
            }
            if left == 0 {
                job.data.pop_front();
            }
        }
    }
    for job in jobs.extract_if(.., |job| job.data.is_empty()) {
        // Whoever waited for it may be gone.
        let _ = job.done.send(job.md5);
    }
}

impl BodyHash<'_> {
    /// Adds what comes next; waits while too much does.
    pub(crate) async fn add(&mut self, data: Bytes) -> S3Result<()> {
        self.waiting_bytes += data.len();
        if data.len() < COPIED_BYTES {
            self.together.extend_from_slice(&data);
            if self.together.len() >= TOGETHER_BYTES {
                self.close_together();
            }
        } else {
            self.close_together();
            self.waiting.push_back(data);
        }
        if self.waiting_bytes < JOB_BYTES {
            return Ok(());
        }
        if self.waiting_bytes >= WAITING_BYTES_MAX {
            self.come_back().await?;
        }
        if self.is_here() {
            self.send();
        }
        Ok(())
    }

    /// The hash of all that was added.
    pub(crate) async fn finish(mut self) -> S3Result<[u8; 16]> {
        self.come_back().await?;
        if self.waiting_bytes > 0 {
            self.send();
            self.come_back().await?;
        }
        match self.stage {
            Stage::Here(md5) => Ok(md5.finish()),
            Stage::Away(_) => Err(ended()),
        }
    }

    fn close_together(&mut self) {
        if !self.together.is_empty() {
            self.waiting
                .push_back(mem::take(&mut self.together).freeze());
        }
    }

    fn is_here(&mut self) -> bool {
        if let Stage::Away(done) = &mut self.stage
            && let Ok(md5) = done.try_recv()
        {
            self.stage = Stage::Here(md5);
        }
        matches!(self.stage, Stage::Here(_))
    }

    async fn come_back(&mut self) -> S3Result<()> {
        if let Stage::Away(done) = &mut self.stage {
            self.stage = Stage::Here(done.await.map_err(|_| ended())?);
        }
        Ok(())
    }

    /// Hands all that waits over.
    fn send(&mut self) {
        let (done, receiver) = oneshot::channel();
        let stage = mem::replace(&mut self.stage, Stage::Away(receiver));
        let Stage::Here(md5) = stage else {
            self.stage = stage;
            return;
        };
        self.close_together();
        self.waiting_bytes = 0;
        self.hashers.shared.add(Job {
            md5,
            data: mem::take(&mut self.waiting),
            done,
        });
    }
}

fn ended() -> s3s::S3Error {
    s3_error!(InternalError, "The server ends.")
}

#[cfg(test)]
mod tests;
