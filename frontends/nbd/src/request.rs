//! Requests: parsed from bytes and checked against what the handshake settled. No state.
//!
//! The order of the checks is that of nbdkit (`server/protocol.c`), so that clients see the errors
//! they know: permission, range, flags, size.

use crate::breach::Breach;
use crate::error_code::ErrorCode;
use crate::limits::{EXTENTS_MAX, PAYLOAD_BYTES_MAX, REQUEST_COST_BYTES, STATUS_PAYLOAD_BYTES_MAX};
use crate::protocol::{
    BASE_ALLOCATION_ID, EXTENDED_REQUEST_MAGIC, REQUEST_MAGIC, command, command_flag,
};
use crate::session::{Rules, Style};

/// Kinds of request, for counting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Read.
    Read,
    /// Write.
    Write,
    /// Flush.
    Flush,
    /// Trim.
    Trim,
    /// Write zeroes.
    WriteZeroes,
    /// Cache.
    Cache,
    /// Block status.
    BlockStatus,
}

impl Kind {
    /// All of them, in the order of [`Kind::index`].
    pub const ALL: [Self; 7] = [
        Self::Read,
        Self::Write,
        Self::Flush,
        Self::Trim,
        Self::WriteZeroes,
        Self::Cache,
        Self::BlockStatus,
    ];

    /// Position in [`Kind::ALL`].
    #[must_use]
    pub const fn index(self) -> usize {
        self as usize
    }

    /// A word for metrics and logs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Flush => "flush",
            Self::Trim => "trim",
            Self::WriteZeroes => "write_zeroes",
            Self::Cache => "cache",
            Self::BlockStatus => "block_status",
        }
    }
}

/// A request as it came. Only its magic was checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    flags: u16,
    command: u16,
    cookie: u64,
    offset: u64,
    length: u64,
    extended: bool,
}

/// What a reply repeats of its request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tag {
    /// The client's name for the request; opaque.
    pub(crate) cookie: u64,
    /// The offset as the client sent it.
    pub(crate) offset: u64,
}

/// What to do, with its options.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    /// `one_chunk`: at most one content chunk.
    Read {
        /// The client asked for it (`DF`).
        one_chunk: bool,
    },
    /// The payload follows the header.
    Write {
        /// Durable before it is answered.
        fua: bool,
    },
    /// No range.
    Flush,
    /// Gives space back.
    Trim {
        /// Durable before it is answered.
        fua: bool,
    },
    /// Zeroes a range.
    WriteZeroes {
        /// Durable before it is answered.
        fua: bool,
        /// Keep space for the range.
        no_hole: bool,
        /// Only if it is faster than writing.
        fast: bool,
    },
    /// A hint.
    Cache,
    /// Asks how a range is stored.
    BlockStatus {
        /// Only the first extent.
        one: bool,
    },
}

impl Operation {
    /// The kind, for counting.
    #[must_use]
    pub(crate) const fn kind(self) -> Kind {
        match self {
            Self::Read { .. } => Kind::Read,
            Self::Write { .. } => Kind::Write,
            Self::Flush => Kind::Flush,
            Self::Trim { .. } => Kind::Trim,
            Self::WriteZeroes { .. } => Kind::WriteZeroes,
            Self::Cache => Kind::Cache,
            Self::BlockStatus { .. } => Kind::BlockStatus,
        }
    }

    /// Whether it makes a batch of the journal.
    #[must_use]
    pub(crate) const fn commits(self) -> bool {
        match self {
            Self::Write { .. } | Self::Trim { .. } | Self::WriteZeroes { .. } => true,
            Self::Read { .. } | Self::Flush | Self::Cache | Self::BlockStatus { .. } => false,
        }
    }
}

/// A request that passed every check: its range lies in the export.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Request {
    /// For the reply.
    pub(crate) tag: Tag,
    /// Where it begins.
    pub(crate) offset: u64,
    /// How long it is.
    pub(crate) bytes: u64,
    /// What to do.
    pub(crate) operation: Operation,
}

impl Request {
    /// What it costs the budgets from its start until its answer was sent.
    #[must_use]
    pub(crate) const fn cost(&self) -> u64 {
        const STATUS_COST: u64 = (EXTENTS_MAX * 2 * size_of::<[u64; 2]>()) as u64;
        match self.operation {
            Operation::Read { .. } | Operation::Write { .. } => self.bytes + REQUEST_COST_BYTES,
            Operation::BlockStatus { one: false } => STATUS_COST,
            Operation::BlockStatus { one: true }
            | Operation::Flush
            | Operation::Trim { .. }
            | Operation::WriteZeroes { .. }
            | Operation::Cache => REQUEST_COST_BYTES,
        }
    }
}

