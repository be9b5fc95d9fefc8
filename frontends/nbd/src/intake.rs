//! From received bytes to requests: what is whole is taken, what is not stays or is received into
//! its place.
//!
//! State is one of three things: between requests, within the payload of a write, within a payload
//! that is thrown away. No memory is taken for bytes that a client only announced: the pieces of a
//! large write are allocated as they fill.

use engine_device::PageBuf;
use smallvec::SmallVec;

use crate::breach::Breach;
use crate::limits::{DIRECT_PAYLOAD_BYTES_MIN, PIECE_BYTES_MAX, READ_AHEAD_BYTES};
use crate::read_ahead::ReadAhead;
use crate::request::{Header, Operation, Refusal, Request, Verdict, check_status_payload};
use crate::session::Rules;

/// A part of a write: at most [`PIECE_BYTES_MAX`].
#[derive(Debug)]
pub(crate) struct Piece {
    pub(crate) offset: u64,
    pub(crate) data: PageBuf,
}

/// The parts of a write, in order.
pub(crate) type WritePieces = SmallVec<[Piece; 1]>;

/// A request with everything it needs.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) request: Request,
    /// Empty for everything but writes.
    pub(crate) payload: WritePieces,
}

impl Job {
    /// Whether most of what it costs is moving its bytes, and nothing of it is waiting for a sync.
    pub(crate) fn is_large(&self) -> bool {
        let moves = matches!(
            self.request.operation,
            Operation::Read { .. } | Operation::Write { fua: false }
        );
        moves && engine_base::to_usize(self.request.bytes) > DIRECT_PAYLOAD_BYTES_MIN
    }
}

/// What the bytes so far came to.
#[derive(Debug)]
pub(crate) enum Taken {
    /// A request to start.
    Job(Job),
    /// A request to answer with an error; its payload is gone.
    Refused(Refusal),
    /// More bytes are needed.
    NeedMore,
    /// The next request costs this much, which the budget does not have now. Nothing was taken.
    Blocked(u64),
    /// The client is done.
    Disconnect,
}

/// The state between two receives.
#[derive(Debug)]
enum State {
    Between,
    Write(Incoming),
    Drain { refusal: Refusal, remaining: u64 },
}

/// A write whose payload is on its way.
#[derive(Debug)]
struct Incoming {
    request: Request,
    pieces: WritePieces,
    /// Bytes of the last piece that are there.
    filled: usize,
    /// Bytes that belong to pieces which do not exist yet.
    remaining: u64,
}

/// Takes requests out of a [`ReadAhead`].
#[derive(Debug)]
pub(crate) struct Intake {
    rules: Rules,
    state: State,
    /// Whether the last request was a write so large that reading ahead would only cause copies.
    direct: bool,
}

impl Intake {
    pub(crate) const fn new(rules: Rules) -> Self {
        Self {
            rules,
            state: State::Between,
            direct: false,
        }
    }

    /// Takes the next request. `admit` is asked before anything is taken for it; `stopping`:
    /// everything is refused.
    ///
    /// # Errors
    /// [`Breach`] if the client cannot be understood.
    pub(crate) fn take(
        &mut self,
        input: &mut ReadAhead,
        stopping: bool,
        admit: impl FnOnce(u64) -> bool,
    ) -> Result<Taken, Breach> {
        match &mut self.state {
            State::Between => self.next(input, stopping, admit),
            State::Write(_) | State::Drain { .. } => Ok(self.resume(input)),
        }
    }

    fn next(
        &mut self,
        input: &mut ReadAhead,
        stopping: bool,
        admit: impl FnOnce(u64) -> bool,
    ) -> Result<Taken, Breach> {
        let Some((header, bytes)) = Header::parse(input.unread(), self.rules.style)? else {
            return Ok(Taken::NeedMore);
        };
        let (verdict, bytes) = match header.check(&self.rules, stopping)? {
            Verdict::RunAfterPayload(request, payload) => {
                let Some(payload) = input.unread().get(bytes..bytes + payload) else {
                    return Ok(Taken::NeedMore);
                };
                let verdict = check_status_payload(&request, payload, &self.rules);
                (verdict, bytes + payload.len())
            }
            verdict => (verdict, bytes),
        };
        match verdict {
            Verdict::Disconnect => Ok(Taken::Disconnect),
            Verdict::Refuse(refusal) => {
                input.consume(bytes);
                self.state = State::Drain {
                    refusal,
                    remaining: refusal.payload,
                };
                Ok(self.resume(input))
            }
            Verdict::Run(request) | Verdict::RunAfterPayload(request, _) => {
                let cost = request.cost();
                if !admit(cost) {
                    return Ok(Taken::Blocked(cost));
                }
                input.consume(bytes);
                self.begin(request);
                Ok(self.resume(input))
            }
        }
    }

