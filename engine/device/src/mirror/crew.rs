//! Threads that stand ready for syncs of several members at once.
//!
//! Whoever syncs does so on one member and waits for the others, which takes a thread for each. To
//! wake one that waits costs a quarter of what it takes to begin one, and each flush pays for that.

use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{Builder, JoinHandle};

use parking_lot::Mutex;

use crate::{Area, Device, DeviceError};

/// Threads that are kept: the journal and a checkpoint sync at the same time, each on all members
/// but one. More come and go.
const KEPT: usize = 8;

/// One sync: the call, for a thread that knows nothing else.
pub(super) struct SyncCall {
    pub(super) device: Arc<dyn Device>,
    pub(super) area: Area,
}

impl SyncCall {
    pub(super) fn run(&self) -> Result<(), DeviceError> {
        self.device.sync(self.area)
    }
}

/// The threads that have nothing to do. Dropping it ends and joins them.
#[derive(Debug, Default)]
pub(super) struct Crew {
    idle: Mutex<Vec<Hand>>,
}

/// A thread. Whoever has it gives it one call at a time, so both channels hold one message.
#[derive(Debug)]
struct Hand {
    /// `None` when it is to end.
    calls: Option<SyncSender<SyncCall>>,
    answers: Receiver<Result<(), DeviceError>>,
    thread: Option<JoinHandle<()>>,
}

impl Crew {
    /// Makes all calls at once, the first on this thread; their results in order.
    pub(super) fn run(
        &self,
        calls: impl IntoIterator<Item = SyncCall>,
    ) -> Vec<Result<(), DeviceError>> {
        let mut calls = calls.into_iter();
        let Some(first) = calls.next() else {
            return Vec::new();
        };
        let begun: Vec<_> = calls.map(|call| self.begin(call)).collect();
        let mut results = vec![first.run()];
        for begun in begun {
            results.push(match begun {
                Ok(mut hand) => {
                    let result = hand.answer();
                    self.keep(hand);
                    result
                }
                Err(call) => call.run(),
            });
        }
        results
    }

    /// Has a thread begin a call; gives it back if the host has no thread.
    fn begin(&self, call: SyncCall) -> Result<Hand, SyncCall> {
        let idle = self.idle.lock().pop();
        let Some(hand) = idle.or_else(|| Hand::start().ok()) else {
            return Err(call);
        };
        match &hand.calls {
            Some(calls) => match calls.send(call) {
                Ok(()) => Ok(hand),
                Err(unsent) => Err(unsent.0),
            },
            None => Err(call),
        }
    }

    fn keep(&self, hand: Hand) {
        let mut idle = self.idle.lock();
        if idle.len() < KEPT {
            idle.push(hand);
        } else {
            drop(idle);
            drop(hand);
        }
    }
}

impl Hand {
    fn start() -> std::io::Result<Self> {
        let (calls, taken) = sync_channel::<SyncCall>(1);
        let (answer, answers) = sync_channel(1);
        let thread = Builder::new().name("trefoil-copies".to_owned());
        let thread = thread.spawn(move || {
            for call in taken {
                if answer.send(call.run()).is_err() {
                    return;
                }
            }
        })?;
        Ok(Self {
            calls: Some(calls),
            answers,
            thread: Some(thread),
        })
    }

    /// Waits for the result of its call. A panic of its thread is one of this.
    fn answer(&mut self) -> Result<(), DeviceError> {
        if let Ok(result) = self.answers.recv() {
            return result;
        }
        match self.thread.take().map(JoinHandle::join) {
            Some(Err(panic)) => resume_unwind(panic),
            _ => unreachable!("a thread answers each call before it ends"),
        }
    }
}

impl Drop for Hand {
    fn drop(&mut self) {
        drop(self.calls.take());
        if let Some(thread) = self.thread.take() {
            // One that has panicked was joined where its call was waited for.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests;