/// A request that is answered with an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// For the reply.
    pub(crate) tag: Tag,
    /// Bytes that follow the header and have to be read and forgotten.
    pub(crate) payload: u64,
    /// The error.
    pub(crate) code: ErrorCode,
    /// The message beside it.
    pub(crate) why: &'static str,
}

/// What a checked header means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Carry it out.
    Run(Request),
    /// Carry it out if this many bytes that follow are right: see [`check_status_payload`].
    RunAfterPayload(Request, usize),
    /// Answer with an error.
    Refuse(Refusal),
    /// The client is done.
    Disconnect,
}

impl Header {
    /// Parses the start of `bytes`. `None` if more are needed, else the header and its length.
    ///
    /// # Errors
    /// [`Breach::Magic`].
    pub(crate) fn parse(bytes: &[u8], style: Style) -> Result<Option<(Self, usize)>, Breach> {
        let extended = style == Style::Extended;
        let magic = if extended {
            EXTENDED_REQUEST_MAGIC
        } else {
            REQUEST_MAGIC
        };
        // The magic is looked at before the rest is there: a client that speaks something else may
        // never send more.
        let Some((word, rest)) = bytes.split_first_chunk() else {
            return Ok(None);
        };
        let found = u32::from_be_bytes(*word);
        if found != magic {
            return Err(Breach::Magic {
                what: "a request",
                found: found.into(),
            });
        }
        let mut fields = rest;
        let Some(header) = Self::fields(&mut fields, extended) else {
            return Ok(None);
        };
        Ok(Some((header, style.request_bytes())))
    }

    fn fields(fields: &mut &[u8], extended: bool) -> Option<Self> {
        fn take<const N: usize>(fields: &mut &[u8]) -> Option<[u8; N]> {
            let (field, rest) = fields.split_first_chunk()?;
            *fields = rest;
            Some(*field)
        }
        Some(Self {
            flags: u16::from_be_bytes(take(fields)?),
            command: u16::from_be_bytes(take(fields)?),
            cookie: u64::from_be_bytes(take(fields)?),
            offset: u64::from_be_bytes(take(fields)?),
            length: if extended {
                u64::from_be_bytes(take(fields)?)
            } else {
                u32::from_be_bytes(take(fields)?).into()
            },
            extended,
        })
    }

    /// What a reply repeats.
    #[must_use]
    pub(crate) const fn tag(&self) -> Tag {
        Tag {
            cookie: self.cookie,
            offset: self.offset,
        }
    }

    const fn has(&self, flag: u16) -> bool {
        self.flags & flag != 0
    }

    /// Bytes that follow. A write without `PAYLOAD_LEN` breaks the rules of extended headers, but
    /// QEMU (10.0 at least) sends just that, and sends the payload: so a write always has one.
    const fn payload(&self) -> u64 {
        let carries = self.command == command::WRITE
            || (self.extended && self.has(command_flag::PAYLOAD_LEN));
        if carries { self.length } else { 0 }
    }

    /// Checks everything that can be checked without the payload. `stopping`: the server answers
    /// nothing any more.
    ///
    /// # Errors
    /// [`Breach::TooLarge`] for a payload that will not be read.
    pub(crate) fn check(&self, rules: &Rules, stopping: bool) -> Result<Verdict, Breach> {
        if self.command == command::DISC {
            return Ok(Verdict::Disconnect);
        }
        let payload = self.payload();
        if payload > PAYLOAD_BYTES_MAX.into() {
            return Err(Breach::TooLarge {
                what: "the payload of a request in bytes",
                found: payload,
                limit: PAYLOAD_BYTES_MAX.into(),
            });
        }
        let checked = if stopping {
            Err((
                ErrorCode::Shutdown,
                "the server is shutting down; reconnect later",
            ))
        } else {
            self.operation(rules)
        };
        Ok(match checked {
            Ok(operation) => self.accept(operation, payload),
            Err((code, why)) => Verdict::Refuse(Refusal {
                tag: self.tag(),
                payload,
                code,
                why,
            }),
        })
    }

    fn accept(&self, operation: Operation, payload: u64) -> Verdict {
        let request = Request {
            tag: self.tag(),
            offset: self.offset,
            bytes: self.length,
            operation,
        };
        if operation.kind() == Kind::BlockStatus && payload > 0 {
            return Verdict::RunAfterPayload(request, engine_base::to_usize(payload));
        }
        Verdict::Run(request)
    }

    /// The operation, if every rule allows it.
    fn operation(&self, rules: &Rules) -> Result<Operation, (ErrorCode, &'static str)> {
        let operation = self.known_operation()?;
        if rules.read_only && operation.commits() {
            return Err((ErrorCode::NotPermitted, "the export is read-only"));
        }
        self.check_range(operation, rules)?;
        self.check_flags(operation, rules)?;
        match operation {
            Operation::Read { .. } if self.length > PAYLOAD_BYTES_MAX.into() => {
                Err((ErrorCode::Overflow, "at most 32 MiB can be read at once"))
            }
            Operation::BlockStatus { .. } if !rules.contexts => {
                Err((ErrorCode::Invalid, "no metadata context was selected"))
            }
            _ => Ok(operation),
        }
    }

