//! The handshake, without a socket: bytes in, bytes out, and in the end a [`Session`].
//!
//! * Options are answered one by one, in order.
//! * Data of an option is looked at only when it is whole, and never if it is longer than a limit.
//! * What earlier options settled (reply style, contexts) is state; nothing else is.

use crate::breach::Breach;
use crate::export::Exports;
use crate::limits::{
    HANDSHAKE_BYTES_MAX, OPTION_DATA_BYTES_MAX, OPTION_SKIP_BYTES_MAX, OPTIONS_MAX,
};
use crate::options::{encode_reply, parse_name};
use crate::protocol::{
    EXPORT_NAME_PADDING, GREETING_MAGIC, OPTION_BYTES, OPTION_MAGIC, handshake_flag, option,
    option_reply,
};
use crate::session::{Rules, Session, Style};

mod context_options;
mod export_options;
mod refuse;

/// What [`Handshake::advance`] came to.
#[derive(Debug)]
pub(crate) enum Progress<E> {
    /// The next message is not whole yet.
    NeedMore,
    /// A message was taken; there may be another.
    Advanced,
    /// Requests follow.
    Transmission(Session<E>),
    /// The client said goodbye.
    Closed,
}

/// What the client sends next.
#[derive(Debug, Clone, Copy)]
enum Stage {
    /// Four bytes of flags.
    ClientFlags,
    /// An option.
    Option,
    /// Data of an option that is refused once all of it has passed.
    Skip {
        remaining: usize,
        option: u32,
        reply_type: u32,
    },
}

/// A handshake in progress.
#[derive(Debug)]
pub(crate) struct Handshake<'a, X> {
    exports: &'a X,
    stage: Stage,
    no_zeroes: bool,
    style: Style,
    /// Name of the export for which `base:allocation` is selected, as the client spelled it.
    contexts_of: Option<String>,
    options: u32,
    bytes: usize,
}

impl<'a, X: Exports> Handshake<'a, X> {
    /// Begins; the greeting goes to `out`.
    pub(crate) fn new(exports: &'a X, out: &mut Vec<u8>) -> Self {
        out.extend_from_slice(&GREETING_MAGIC.to_be_bytes());
        out.extend_from_slice(&OPTION_MAGIC.to_be_bytes());
        let flags = handshake_flag::FIXED_NEWSTYLE | handshake_flag::NO_ZEROES;
        out.extend_from_slice(&flags.to_be_bytes());
        Self {
            exports,
            stage: Stage::ClientFlags,
            no_zeroes: false,
            style: Style::Simple,
            contexts_of: None,
            options: 0,
            bytes: 0,
        }
    }

    /// Takes at most one message from the start of `input`. Returns how many bytes it took;
    /// replies go to `out`.
    ///
    /// # Errors
    /// [`Breach`] if the client cannot be understood or asks for too much.
    pub(crate) fn advance(
        &mut self,
        input: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(usize, Progress<X::Export>), Breach> {
        let (taken, progress) = match self.stage {
            Stage::ClientFlags => self.client_flags(input)?,
            Stage::Option => self.option(input, out)?,
            Stage::Skip {
                remaining,
                option,
                reply_type,
            } => {
                let taken = remaining.min(input.len());
                if taken == remaining {
                    encode_reply(out, option, reply_type, &[]);
                    self.stage = Stage::Option;
                    (taken, Progress::Advanced)
                } else {
                    self.stage = Stage::Skip {
                        remaining: remaining - taken,
                        option,
                        reply_type,
                    };
                    (taken, Progress::NeedMore)
                }
            }
        };
        self.bytes += taken;
        check_limit("the handshake in bytes", self.bytes, HANDSHAKE_BYTES_MAX)?;
        Ok((taken, progress))
    }

    /// What the client has begun to send and not finished, if anything. `unread`: what
    /// [`Handshake::advance`] left because it needs more.
    pub(crate) fn within(&self, unread: &[u8]) -> Option<&'static str> {
        match self.stage {
            Stage::Skip { .. } => Some("an option"),
            Stage::ClientFlags | Stage::Option if unread.is_empty() => None,
            Stage::ClientFlags => Some("the client flags"),
            Stage::Option => Some("an option"),
        }
    }

    fn client_flags(&mut self, input: &[u8]) -> Result<(usize, Progress<X::Export>), Breach> {
        let Some(word) = input.first_chunk() else {
            return Ok((0, Progress::NeedMore));
        };
        let found = u32::from_be_bytes(*word);
        // A client without FIXED_NEWSTYLE sends EXPORT_NAME only, so it needs no mode of its own.
        let known = handshake_flag::FIXED_NEWSTYLE | handshake_flag::NO_ZEROES;
        if found & !u32::from(known) != 0 {
            return Err(Breach::ClientFlags { found });
        }
        self.no_zeroes = found & u32::from(handshake_flag::NO_ZEROES) != 0;
        self.stage = Stage::Option;
        Ok((word.len(), Progress::Advanced))
    }

