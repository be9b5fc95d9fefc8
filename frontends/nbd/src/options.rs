//! The data of options, parsed; and their replies, encoded. No state.

use crate::limits::STRING_BYTES_MAX;
use crate::protocol::{OPTION_REPLY_MAGIC, info, option_reply};

/// Why the data of an option is refused. The option is answered with an error; the session goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum OptionError {
    #[error("the option's data is cut short or has bytes left over")]
    Length,
    #[error("a name is longer than 4096 bytes")]
    NameTooLong,
    #[error("a name is not UTF-8")]
    NotUtf8,
}

impl OptionError {
    /// The type of the error reply.
    pub(crate) const fn reply_type(self) -> u32 {
        match self {
            Self::Length | Self::NotUtf8 => option_reply::ERR_INVALID,
            Self::NameTooLong => option_reply::ERR_TOO_BIG,
        }
    }
}

/// Data of `INFO` and `GO`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ExportQuery<'a> {
    pub(crate) name: &'a str,
    pub(crate) wants_name: bool,
    pub(crate) wants_description: bool,
    pub(crate) wants_block_size: bool,
}

impl<'a> ExportQuery<'a> {
    pub(crate) fn parse(data: &'a [u8]) -> Result<Self, OptionError> {
        let mut fields = Fields(data);
        let name = fields.string()?;
        let count = fields.u16()?;
        let mut query = Self {
            name,
            wants_name: false,
            wants_description: false,
            wants_block_size: false,
        };
        for _ in 0..count {
            match fields.u16()? {
                info::NAME => query.wants_name = true,
                info::DESCRIPTION => query.wants_description = true,
                info::BLOCK_SIZE => query.wants_block_size = true,
                // EXPORT is sent anyway; unknown ones are ignored as the protocol asks.
                _ => {}
            }
        }
        fields.end()?;
        Ok(query)
    }
}

/// Data of `LIST_META_CONTEXT` and `SET_META_CONTEXT`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ContextQuery<'a> {
    pub(crate) export: &'a str,
    pub(crate) queries: Vec<&'a str>,
}

impl<'a> ContextQuery<'a> {
    pub(crate) fn parse(data: &'a [u8]) -> Result<Self, OptionError> {
        let mut fields = Fields(data);
        let export = fields.string()?;
        let count = fields.u32()?;
        // Grows as queries are found, never by the number that the client announced.
        let mut queries = Vec::new();
        for _ in 0..count {
            queries.push(fields.string()?);
        }
        fields.end()?;
        Ok(Self { export, queries })
    }
}

/// The name that is the whole data of `EXPORT_NAME`.
pub(crate) fn parse_name(data: &[u8]) -> Result<&str, OptionError> {
    if data.len() > STRING_BYTES_MAX {
        return Err(OptionError::NameTooLong);
    }
    // The position of the bad byte helps nobody: the client has the name.
    std::str::from_utf8(data).map_err(|_source| OptionError::NotUtf8)
}

/// What is left of an option's data.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn u16(&mut self) -> Result<u16, OptionError> {
        let (word, rest) = self.0.split_first_chunk().ok_or(OptionError::Length)?;
        self.0 = rest;
        Ok(u16::from_be_bytes(*word))
    }

    fn u32(&mut self) -> Result<u32, OptionError> {
        let (word, rest) = self.0.split_first_chunk().ok_or(OptionError::Length)?;
        self.0 = rest;
        Ok(u32::from_be_bytes(*word))
    }

    fn string(&mut self) -> Result<&'a str, OptionError> {
        let bytes = engine_base::to_usize(self.u32()?.into());
        let (name, rest) = self.0.split_at_checked(bytes).ok_or(OptionError::Length)?;
        self.0 = rest;
        parse_name(name)
    }

    fn end(self) -> Result<(), OptionError> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(OptionError::Length)
        }
    }
}

/// Appends a reply to `option` made of `parts`.
pub(crate) fn encode_reply(out: &mut Vec<u8>, option: u32, reply_type: u32, parts: &[&[u8]]) {
    let bytes: usize = parts.iter().map(|part| part.len()).sum();
    out.extend_from_slice(&OPTION_REPLY_MAGIC.to_be_bytes());
    out.extend_from_slice(&option.to_be_bytes());
    out.extend_from_slice(&reply_type.to_be_bytes());
    out.extend_from_slice(&engine_base::to_u32(bytes).to_be_bytes());
    for part in parts {
        out.extend_from_slice(part);
    }
}

#[cfg(test)]
mod tests;
