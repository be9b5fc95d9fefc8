//! Bodies of answers that are too large to be read at once.
//!
//! A task reads ahead of the connection by a block. It ends the object's reader when it is done,
//! when the client goes, or when the client takes nothing for too long.

use std::io;
use std::ops::Range;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use engine_bucket::ObjectReader;
use http_body::{Frame, SizeHint};
use s3s::Body;
use tokio::sync::mpsc::{Receiver, Sender, channel};

use crate::ops::end;

/// Bytes that are read at once.
const BLOCK_BYTES: usize = 1 << 20;
/// Blocks that wait for the connection.
const BLOCKS_AHEAD: usize = 1;

type Block = Result<Bytes, io::Error>;

struct Stream {
    blocks: Receiver<Block>,
    left: u64,
}

/// The body of a range of an object of which `first` was read.
pub(crate) fn of_rest(
    reader: ObjectReader,
    first: Bytes,
    bytes: Range<u64>,
    stall_time: Duration,
) -> Body {
    let (sender, blocks) = channel(BLOCKS_AHEAD);
    let left = bytes.end - bytes.start;
    tokio::spawn(async move {
        pass_on(&reader, &sender, first, bytes, stall_time).await;
        drop(sender);
        end(reader).await;
    });
    Body::http_body(Stream { blocks, left })
}

async fn pass_on(
    reader: &ObjectReader,
    sender: &Sender<Block>,
    first: Bytes,
    bytes: Range<u64>,
    stall_time: Duration,
) {
    let mut at = bytes.start;
    let mut block: Block = Ok(first);
    loop {
        let read = block.as_ref().map_or(0, Bytes::len) as u64;
        let failed = block.is_err();
        let sent = sender.send_timeout(block, stall_time).await;
        at += read;
        if sent.is_err() || failed || at >= bytes.end {
            return;
        }
        let wanted = usize::try_from(bytes.end - at).unwrap_or(BLOCK_BYTES);
        let next = reader.read(at, wanted.min(BLOCK_BYTES)).await;
        block = match next {
            Ok(data) if data.is_empty() => Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(data) => Ok(data.into()),
            Err(error) => {
                tracing::error!(%error, "an object cannot be read to its end");
                Err(io::Error::other(error))
            }
        };
    }
}

impl http_body::Body for Stream {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let block = std::task::ready!(self.blocks.poll_recv(context));
        let frame = match block {
            Some(Ok(data)) => {
                self.left = self.left.saturating_sub(data.len() as u64);
                Some(Ok(Frame::data(data)))
            }
            Some(Err(error)) => Some(Err(error)),
            // The client took nothing for too long.
            None if self.left > 0 => Some(Err(io::ErrorKind::TimedOut.into())),
            None => None,
        };
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}
