//! From what a request came to, to its reply.

use crate::error_code::ErrorCode;
use crate::execute::{Answer, Completion};
use crate::export::Failure;
use crate::output::Output;
use crate::reply::Encoder;
use crate::request::Operation;
use crate::session::Style;

/// When what a request cost may be given back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cost {
    /// Now: nothing of it is held any more.
    Free,
    /// When the reply was sent; the queue of replies keeps the account.
    WithReply,
}

/// Appends the reply to `out`.
pub(crate) fn encode<F: Failure>(
    out: &mut Output,
    style: Style,
    completion: Completion<F>,
) -> Cost {
    let Completion { request, answer } = completion;
    let mut encoder = Encoder {
        out,
        style,
        tag: request.tag,
    };
    match answer {
        Answer::Read(pieces) => {
            let one_chunk = request.operation == Operation::Read { one_chunk: true };
            encoder.read(request.offset, pieces, one_chunk, request.cost());
            return Cost::WithReply;
        }
        Answer::Status(extents) => {
            let one = request.operation == Operation::BlockStatus { one: true };
            encoder.status(&extents, request.bytes, one, request.cost());
            return Cost::WithReply;
        }
        Answer::Done => encoder.done(),
        Answer::Refused(code, why) => encoder.error(code, why),
        Answer::Failed(failure) => {
            let kind = failure.kind();
            encoder.error(ErrorCode::of(kind), ErrorCode::explain(kind));
        }
    }
    Cost::Free
}
