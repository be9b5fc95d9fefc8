//! The options that speak of exports: `LIST`, `INFO` and `GO`.

use super::refuse::{refuse, refuse_export};
use super::{Handshake, Progress};
use crate::export::{Export, ExportInfo, Exports};
use crate::limits::{BLOCK_BYTES_MIN, BLOCK_BYTES_PREFERRED, PAYLOAD_BYTES_MAX, STRING_BYTES_MAX};
use crate::options::{ExportQuery, encode_reply};
use crate::protocol::{info, option, option_reply};
use crate::session::Session;

impl<X: Exports> Handshake<'_, X> {
    /// Opens the export that the client calls `name`.
    pub(super) fn open(&self, name: &str) -> Result<Session<X::Export>, X::Error> {
        let export = self.exports.open(name)?;
        let info = export.info();
        let rules = self.rules(name, &info);
        Ok(Session {
            export,
            info,
            rules,
        })
    }

    pub(super) fn list(&self, out: &mut Vec<u8>) {
        for export in self.exports.list() {
            let name = export.name.as_bytes();
            if name.len() > STRING_BYTES_MAX {
                // No client could ask for it.
                continue;
            }
            let bytes = engine_base::to_u32(name.len());
            let parts: [&[u8]; 3] = [
                &bytes.to_be_bytes(),
                name,
                shown(&export.description).as_bytes(),
            ];
            encode_reply(out, option::LIST, option_reply::SERVER, &parts);
        }
        encode_reply(out, option::LIST, option_reply::ACK, &[]);
    }

    /// `INFO` and `GO`, which differ only in what follows.
    pub(super) fn info(&self, option: u32, data: &[u8], out: &mut Vec<u8>) -> Progress<X::Export> {
        let query = match ExportQuery::parse(data) {
            Ok(query) => query,
            Err(error) => {
                refuse(out, option, error);
                return Progress::Advanced;
            }
        };
        let session = match self.open(query.name) {
            Ok(session) => session,
            Err(error) => {
                refuse_export(out, option, &error);
                return Progress::Advanced;
            }
        };
        encode_facts(
            out,
            option,
            &query,
            &session.info,
            session.rules.transmission_flags(),
        );
        encode_reply(out, option, option_reply::ACK, &[]);
        if option == option::GO {
            Progress::Transmission(session)
        } else {
            Progress::Advanced
        }
    }
}

/// One reply for each fact that was asked for, and the size in any case.
fn encode_facts(
    out: &mut Vec<u8>,
    option: u32,
    query: &ExportQuery<'_>,
    export: &ExportInfo,
    flags: u16,
) {
    let mut fact = |which: u16, parts: [&[u8]; 3]| {
        let [first, second, third] = parts;
        let parts: [&[u8]; 4] = [&which.to_be_bytes(), first, second, third];
        encode_reply(out, option, option_reply::INFO, &parts);
    };
    fact(
        info::EXPORT,
        [&export.size.to_be_bytes(), &flags.to_be_bytes(), &[]],
    );
    if query.wants_name {
        fact(info::NAME, [export.name.as_bytes(), &[], &[]]);
    }
    if query.wants_description && !export.description.is_empty() {
        fact(
            info::DESCRIPTION,
            [shown(&export.description).as_bytes(), &[], &[]],
        );
    }
    if query.wants_block_size {
        let sizes = [BLOCK_BYTES_MIN, BLOCK_BYTES_PREFERRED, PAYLOAD_BYTES_MAX];
        let [min, preferred, max] = sizes.map(u32::to_be_bytes);
        fact(info::BLOCK_SIZE, [&min, &preferred, &max]);
    }
}

/// The part of a description that fits a string of the protocol.
fn shown(description: &str) -> &str {
    let end = description.floor_char_boundary(STRING_BYTES_MAX);
    description.get(..end).unwrap_or_default()
}