    fn known_operation(&self) -> Result<Operation, (ErrorCode, &'static str)> {
        let fua = self.has(command_flag::FUA);
        Ok(match self.command {
            command::READ => Operation::Read {
                one_chunk: self.has(command_flag::DF),
            },
            command::WRITE => Operation::Write { fua },
            command::FLUSH => Operation::Flush,
            command::TRIM => Operation::Trim { fua },
            command::CACHE => Operation::Cache,
            command::WRITE_ZEROES => Operation::WriteZeroes {
                fua,
                no_hole: self.has(command_flag::NO_HOLE),
                fast: self.has(command_flag::FAST_ZERO),
            },
            command::BLOCK_STATUS => Operation::BlockStatus {
                one: self.has(command_flag::REQ_ONE),
            },
            _ => return Err((ErrorCode::Invalid, "unknown command")),
        })
    }

    fn check_range(
        &self,
        operation: Operation,
        rules: &Rules,
    ) -> Result<(), (ErrorCode, &'static str)> {
        if operation.kind() == Kind::Flush {
            if self.offset != 0 || self.length != 0 {
                return Err((ErrorCode::Invalid, "a flush has no range"));
            }
            return Ok(());
        }
        if self.has(command_flag::PAYLOAD_LEN) && operation.kind() == Kind::BlockStatus {
            // The length is the payload's; the range in it is checked with the payload.
            return Ok(());
        }
        check_end(self.offset, self.length, operation, rules)
    }

    fn check_flags(
        &self,
        operation: Operation,
        rules: &Rules,
    ) -> Result<(), (ErrorCode, &'static str)> {
        let own = match operation.kind() {
            Kind::Read if rules.style != Style::Simple => command_flag::DF,
            Kind::Write if self.extended => command_flag::PAYLOAD_LEN,
            Kind::WriteZeroes => command_flag::NO_HOLE | command_flag::FAST_ZERO,
            Kind::BlockStatus if self.extended && rules.contexts => {
                command_flag::REQ_ONE | command_flag::PAYLOAD_LEN
            }
            Kind::BlockStatus => command_flag::REQ_ONE,
            Kind::Read | Kind::Write | Kind::Flush | Kind::Trim | Kind::Cache => 0,
        };
        if self.flags & !(own | command_flag::FUA) != 0 {
            return Err((
                ErrorCode::Invalid,
                "a flag is unknown or not for this command",
            ));
        }
        if operation.kind() == Kind::BlockStatus && self.has(command_flag::PAYLOAD_LEN) {
            let ids = self.length.wrapping_sub(8);
            let fits =
                (12..=STATUS_PAYLOAD_BYTES_MAX).contains(&self.length) && ids.is_multiple_of(4);
            if !fits {
                return Err((ErrorCode::Invalid, "the payload is no list of contexts"));
            }
        }
        Ok(())
    }
}

/// The rule for ranges, with the errors that the protocol asks for.
fn check_end(
    offset: u64,
    bytes: u64,
    operation: Operation,
    rules: &Rules,
) -> Result<(), (ErrorCode, &'static str)> {
    let inside = offset
        .checked_add(bytes)
        .is_some_and(|end| end <= rules.size);
    if !inside {
        return Err(match operation.kind() {
            Kind::Write | Kind::WriteZeroes => (ErrorCode::NoSpace, "the range ends past the end"),
            _ => (ErrorCode::Invalid, "the range ends past the end"),
        });
    }
    if bytes == 0 && operation.kind() == Kind::BlockStatus {
        return Err((ErrorCode::Invalid, "an empty range has no extents"));
    }
    Ok(())
}

/// Checks the payload of a block status request: the length of its range, and the contexts it asks
/// for.
#[must_use]
pub(crate) fn check_status_payload(request: &Request, payload: &[u8], rules: &Rules) -> Verdict {
    let refuse = |(code, why)| {
        Verdict::Refuse(Refusal {
            tag: request.tag,
            payload: 0,
            code,
            why,
        })
    };
    let Some((length, ids)) = payload.split_first_chunk() else {
        return refuse((ErrorCode::Invalid, "the payload is no list of contexts"));
    };
    let bytes = u64::from_be_bytes(*length);
    // One context exists, so any other list names an unknown one or the same one twice.
    if ids != BASE_ALLOCATION_ID.to_be_bytes() {
        return refuse((ErrorCode::Invalid, "a context is unknown or named twice"));
    }
    if let Err(error) = check_end(request.offset, bytes, request.operation, rules) {
        return refuse(error);
    }
    Verdict::Run(Request { bytes, ..*request })
}

#[cfg(test)]
mod tests;
