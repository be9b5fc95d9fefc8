//! The log: segments, the journal with its group commit, the index stream, and replay.
//!
//! Life of a batch: [`Journal::commit`] joins it to the open group; whoever polls first without a
//! [`Plug`] leads: one device write for the whole group, then apply in LSN order, then every member
//! is told. [`Journal::durable`] shares one sync.
//!
//! Lock order: the journal's state mutex is innermost but for a group's waker list; no system call
//! and no callback runs under it.

#![deny(clippy::indexing_slicing)]

mod error;
mod index_stream;
mod journal;
mod pack_stream;
mod park;
mod plug;
mod poison;
mod replay;
mod segment;
#[cfg(test)]
mod testing;

pub use error::LogError;
pub use index_stream::IndexStream;
pub use journal::{
    Applier, ApplyGroup, BatchData, Commit, Durable, Journal, JournalOptions, JournalStats,
};
pub use pack_stream::{PackStream, Written};
pub use park::thread_waker;
pub use plug::Plug;
pub use poison::Poison;
pub use replay::{
    AcceptedGroup, Replay, ReplayEnd, ReplayedGroup, ReplayedSegment, unsound_blocks,
};
pub use segment::{JournalPosition, SegmentPlace, SegmentSource, write_segment_header};
