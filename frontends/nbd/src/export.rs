//! What the server needs of a storage engine. Nothing here knows the protocol.

use std::future::Future;

use engine_base::ErrorKind;
use engine_device::PageBuf;

/// An error of the engine: what kind it is decides what the client is told.
pub trait Failure: std::error::Error + Send + 'static {
    /// The kind.
    fn kind(&self) -> ErrorKind;
}

/// What a client learns about an export before it uses it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportInfo {
    /// Name, at most [`crate::limits::STRING_BYTES_MAX`] bytes.
    pub name: String,
    /// Bytes.
    pub size: u64,
    /// Whether writing is refused.
    pub read_only: bool,
    /// A sentence for a human; empty for none.
    pub description: String,
}

/// A part of what was read, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    /// Its length.
    pub bytes: u32,
    /// Whether nothing is stored there: then it reads as zeroes.
    pub hole: bool,
}

/// What was read.
#[derive(Debug)]
pub struct ReadData {
    /// The memory that holds the bytes; `None` if all of them are zero and none is stored.
    pub buf: Option<PageBuf>,
    /// Where in `buf` the first byte is.
    pub start: usize,
    /// How many bytes were read.
    pub bytes: usize,
    /// The same bytes cut into data and holes; the lengths add up to `bytes`. Holes are zero in
    /// `buf`.
    pub runs: Vec<Run>,
}

/// How a range is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExtentKind {
    /// Bytes are stored.
    Data,
    /// Reads as zeroes, and the space is kept for it.
    Zero,
    /// Nothing is stored; reads as zeroes.
    Hole,
}

/// A range of an export that is stored in one way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MapExtent {
    /// Its length; never zero.
    pub bytes: u64,
    /// How it is stored.
    pub kind: ExtentKind,
}

/// The exports that a server offers.
pub trait Exports: Send + Sync + 'static {
    /// One of them.
    type Export: Export;
    /// Why an export cannot be opened.
    type Error: Failure;

    /// All of them, in the order in which clients shall see them.
    fn list(&self) -> Vec<ExportInfo>;

    /// The export of this name. The empty name is the default: the only export, if there is
    /// exactly one.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] if there is none; [`ErrorKind::Closed`] during shutdown.
    fn open(&self, name: &str) -> Result<Self::Export, Self::Error>;
}

/// One export, used by many connections at once.
///
/// All ranges were checked against [`ExportInfo::size`] before, lengths are not zero, and nothing
/// that changes a read-only export is called. The futures are polled on one thread and may be
/// dropped at any time; what a dropped one was doing happens or does not.
pub trait Export: Clone + Send + Sync + 'static {
    /// Why a request failed.
    type Error: Failure;

    /// What was read before it was asked for.
    type Ahead: Send + 'static;

    /// Facts that do not change while it is open.
    fn info(&self) -> ExportInfo;

    /// While the guard lives, writes that are polled on this thread gather; dropping it lets them
    /// through together.
    fn plug(&self) -> impl Sized;

    /// Whether zeroing this range takes less time than writing it.
    fn is_zeroing_fast(&self, offset: u64, bytes: u64, no_hole: bool) -> bool;

    /// Reads at most [`crate::limits::PIECE_BYTES_MAX`] bytes, as they are now; `ahead` may be what
    /// was read of them before.
    fn read(
        &self,
        offset: u64,
        bytes: u32,
        ahead: Option<Self::Ahead>,
    ) -> impl Future<Output = Result<ReadData, Self::Error>>;

    /// Reads a range that will probably be asked for next, without waiting for anything. `None`:
    /// that cannot be, or the range does not exist.
    fn read_ahead(&self, offset: u64, bytes: u32) -> Option<Self::Ahead>;

    /// Writes at most [`crate::limits::PIECE_BYTES_MAX`] bytes at any offset, whole or not at all;
    /// durable when it returns if `fua`.
    fn write(
        &self,
        offset: u64,
        data: PageBuf,
        fua: bool,
    ) -> impl Future<Output = Result<(), Self::Error>>;

    /// Makes a range read as zeroes, whole or not at all if it is no longer than
    /// [`crate::limits::PIECE_BYTES_MAX`]. `no_hole`: later writes there do not run out of space.
    fn write_zeroes(
        &self,
        offset: u64,
        bytes: u64,
        no_hole: bool,
        fua: bool,
    ) -> impl Future<Output = Result<(), Self::Error>>;

    /// Gives the space of a range back; it reads as zeroes or as before.
    fn trim(
        &self,
        offset: u64,
        bytes: u64,
        fua: bool,
    ) -> impl Future<Output = Result<(), Self::Error>>;

    /// Makes durable what any connection was told is done before this call.
    fn flush(&self) -> impl Future<Output = Result<(), Self::Error>>;

    /// Brings a range nearer. A hint.
    fn cache(&self, offset: u64, bytes: u64) -> impl Future<Output = Result<(), Self::Error>>;

    /// How a range is stored, from its start: at least one extent and at most `extents_max`, which
    /// may be less than the whole range.
    fn map(
        &self,
        offset: u64,
        bytes: u64,
        extents_max: usize,
    ) -> impl Future<Output = Result<Vec<MapExtent>, Self::Error>>;
}
