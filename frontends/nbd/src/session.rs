//! What a handshake settles.

use crate::export::ExportInfo;
use crate::protocol::{EXTENDED_REQUEST_BYTES, REQUEST_BYTES, transmission_flag as flag};

/// The form of requests and replies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    /// Compact requests, one simple reply each.
    Simple,
    /// Compact requests; reads are answered in chunks.
    Structured,
    /// 32-byte requests, every answer in chunks with 64-bit lengths.
    Extended,
}

impl Style {
    /// Bytes of a request without its payload.
    #[must_use]
    pub(crate) const fn request_bytes(self) -> usize {
        match self {
            Self::Simple | Self::Structured => REQUEST_BYTES,
            Self::Extended => EXTENDED_REQUEST_BYTES,
        }
    }
}

/// What requests are checked against and answered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rules {
    /// Bytes of the export.
    pub(crate) size: u64,
    /// Whether writing is refused.
    pub(crate) read_only: bool,
    /// Form of requests and replies.
    pub(crate) style: Style,
    /// Whether `base:allocation` was selected for this export.
    pub(crate) contexts: bool,
}

impl Rules {
    /// What the client is told that it may use.
    #[must_use]
    pub(crate) fn transmission_flags(&self) -> u16 {
        let mut flags = flag::HAS_FLAGS
            | flag::SEND_FLUSH
            | flag::SEND_FUA
            | flag::CAN_MULTI_CONN
            | flag::SEND_CACHE;
        if self.read_only {
            flags |= flag::READ_ONLY;
        } else {
            flags |= flag::SEND_TRIM | flag::SEND_WRITE_ZEROES | flag::SEND_FAST_ZERO;
        }
        if self.style != Style::Simple {
            flags |= flag::SEND_DF;
        }
        if self.style == Style::Extended && self.contexts {
            flags |= flag::BLOCK_STATUS_PAYLOAD;
        }
        flags
    }
}

/// The export that was chosen and how to speak about it.
#[derive(Debug)]
pub(crate) struct Session<E> {
    /// The export.
    pub(crate) export: E,
    /// Its facts when it was opened.
    pub(crate) info: ExportInfo,
    /// Derived from both and from the options.
    pub(crate) rules: Rules,
}
