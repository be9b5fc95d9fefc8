//! The bytes of a request.

use super::Tag;
use crate::breach::Breach;
use crate::protocol::{EXTENDED_REQUEST_MAGIC, REQUEST_MAGIC, command, command_flag};
use crate::session::Style;

/// A request as it came. Only its magic was checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    pub(super) flags: u16,
    pub(super) command: u16,
    pub(super) cookie: u64,
    pub(super) offset: u64,
    pub(super) length: u64,
    pub(super) extended: bool,
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

    pub(super) const fn has(&self, flag: u16) -> bool {
        self.flags & flag != 0
    }

    /// Bytes that follow. A write without `PAYLOAD_LEN` breaks the rules of extended headers, but
    /// QEMU (10.0 at least) sends just that, and sends the payload: so a write always has one.
    pub(super) const fn payload(&self) -> u64 {
        let carries = self.command == command::WRITE
            || (self.extended && self.has(command_flag::PAYLOAD_LEN));
        if carries { self.length } else { 0 }
    }
}
