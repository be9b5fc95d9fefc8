//! The rules for requests.
//!
//! The order of the checks is that of nbdkit (`server/protocol.c`), so that clients see the errors
//! they know: permission, range, flags, size.

use super::{Header, Kind, Operation, Refusal, Request, Verdict};
use crate::breach::Breach;
use crate::error_code::ErrorCode;
use crate::limits::{PAYLOAD_BYTES_MAX, STATUS_PAYLOAD_BYTES_MAX};
use crate::protocol::{BASE_ALLOCATION_ID, command, command_flag};
use crate::session::{Rules, Style};

impl Header {
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