    fn option(
        &mut self,
        input: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(usize, Progress<X::Export>), Breach> {
        let Some((head, rest)) = input.split_first_chunk::<OPTION_BYTES>() else {
            return Ok((0, Progress::NeedMore));
        };
        let [magic @ .., o0, o1, o2, o3, l0, l1, l2, l3] = *head;
        let magic = u64::from_be_bytes(magic);
        if magic != OPTION_MAGIC {
            return Err(Breach::Magic {
                what: "an option",
                found: magic,
            });
        }
        let option = u32::from_be_bytes([o0, o1, o2, o3]);
        let bytes = engine_base::to_usize(u32::from_be_bytes([l0, l1, l2, l3]).into());
        check_limit(
            "the data of an option in bytes",
            bytes,
            OPTION_SKIP_BYTES_MAX,
        )?;
        if let Some(reply_type) = self.refusal(option, bytes)? {
            self.count_option()?;
            self.stage = Stage::Skip {
                remaining: bytes,
                option,
                reply_type,
            };
            return Ok((OPTION_BYTES, Progress::Advanced));
        }
        let Some(data) = rest.get(..bytes) else {
            return Ok((0, Progress::NeedMore));
        };
        self.count_option()?;
        let progress = self.answer(option, data, out)?;
        Ok((OPTION_BYTES + bytes, progress))
    }

    fn count_option(&mut self) -> Result<(), Breach> {
        self.options += 1;
        check_limit(
            "the number of options",
            engine_base::to_usize(self.options.into()),
            engine_base::to_usize(OPTIONS_MAX.into()),
        )
    }

    /// The error for an option whose data need not be looked at.
    fn refusal(&self, option: u32, bytes: usize) -> Result<Option<u32>, Breach> {
        let refusal = match option {
            option::EXPORT_NAME => {
                check_limit("an export name in bytes", bytes, OPTION_DATA_BYTES_MAX)?;
                None
            }
            // Data of ABORT is ignored, not refused.
            option::ABORT => (bytes > 0).then_some(option_reply::ACK),
            option::LIST => (bytes > 0).then_some(option_reply::ERR_INVALID),
            option::STRUCTURED_REPLY if self.style == Style::Extended => {
                Some(option_reply::ERR_EXT_HEADER_REQD)
            }
            option::STRUCTURED_REPLY => {
                (bytes > 0 || self.style != Style::Simple).then_some(option_reply::ERR_INVALID)
            }
            option::EXTENDED_HEADERS => {
                (bytes > 0 || self.style == Style::Extended).then_some(option_reply::ERR_INVALID)
            }
            option::INFO | option::GO | option::LIST_META_CONTEXT | option::SET_META_CONTEXT => {
                (bytes > OPTION_DATA_BYTES_MAX).then_some(option_reply::ERR_TOO_BIG)
            }
            // STARTTLS among them: there is no TLS here.
            _ => Some(option_reply::ERR_UNSUP),
        };
        Ok(refusal)
    }

    /// Carries an option out.
    fn answer(
        &mut self,
        option: u32,
        data: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<Progress<X::Export>, Breach> {
        match option {
            option::EXPORT_NAME => return self.export_name(data, out),
            option::ABORT => {
                encode_reply(out, option, option_reply::ACK, &[]);
                return Ok(Progress::Closed);
            }
            option::LIST => self.list(out),
            option::GO | option::INFO => return Ok(self.info(option, data, out)),
            option::STRUCTURED_REPLY => {
                self.style = Style::Structured;
                encode_reply(out, option, option_reply::ACK, &[]);
            }
            option::EXTENDED_HEADERS => {
                self.style = Style::Extended;
                encode_reply(out, option, option_reply::ACK, &[]);
            }
            _ => self.contexts(option, data, out),
        }
        Ok(Progress::Advanced)
    }

    /// What was settled, for the export that the client calls `name`.
    fn rules(&self, name: &str, info: &crate::export::ExportInfo) -> Rules {
        Rules {
            size: info.size,
            read_only: info.read_only,
            style: self.style,
            contexts: self.contexts_of.as_deref() == Some(name),
        }
    }

    fn export_name(&self, data: &[u8], out: &mut Vec<u8>) -> Result<Progress<X::Export>, Breach> {
        let breach = |reason: String| Breach::ExportName {
            name: String::from_utf8_lossy(data).chars().take(64).collect(),
            reason,
        };
        if self.style == Style::Extended {
            return Err(breach("extended headers need GO".to_owned()));
        }
        let name = parse_name(data).map_err(|error| breach(error.to_string()))?;
        let session = self.open(name).map_err(|error| breach(error.to_string()))?;
        out.extend_from_slice(&session.info.size.to_be_bytes());
        out.extend_from_slice(&session.rules.transmission_flags().to_be_bytes());
        if !self.no_zeroes {
            out.extend_from_slice(&[0; EXPORT_NAME_PADDING]);
        }
        Ok(Progress::Transmission(session))
    }
}

fn check_limit(what: &'static str, found: usize, limit: usize) -> Result<(), Breach> {
    if found <= limit {
        return Ok(());
    }
    let wide = |value: usize| u64::try_from(value).unwrap_or(u64::MAX);
    Err(Breach::TooLarge {
        what,
        found: wide(found),
        limit: wide(limit),
    })
}

#[cfg(test)]
mod tests;
