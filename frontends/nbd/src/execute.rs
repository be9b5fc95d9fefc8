//! One request as a future over an export.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use engine_base::ErrorKind;
use futures_util::future::join_all;

use crate::error_code::ErrorCode;
use crate::export::{Export, MapExtent, ReadData};
use crate::intake::{Job, WritePieces};
use crate::limits::{EXTENTS_MAX, PIECE_BYTES_MAX, STEP_BYTES};
use crate::reply::Pieces;
use crate::request::{Operation, Request};

/// What a request came to.
#[derive(Debug)]
pub(crate) struct Completion<F> {
    pub(crate) request: Request,
    pub(crate) answer: Answer<F>,
}

/// The content of a reply.
#[derive(Debug)]
pub(crate) enum Answer<F> {
    Done,
    Read(Pieces),
    Status(Vec<MapExtent>),
    /// Refused by a rule that depends on the export.
    Refused(ErrorCode, &'static str),
    /// The engine failed.
    Failed(F),
}

/// Carries a request out. Whatever happens, the whole of it is over when this completes.
/// `ahead`: what was read of it before.
pub(crate) async fn execute<E: Export>(
    export: Arc<E>,
    job: Job,
    ahead: Option<E::Ahead>,
) -> Completion<E::Error> {
    let export = &*export;
    let Job { request, payload } = job;
    let Request {
        offset,
        bytes,
        operation,
        ..
    } = request;
    let done = |result: Result<(), E::Error>| result.map(|()| Answer::Done);
    let ranged = !matches!(operation, Operation::Flush);
    let result = if bytes == 0 && ranged {
        Ok(empty(operation))
    } else {
        match operation {
            Operation::Read { .. } => read(export, offset, bytes, ahead).await.map(Answer::Read),
            Operation::Write { fua } => done(write(export, payload, fua).await),
            Operation::Flush => done(export.flush().await),
            Operation::Trim { fua } => done(export.trim(offset, bytes, fua).await),
            // A hint is followed as far as a read could go: a petabyte would keep the thread.
            Operation::Cache => done(export.cache(offset, bytes.min(STEP_BYTES)).await),
            Operation::WriteZeroes { fast, no_hole, .. }
                if fast && !export.is_zeroing_fast(offset, bytes, no_hole) =>
            {
                Ok(Answer::Refused(
                    ErrorCode::NotSupported,
                    "zeroing would not be fast",
                ))
            }
            Operation::WriteZeroes {
                fua, no_hole: true, ..
            } => done(fill(export, offset, bytes, fua).await),
            Operation::WriteZeroes { fua, .. } => {
                done(export.write_zeroes(offset, bytes, false, fua).await)
            }
            Operation::BlockStatus { one } => {
                let extents = if one { 1 } else { EXTENTS_MAX };
                export.map(offset, bytes, extents).await.map(Answer::Status)
            }
        }
    };
    Completion {
        request,
        answer: result.unwrap_or_else(Answer::Failed),
    }
}

/// Zeroes a range that stays allocated. That is work by the byte, and one request may ask for any
/// number of them: between steps the connection's other requests get their turn, and a server that
/// stops is not held up.
async fn fill<E: Export>(export: &E, offset: u64, bytes: u64, fua: bool) -> Result<(), E::Error> {
    let end = offset + bytes;
    let mut at = offset;
    while at < end {
        let step = STEP_BYTES.min(end - at);
        export.write_zeroes(at, step, true, fua).await?;
        at += step;
        if at < end {
            yield_once().await;
        }
    }
    Ok(())
}

/// Is pending once, and wakes its task for the next turn.
async fn yield_once() {
    let mut yielded = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut yielded, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// The protocol leaves open what an empty range does; nothing, successfully, is what clients
/// expect.
fn empty<F>(operation: Operation) -> Answer<F> {
    match operation {
        Operation::Read { .. } => Answer::Read(Pieces::new()),
        _ => Answer::Done,
    }
}

/// Reads pieces that end at multiples of [`PIECE_BYTES_MAX`], all at once.
async fn read<E: Export>(
    export: &E,
    offset: u64,
    bytes: u64,
    ahead: Option<E::Ahead>,
) -> Result<Pieces, E::Error> {
    let first = bytes.min(PIECE_BYTES_MAX - offset % PIECE_BYTES_MAX);
    if first == bytes {
        let mut pieces = Pieces::new();
        pieces.push(read_piece(export, offset, bytes, ahead).await?);
        return Ok(pieces);
    }
    let end = offset + bytes;
    let cuts = std::iter::successors(Some(offset), |at| {
        let next = (at / PIECE_BYTES_MAX + 1) * PIECE_BYTES_MAX;
        (next < end).then_some(next)
    });
    let reads = cuts.map(|at| {
        let cut = (at / PIECE_BYTES_MAX + 1) * PIECE_BYTES_MAX;
        read_piece(export, at, cut.min(end) - at, None)
    });
    join_all(reads).await.into_iter().collect()
}

async fn read_piece<E: Export>(
    export: &E,
    offset: u64,
    bytes: u64,
    ahead: Option<E::Ahead>,
) -> Result<ReadData, E::Error> {
    let bytes = u32::try_from(bytes).expect("pieces are small");
    let read = export.read(offset, bytes, ahead).await?;
    // Were this wrong, everything behind it in the stream would be.
    let runs: u64 = read.runs.iter().map(|run| u64::from(run.bytes)).sum();
    assert_eq!(
        runs,
        u64::from(bytes),
        "an export reads what it was asked for"
    );
    assert_eq!(
        read.bytes,
        engine_base::to_usize(bytes.into()),
        "the runs are the bytes"
    );
    Ok(read)
}

/// Writes all pieces at once. Each is durable by itself if `fua`; together they share the sync.
async fn write<E: Export>(export: &E, mut pieces: WritePieces, fua: bool) -> Result<(), E::Error> {
    if pieces.len() == 1
        && let Some(piece) = pieces.pop()
    {
        return export.write(piece.offset, piece.data, fua).await;
    }
    let writes = pieces
        .into_iter()
        .map(|piece| export.write(piece.offset, piece.data, fua));
    join_all(writes).await.into_iter().collect()
}

/// Whether a failure is the server's concern, so that its log shall say so: the others are the
/// client's doing or are told at length elsewhere.
pub(crate) fn is_logged(kind: ErrorKind) -> bool {
    match kind {
        ErrorKind::Corrupt | ErrorKind::Poisoned | ErrorKind::Io | ErrorKind::NoSpace => true,
        ErrorKind::NotFound
        | ErrorKind::Exists
        | ErrorKind::Invalid
        | ErrorKind::Busy
        | ErrorKind::Locked
        | ErrorKind::Closed => false,
    }
}