    /// A request without payload is a write of nothing.
    fn begin(&mut self, request: Request) {
        let remaining = match request.operation {
            Operation::Write { .. } => request.bytes,
            _ => 0,
        };
        self.direct = engine_base::to_usize(remaining) > DIRECT_PAYLOAD_BYTES_MIN;
        self.state = State::Write(Incoming {
            request,
            pieces: WritePieces::new(),
            filled: 0,
            remaining,
        });
    }

    /// Goes on with what was begun.
    fn resume(&mut self, input: &mut ReadAhead) -> Taken {
        match std::mem::replace(&mut self.state, State::Between) {
            State::Between => Taken::NeedMore,
            State::Write(mut incoming) => {
                while !input.unread().is_empty()
                    && let Some(room) = incoming.room()
                {
                    let copied = input.copy_to(room);
                    incoming.filled += copied;
                }
                if incoming.is_whole() {
                    return Taken::Job(Job {
                        request: incoming.request,
                        payload: incoming.pieces,
                    });
                }
                self.state = State::Write(incoming);
                Taken::NeedMore
            }
            State::Drain { refusal, remaining } => {
                let there = u64::try_from(input.unread().len()).unwrap_or(u64::MAX);
                let now = there.min(remaining);
                input.consume(engine_base::to_usize(now));
                if now == remaining {
                    return Taken::Refused(refusal);
                }
                self.state = State::Drain {
                    refusal,
                    remaining: remaining - now,
                };
                Taken::NeedMore
            }
        }
    }

    /// Where the next bytes from the socket go: first the payload's own memory, then the
    /// read-ahead buffer.
    pub(crate) fn room<'a>(&'a mut self, input: &'a mut ReadAhead) -> (&'a mut [u8], &'a mut [u8]) {
        let ahead = if self.direct {
            self.rules.style.request_bytes()
        } else {
            READ_AHEAD_BYTES
        };
        match &mut self.state {
            State::Between => (&mut [], input.room(ahead)),
            State::Drain { .. } => (&mut [], input.room(READ_AHEAD_BYTES)),
            State::Write(incoming) => {
                let whole = incoming.room().is_none();
                assert!(!whole, "a whole payload was taken before more is received");
                // Bytes may go past this piece only if what follows it is another request.
                let ahead = if incoming.remaining == 0 { ahead } else { 0 };
                (incoming.room().unwrap_or_default(), input.room(ahead))
            }
        }
    }

    /// What the client has begun to send and not finished, if anything, after [`Taken::NeedMore`].
    pub(crate) fn within(&self, input: &ReadAhead) -> Option<&'static str> {
        match self.state {
            State::Write(_) | State::Drain { .. } => Some("the payload of a request"),
            State::Between if input.unread().is_empty() => None,
            State::Between => Some("a request"),
        }
    }

    /// Notes that so many bytes were received into [`Intake::room`].
    pub(crate) fn received(&mut self, input: &mut ReadAhead, bytes: usize) {
        let payload = match &mut self.state {
            State::Write(incoming) => {
                let room = incoming.room().map_or(0, |room| room.len());
                let payload = bytes.min(room);
                incoming.filled += payload;
                payload
            }
            State::Between | State::Drain { .. } => 0,
        };
        input.received(bytes - payload);
    }
}

impl Incoming {
    fn is_whole(&self) -> bool {
        let last = self.pieces.last().map_or(0, |piece| piece.data.len());
        self.remaining == 0 && self.filled == last
    }

    /// The memory that the next bytes belong to; allocates the next piece when the last is full.
    /// `None` at the end.
    fn room(&mut self) -> Option<&mut [u8]> {
        let last = self.pieces.last().map_or(0, |piece| piece.data.len());
        if self.filled == last && self.remaining > 0 {
            let offset = self.request.offset + (self.request.bytes - self.remaining);
            let bytes = if self.request.bytes <= PIECE_BYTES_MAX {
                // Whole or absent after a crash wherever it lies: only one call promises that.
                self.remaining
            } else {
                let cut = PIECE_BYTES_MAX - offset % PIECE_BYTES_MAX;
                self.remaining.min(cut)
            };
            let data = PageBuf::recycled(engine_base::to_usize(bytes));
            self.pieces.push(Piece { offset, data });
            self.remaining -= bytes;
            self.filled = 0;
        }
        let filled = self.filled;
        self.pieces
            .last_mut()
            .and_then(|piece| piece.data.get_mut(filled..))
            .filter(|room| !room.is_empty())
    }
}

#[cfg(test)]
mod tests;
