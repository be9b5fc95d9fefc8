//! Replies, encoded in the style that was negotiated.

use smallvec::SmallVec;

use crate::error_code::ErrorCode;
use crate::export::{ExtentKind, MapExtent, ReadData};
use crate::limits::HOLE_BYTES_MIN;
use crate::output::Output;
use crate::protocol::{
    BASE_ALLOCATION_ID, EXTENDED_REPLY_MAGIC, REPLY_FLAG_DONE, SIMPLE_REPLY_MAGIC,
    STRUCTURED_REPLY_MAGIC, chunk, state,
};
use crate::request::Tag;
use crate::session::Style;

/// What was read for one request: pieces that follow one another.
pub(crate) type Pieces = SmallVec<[ReadData; 1]>;

/// Encodes replies of one style into one queue.
pub(crate) struct Encoder<'a> {
    pub(crate) out: &'a mut Output,
    pub(crate) style: Style,
    pub(crate) tag: Tag,
}

/// A stretch of a read that becomes one chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Span {
    bytes: u64,
    hole: bool,
}

impl Encoder<'_> {
    /// Success without data.
    pub(crate) fn done(&mut self) {
        match self.style {
            Style::Simple | Style::Structured => self.simple(0),
            Style::Extended => self.chunk(chunk::NONE, true, 0),
        }
    }

    /// An error. The message is dropped where the style has no room for it.
    pub(crate) fn error(&mut self, code: ErrorCode, message: &str) {
        if self.style == Style::Simple {
            return self.simple(code.number());
        }
        let bytes = u16::try_from(message.len()).expect("messages are short constants");
        self.chunk(chunk::ERROR, true, 6 + u64::from(bytes));
        self.out.head(&code.number().to_be_bytes());
        self.out.head(&bytes.to_be_bytes());
        self.out.head(message.as_bytes());
    }

    /// What was read at `offset`. It is all there, so the last chunk of data may end the reply.
    pub(crate) fn read(&mut self, offset: u64, pieces: Pieces, one_chunk: bool, cost: u64) {
        let spans = match self.style {
            Style::Simple => SmallVec::new(),
            Style::Structured | Style::Extended => spans(&pieces, one_chunk),
        };
        let bytes: usize = pieces.iter().map(|piece| piece.bytes).sum();
        let mut source = Source::new(self.out, pieces);
        if self.style == Style::Simple {
            self.simple(0);
            source.send(self.out, bytes);
        } else if spans.is_empty() {
            self.chunk(chunk::NONE, true, 0);
        }
        let mut at = offset;
        for (index, span) in spans.iter().enumerate() {
            let last = index + 1 == spans.len();
            if span.hole {
                self.chunk(chunk::OFFSET_HOLE, last, 12);
                self.out.head(&at.to_be_bytes());
                let bytes = u32::try_from(span.bytes).expect("a read is at most 32 MiB");
                self.out.head(&bytes.to_be_bytes());
                source.skip(engine_base::to_usize(span.bytes));
            } else {
                self.chunk(chunk::OFFSET_DATA, last, 8 + span.bytes);
                self.out.head(&at.to_be_bytes());
                source.send(self.out, engine_base::to_usize(span.bytes));
            }
            at += span.bytes;
        }
        self.out.end(source.payloads, cost);
    }

    /// How a range of `bytes` is stored. The extents are cut to the range, and neighbours of one
    /// kind are joined.
    pub(crate) fn status(&mut self, extents: &[MapExtent], bytes: u64, one: bool, cost: u64) {
        let joined = join(extents, bytes, one, self.style);
        let count = joined.len();
        let count32 = engine_base::to_u32(count);
        if self.style == Style::Extended {
            self.chunk(chunk::BLOCK_STATUS_EXT, true, 8 + 16 * u64::from(count32));
            self.out.head(&BASE_ALLOCATION_ID.to_be_bytes());
            self.out.head(&count32.to_be_bytes());
            for (bytes, flags) in &joined {
                self.out.head(&bytes.to_be_bytes());
                self.out.head(&u64::from(*flags).to_be_bytes());
            }
        } else {
            self.chunk(chunk::BLOCK_STATUS, true, 4 + 8 * u64::from(count32));
            self.out.head(&BASE_ALLOCATION_ID.to_be_bytes());
            for (bytes, flags) in &joined {
                let bytes = u32::try_from(*bytes).expect("extents were cut to 32 bits");
                self.out.head(&bytes.to_be_bytes());
                self.out.head(&flags.to_be_bytes());
            }
        }
        self.out.end(0, cost);
    }

    fn simple(&mut self, error: u32) {
        let mut head = [0; 16];
        head[..4].copy_from_slice(&SIMPLE_REPLY_MAGIC.to_be_bytes());
        head[4..8].copy_from_slice(&error.to_be_bytes());
        head[8..].copy_from_slice(&self.tag.cookie.to_be_bytes());
        self.out.head(&head);
    }

    /// The header of a chunk whose payload has `bytes`.
    fn chunk(&mut self, kind: u16, last: bool, bytes: u64) {
        let flags = if last { REPLY_FLAG_DONE } else { 0 };
        let mut head = [0; 32];
        head[4..6].copy_from_slice(&flags.to_be_bytes());
        head[6..8].copy_from_slice(&kind.to_be_bytes());
        head[8..16].copy_from_slice(&self.tag.cookie.to_be_bytes());
        if self.style == Style::Extended {
            head[..4].copy_from_slice(&EXTENDED_REPLY_MAGIC.to_be_bytes());
            head[16..24].copy_from_slice(&self.tag.offset.to_be_bytes());
            head[24..].copy_from_slice(&bytes.to_be_bytes());
            self.out.head(&head);
        } else {
            let bytes = u32::try_from(bytes).expect("a chunk is little more than 32 MiB");
            head[..4].copy_from_slice(&STRUCTURED_REPLY_MAGIC.to_be_bytes());
            head[16..20].copy_from_slice(&bytes.to_be_bytes());
            self.out.head(&head[..20]);
        }
    }
}

