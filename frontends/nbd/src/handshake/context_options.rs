//! The options that speak of metadata contexts.

use super::Handshake;
use super::refuse::{refuse, refuse_export};
use crate::export::Exports;
use crate::options::{ContextQuery, encode_reply};
use crate::protocol::{BASE_ALLOCATION, BASE_ALLOCATION_ID, BASE_WILDCARD, option, option_reply};
use crate::session::Style;

impl<X: Exports> Handshake<'_, X> {
    /// `LIST_META_CONTEXT` and `SET_META_CONTEXT`.
    pub(super) fn contexts(&mut self, option: u32, data: &[u8], out: &mut Vec<u8>) {
        let set = option == option::SET_META_CONTEXT;
        if set {
            // Also if it fails: the protocol says that each attempt replaces what was selected.
            self.contexts_of = None;
        }
        if self.style == Style::Simple {
            let why = b"negotiate structured replies first";
            return encode_reply(out, option, option_reply::ERR_INVALID, &[why]);
        }
        let query = match ContextQuery::parse(data) {
            Ok(query) => query,
            Err(error) => return refuse(out, option, error),
        };
        if let Err(error) = self.exports.open(query.export) {
            return refuse_export(out, option, &error);
        }
        let listed_all = query.queries.is_empty() && !set;
        let found = listed_all
            || query
                .queries
                .iter()
                .any(|query| *query == BASE_ALLOCATION || (*query == BASE_WILDCARD && !set));
        if found {
            let id = if set { BASE_ALLOCATION_ID } else { 0 };
            let parts: [&[u8]; 2] = [&id.to_be_bytes(), BASE_ALLOCATION.as_bytes()];
            encode_reply(out, option, option_reply::META_CONTEXT, &parts);
        }
        if found && set {
            self.contexts_of = Some(query.export.to_owned());
        }
        encode_reply(out, option, option_reply::ACK, &[]);
    }
}
