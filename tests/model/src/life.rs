//! One life of a pool: from opening to the power cut.

use std::future::Future;
use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use engine_base::{ByteCount, VolumeOffset};
use engine_device::SimDevice;
use engine_format::Encryption;
use engine_pool::{StoreError, block_on};
use engine_volume::{Ack, Ahead, Storage, Volume, Volumes};

use crate::history::{History, commit_order, split};
use crate::op::{Op, Put};
use crate::page_buf;
use crate::workload::Workload;

/// Every other volume is encrypted where there is a key for it.
fn storage(volumes: &Volumes, name: &str) -> Storage {
    let is_chosen = name.bytes().fold(0, u8::wrapping_add) % 2 == 0;
    Storage {
        encryption: match volumes.pool().has_master_key() && is_chosen {
            true => Encryption::Aes256Gcm,
            false => Encryption::Off,
        },
        ..Storage::default()
    }
}

type Writing<'a> = Pin<Box<dyn Future<Output = Result<(), StoreError>> + 'a>>;

/// A pool that is being used.
pub struct Life<'a> {
    device: &'a Arc<SimDevice>,
    volumes: Volumes,
    history: &'a mut History,
    /// A range that was read ahead, of a volume with this name then.
    ahead: Option<(String, Range<u64>, Ahead)>,
}

impl<'a> Life<'a> {
    /// Begins with an open pool in the state of `history`.
    pub fn new(device: &'a Arc<SimDevice>, volumes: Volumes, history: &'a mut History) -> Self {
        Self {
            device,
            volumes,
            history,
            ahead: None,
        }
    }

    /// Does `count` operations of `workload`, or fewer if the power is lost. `false`: it was.
    ///
    /// # Panics
    /// If an operation fails with power on, or a read is wrong.
    pub fn run(&mut self, workload: &mut Workload, count: usize) -> bool {
        for _ in 0..count {
            let op = workload.next(&self.history.state);
            match self.perform(&op) {
                Ok(()) => {}
                Err(_) if self.device.power_lost() => return false,
                Err(error) => panic!("{op:?} failed: {error:?}"),
            }
        }
        true
    }

    /// Does one operation.
    ///
    /// # Errors
    /// Of the engine; its steps are in the history as begun.
    ///
    /// # Panics
    /// If a read is wrong.
    pub fn perform(&mut self, op: &Op) -> Result<(), StoreError> {
        self.history.begin(op);
        let volumes = &self.volumes;
        let durable = match op {
            Op::Create(name, size) => {
                block_on(volumes.create_as(name, ByteCount::new(*size), storage(volumes, name)))?;
                true
            }
            Op::Resize(name, size) => {
                block_on(volumes.resize(name, ByteCount::new(*size)))?;
                true
            }
            Op::Delete(name) => {
                block_on(volumes.delete(name))?;
                true
            }
            Op::Snapshot(label, names) => {
                let names: Vec<&str> = names.iter().map(String::as_str).collect();
                block_on(volumes.take_snapshot(label, &names))?;
                true
            }
            Op::DeleteSnapshot(snapshot) => {
                let (name, label) = split(snapshot);
                block_on(volumes.delete_snapshot(name, label))?;
                true
            }
            Op::CreateFrom(name, from) => {
                let from = match from.split_once('@') {
                    Some((from, label)) => (from, Some(label)),
                    None => (from.as_str(), None),
                };
                block_on(volumes.create_from(name, from))?;
                true
            }
            Op::Revert(snapshot) => {
                let (name, label) = split(snapshot);
                block_on(volumes.revert(name, label))?;
                true
            }
            Op::Write(puts) => return self.write(puts),
            Op::Trim(name, range, ack) => {
                let at = VolumeOffset::new(range.start);
                block_on(volumes.open(name)?.trim(at, range.end - range.start, *ack))?;
                *ack == Ack::Durable
            }
            Op::Zero(name, range, allocate, ack) => {
                let (at, bytes) = (VolumeOffset::new(range.start), range.end - range.start);
                block_on(volumes.open(name)?.write_zeroes(at, bytes, *allocate, *ack))?;
                *ack == Ack::Durable
            }
            Op::Read(name, range) => {
                self.read_in_order(name, range)?;
                false
            }
            Op::Flush => {
                block_on(volumes.pool().flush())?;
                self.history.flushed();
                false
            }
            Op::Clean => {
                volumes.pool().clean()?;
                false
            }
            Op::Checkpoint => {
                volumes.pool().checkpoint()?;
                self.history.flushed();
                false
            }
        };
        self.history.resolved(durable);
        Ok(())
    }

