//! Error replies to options.

use engine_base::ErrorKind;

use crate::error_code::ErrorCode;
use crate::export::Failure;
use crate::options::{OptionError, encode_reply};
use crate::protocol::option_reply;

pub(super) fn refuse(out: &mut Vec<u8>, option: u32, error: OptionError) {
    let message = error.to_string();
    encode_reply(out, option, error.reply_type(), &[message.as_bytes()]);
}

/// The text of the error stays in the server: only its kind is told.
pub(super) fn refuse_export<F: Failure>(out: &mut Vec<u8>, option: u32, error: &F) {
    let reply_type = match error.kind() {
        ErrorKind::Closed => option_reply::ERR_SHUTDOWN,
        ErrorKind::Locked => option_reply::ERR_POLICY,
        // To a client, an export that cannot be opened is one that is not there.
        ErrorKind::NotFound
        | ErrorKind::Exists
        | ErrorKind::Invalid
        | ErrorKind::NoSpace
        | ErrorKind::Busy
        | ErrorKind::Corrupt
        | ErrorKind::Poisoned
        | ErrorKind::Io => option_reply::ERR_UNKNOWN,
    };
    let why = match error.kind() {
        // Nobody has it open: it was not deleted under a client.
        ErrorKind::NotFound => "no such export; list them",
        kind => ErrorCode::explain(kind),
    };
    encode_reply(out, option, reply_type, &[why.as_bytes()]);
}