/// The chunks of a read: neighbours of one kind joined, short holes made data.
fn spans(pieces: &Pieces, one_chunk: bool) -> SmallVec<[Span; 8]> {
    let runs = pieces
        .iter()
        .flat_map(|piece| &piece.runs)
        .filter(|run| run.bytes > 0);
    let whole: u64 = runs.clone().map(|run| u64::from(run.bytes)).sum();
    let all_hole = runs.clone().all(|run| run.hole);
    let mut spans = SmallVec::<[Span; 8]>::new();
    if whole > 0 && (one_chunk || all_hole) {
        spans.push(Span {
            bytes: whole,
            hole: all_hole,
        });
        return spans;
    }
    for run in runs {
        let hole = run.hole && run.bytes >= HOLE_BYTES_MIN;
        match spans.last_mut() {
            Some(last) if last.hole == hole => last.bytes += u64::from(run.bytes),
            _ => spans.push(Span {
                bytes: run.bytes.into(),
                hole,
            }),
        }
    }
    spans
}

/// Descriptors of at most `bytes` in all.
fn join(extents: &[MapExtent], bytes: u64, one: bool, style: Style) -> Vec<(u64, u32)> {
    // The largest multiple of a block that 32 bits hold.
    let longest = if style == Style::Extended {
        u64::MAX
    } else {
        0xffff_f000
    };
    let mut left = bytes;
    let mut joined: Vec<(u64, u32)> = Vec::new();
    for extent in extents {
        let bytes = extent.bytes.min(left);
        if bytes == 0 {
            break;
        }
        left -= bytes;
        let flags = match extent.kind {
            ExtentKind::Data => 0,
            ExtentKind::Zero => state::ZERO,
            ExtentKind::Hole => state::ZERO | state::HOLE,
        };
        match joined.last_mut() {
            Some(last) if last.1 == flags => last.0 += bytes,
            _ => joined.push((bytes, flags)),
        }
    }
    if joined.is_empty() {
        // An engine that knows nothing: "data" is always a right answer, and an empty one is none.
        joined.push((bytes, 0));
    }
    if one {
        joined.truncate(1);
    }
    // Where a descriptor cannot hold its extent, the reply ends with it; the client asks again
    // from there.
    if let Some(index) = joined.iter().position(|(bytes, _)| *bytes > longest) {
        joined.truncate(index + 1);
        if let Some(last) = joined.last_mut() {
            last.0 = longest;
        }
    }
    joined
}

/// Walks through what was read.
struct Source {
    /// For each piece: number of its memory (`None`: zeroes), where it begins there, how long it
    /// is.
    pieces: SmallVec<[(Option<u64>, usize, usize); 1]>,
    /// How many pieces are through.
    index: usize,
    /// How many bytes of the piece at `index` are through.
    done: usize,
    /// How many pieces handed memory over.
    payloads: usize,
}

impl Source {
    fn new(out: &mut Output, pieces: Pieces) -> Self {
        let mut payloads = 0;
        let pieces = pieces
            .into_iter()
            .map(|piece| {
                let memory = piece.buf.map(|buf| out.payload(buf));
                payloads += usize::from(memory.is_some());
                (memory, piece.start, piece.bytes)
            })
            .collect();
        Self {
            pieces,
            index: 0,
            done: 0,
            payloads,
        }
    }

    /// Moves on by at most `bytes` within one piece.
    fn step(&mut self, bytes: usize) -> (Option<u64>, usize, usize) {
        loop {
            let (memory, start, whole) = *self
                .pieces
                .get(self.index)
                .expect("spans add up to the pieces");
            if self.done < whole {
                let now = bytes.min(whole - self.done);
                let at = start + self.done;
                self.done += now;
                return (memory, at, now);
            }
            self.index += 1;
            self.done = 0;
        }
    }

    fn skip(&mut self, mut bytes: usize) {
        while bytes > 0 {
            bytes -= self.step(bytes).2;
        }
    }

    fn send(&mut self, out: &mut Output, mut bytes: usize) {
        while bytes > 0 {
            let (memory, start, now) = self.step(bytes);
            match memory {
                Some(payload) => out.data(payload, start, now),
                None => out.zeroes(now),
            }
            bytes -= now;
        }
    }
}

#[cfg(test)]
mod tests;