    /// Reads, also what was read ahead the last time, and reads ahead for the next.
    fn read_in_order(&mut self, name: &str, range: &Range<u64>) -> Result<(), StoreError> {
        self.read(name, range.clone(), None)?;
        self.read_what_was_read_ahead()?;
        let volume = self.volumes.open(name)?;
        let (at, bytes) = (VolumeOffset::new(range.start), range.end - range.start);
        let ahead = volume.read_ahead(at, engine_base::to_usize(bytes));
        self.ahead = ahead.map(|ahead| (name.to_owned(), range.clone(), ahead));
        Ok(())
    }

    /// Whatever happened since the last read: nothing old is shown.
    fn read_what_was_read_ahead(&mut self) -> Result<(), StoreError> {
        let Some((name, range, ahead)) = self.ahead.take() else {
            return Ok(());
        };
        match self.volumes.open(&name) {
            Ok(volume) if volume.size().get() >= range.end => self.read(&name, range, Some(ahead)),
            _ => Ok(()),
        }
    }

    fn read(&self, name: &str, range: Range<u64>, ahead: Option<Ahead>) -> Result<(), StoreError> {
        let volume = self.volumes.open(name)?;
        let bytes = engine_base::to_usize(range.end - range.start);
        let at = VolumeOffset::new(range.start);
        let read = block_on(volume.read_with(at, bytes, ahead))?;
        let expected = self.history.state.volume(name).read(range);
        let seen = read.data().map_or_else(|| vec![0; bytes], <[u8]>::to_vec);
        assert!(seen == expected, "a read of {name} is wrong");
        Ok(())
    }

    /// Writes that are in flight at once. Those that wait for no lock gather under a plug, in
    /// order.
    fn write(&mut self, puts: &[Put]) -> Result<(), StoreError> {
        let before = self.history.steps.len();
        let open: Result<Vec<Volume>, StoreError> = puts
            .iter()
            .map(|put| self.volumes.open(&put.name))
            .collect();
        let open = open?;
        let (first, later) = commit_order(puts);
        let later: Vec<usize> = later
            .into_iter()
            .filter(|index| !puts[*index].dropped)
            .collect();
        let first_step = before - first.len() - later.len();
        let mut writing: Vec<Option<Writing<'_>>> = Vec::new();
        for (put, volume) in puts.iter().zip(&open) {
            let data = page_buf(
                put.pattern,
                put.range.start,
                put.range.end - put.range.start,
            );
            writing.push(Some(Box::pin(volume.write(
                VolumeOffset::new(put.range.start),
                data,
                put.ack,
            ))));
        }
        let mut results: Vec<Option<Result<(), StoreError>>> = puts.iter().map(|_| None).collect();
        let plug = (puts.len() > 1).then(|| self.volumes.pool().plug());
        for (result, writing) in results.iter_mut().zip(&mut writing) {
            *result = poll(writing);
        }
        for (_, writing) in puts.iter().zip(&mut writing).filter(|(put, _)| put.dropped) {
            *writing = None;
        }
        drop(plug);
        let mut failed = Ok(());
        for (position, index) in first.iter().chain(&later).enumerate() {
            let polled = results[*index].take();
            // What is pending waits for a device that is slow.
            let wait = || writing[*index].take().map(block_on);
            let Some(result) = polled.or_else(wait) else {
                assert!(puts[*index].dropped, "what was not dropped has a result");
                continue;
            };
            match result {
                Ok(()) if puts[*index].ack == Ack::Durable => {
                    self.history.durable_up_to(first_step + position + 1);
                }
                Ok(()) => {}
                Err(error) => failed = Err(error),
            }
        }
        failed?;
        self.history.resolved(false);
        Ok(())
    }
}

fn poll(writing: &mut Option<Writing<'_>>) -> Option<Result<(), StoreError>> {
    let mut context = Context::from_waker(Waker::noop());
    match writing.as_mut()?.as_mut().poll(&mut context) {
        Poll::Ready(result) => {
            *writing = None;
            Some(result)
        }
        Poll::Pending => None,
    }
}
