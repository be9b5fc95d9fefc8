//! The numbers of the NBD protocol, as its specification names them.
//!
//! Source: `doc/proto.md` of the NetworkBlockDevice project, with its `extension-ext-header`
//! branch. Everything on the wire is big-endian.

/// First word of a newstyle server, ASCII `NBDMAGIC`.
pub(crate) const GREETING_MAGIC: u64 = 0x4e42_444d_4147_4943;
/// Second word, and the first of every option, ASCII `IHAVEOPT`.
pub(crate) const OPTION_MAGIC: u64 = 0x4948_4156_454f_5054;
/// First word of every reply to an option.
pub(crate) const OPTION_REPLY_MAGIC: u64 = 0x0003_e889_0455_65a9;
/// First word of a compact request.
pub(crate) const REQUEST_MAGIC: u32 = 0x2560_9513;
/// First word of an extended request.
pub(crate) const EXTENDED_REQUEST_MAGIC: u32 = 0x21e4_1c71;
/// First word of a simple reply.
pub(crate) const SIMPLE_REPLY_MAGIC: u32 = 0x6744_6698;
/// First word of a structured reply chunk.
pub(crate) const STRUCTURED_REPLY_MAGIC: u32 = 0x668e_33ef;
/// First word of an extended reply chunk.
pub(crate) const EXTENDED_REPLY_MAGIC: u32 = 0x6e8a_278c;

/// Bytes of a compact request without its payload.
pub(crate) const REQUEST_BYTES: usize = 28;
/// Bytes of an extended request without its payload.
pub(crate) const EXTENDED_REQUEST_BYTES: usize = 32;
/// Bytes of an option without its data.
pub(crate) const OPTION_BYTES: usize = 16;
/// Zeroes that end the answer to `EXPORT_NAME` for clients that did not ask to leave them out.
pub(crate) const EXPORT_NAME_PADDING: usize = 124;

/// Flags of the server's greeting and, with the same values, of the client's answer.
pub(crate) mod handshake_flag {
    /// Options are answered.
    pub(crate) const FIXED_NEWSTYLE: u16 = 1 << 0;
    /// The padding after the answer to `EXPORT_NAME` is left out.
    pub(crate) const NO_ZEROES: u16 = 1 << 1;
}

/// What a client may ask for before transmission.
pub(crate) mod option {
    /// Choose an export, without a way to report an error.
    pub(crate) const EXPORT_NAME: u32 = 1;
    /// End the session.
    pub(crate) const ABORT: u32 = 2;
    /// Names of all exports.
    pub(crate) const LIST: u32 = 3;
    /// Facts about one export.
    pub(crate) const INFO: u32 = 6;
    /// Facts about one export, which is thereby chosen.
    pub(crate) const GO: u32 = 7;
    /// Replies in chunks.
    pub(crate) const STRUCTURED_REPLY: u32 = 8;
    /// Names of the metadata contexts of an export.
    pub(crate) const LIST_META_CONTEXT: u32 = 9;
    /// Choose metadata contexts.
    pub(crate) const SET_META_CONTEXT: u32 = 10;
    /// Requests and replies with 64-bit lengths.
    pub(crate) const EXTENDED_HEADERS: u32 = 11;
}

/// Types of reply to an option.
pub(crate) mod option_reply {
    /// Done.
    pub(crate) const ACK: u32 = 1;
    /// One export of a list.
    pub(crate) const SERVER: u32 = 2;
    /// One fact about an export.
    pub(crate) const INFO: u32 = 3;
    /// One metadata context.
    pub(crate) const META_CONTEXT: u32 = 4;
    /// The option is unknown here.
    pub(crate) const ERR_UNSUP: u32 = (1 << 31) + 1;
    /// The server does not allow it.
    pub(crate) const ERR_POLICY: u32 = (1 << 31) + 2;
    /// The option is malformed or comes at the wrong time.
    pub(crate) const ERR_INVALID: u32 = (1 << 31) + 3;
    /// There is no such export.
    pub(crate) const ERR_UNKNOWN: u32 = (1 << 31) + 6;
    /// The server is shutting down.
    pub(crate) const ERR_SHUTDOWN: u32 = (1 << 31) + 7;
    /// The option is longer than the server reads.
    pub(crate) const ERR_TOO_BIG: u32 = (1 << 31) + 9;
    /// Extended headers were negotiated before and win.
    pub(crate) const ERR_EXT_HEADER_REQD: u32 = (1 << 31) + 10;
}

/// Facts that `INFO` and `GO` carry.
pub(crate) mod info {
    /// Size and transmission flags.
    pub(crate) const EXPORT: u16 = 0;
    /// Canonical name.
    pub(crate) const NAME: u16 = 1;
    /// Text for a human.
    pub(crate) const DESCRIPTION: u16 = 2;
    /// Minimum and preferred block, maximum payload.
    pub(crate) const BLOCK_SIZE: u16 = 3;
}

/// What an export can do.
pub(crate) mod transmission_flag {
    /// Always set.
    pub(crate) const HAS_FLAGS: u16 = 1 << 0;
    /// Writing is refused.
    pub(crate) const READ_ONLY: u16 = 1 << 1;
    /// `FLUSH` works.
    pub(crate) const SEND_FLUSH: u16 = 1 << 2;
    /// The flag `FUA` works.
    pub(crate) const SEND_FUA: u16 = 1 << 3;
    /// `TRIM` works.
    pub(crate) const SEND_TRIM: u16 = 1 << 5;
    /// `WRITE_ZEROES` and its flag `NO_HOLE` work.
    pub(crate) const SEND_WRITE_ZEROES: u16 = 1 << 6;
    /// The flag `DF` of `READ` works.
    pub(crate) const SEND_DF: u16 = 1 << 7;
    /// A flush on one connection covers what was answered on the others.
    pub(crate) const CAN_MULTI_CONN: u16 = 1 << 8;
    /// `CACHE` works.
    pub(crate) const SEND_CACHE: u16 = 1 << 10;
    /// The flag `FAST_ZERO` of `WRITE_ZEROES` works.
    pub(crate) const SEND_FAST_ZERO: u16 = 1 << 11;
    /// `BLOCK_STATUS` takes a payload that names contexts.
    pub(crate) const BLOCK_STATUS_PAYLOAD: u16 = 1 << 12;
}

/// Types of request.
pub(crate) mod command {
    /// Read.
    pub(crate) const READ: u16 = 0;
    /// Write; the only one with a payload in the compact form.
    pub(crate) const WRITE: u16 = 1;
    /// Finish everything and close; has no reply.
    pub(crate) const DISC: u16 = 2;
    /// Make what was answered before durable.
    pub(crate) const FLUSH: u16 = 3;
    /// Contents of a range are no longer needed.
    pub(crate) const TRIM: u16 = 4;
    /// A range will be needed soon.
    pub(crate) const CACHE: u16 = 5;
    /// Make a range read as zeroes.
    pub(crate) const WRITE_ZEROES: u16 = 6;
    /// Tell which parts of a range are allocated.
    pub(crate) const BLOCK_STATUS: u16 = 7;
}

/// Flags of a request.
pub(crate) mod command_flag {
    /// Answer when durable. Valid on every command.
    pub(crate) const FUA: u16 = 1 << 0;
    /// `WRITE_ZEROES` keeps the space allocated.
    pub(crate) const NO_HOLE: u16 = 1 << 1;
    /// `READ` is answered with one content chunk at most.
    pub(crate) const DF: u16 = 1 << 2;
    /// `BLOCK_STATUS` is answered with one extent.
    pub(crate) const REQ_ONE: u16 = 1 << 3;
    /// `WRITE_ZEROES` fails at once if it would not be faster than writing.
    pub(crate) const FAST_ZERO: u16 = 1 << 4;
    /// The length is that of a payload. Extended headers only.
    pub(crate) const PAYLOAD_LEN: u16 = 1 << 5;
}

/// Flag of the last chunk of a reply.
pub(crate) const REPLY_FLAG_DONE: u16 = 1 << 0;

/// Types of reply chunk.
pub(crate) mod chunk {
    /// Nothing but the end.
    pub(crate) const NONE: u16 = 0;
    /// An offset and the bytes there.
    pub(crate) const OFFSET_DATA: u16 = 1;
    /// An offset and the number of zero bytes there.
    pub(crate) const OFFSET_HOLE: u16 = 2;
    /// Extents of a metadata context, 32 bits each field.
    pub(crate) const BLOCK_STATUS: u16 = 5;
    /// Extents of a metadata context, 64 bits each field.
    pub(crate) const BLOCK_STATUS_EXT: u16 = 6;
    /// An error and its message.
    pub(crate) const ERROR: u16 = (1 << 15) + 1;
}

/// The one metadata context there is.
pub(crate) const BASE_ALLOCATION: &str = "base:allocation";
/// The query that stands for all contexts of its namespace.
pub(crate) const BASE_WILDCARD: &str = "base:";
/// The number we give [`BASE_ALLOCATION`]; clients treat it as opaque.
pub(crate) const BASE_ALLOCATION_ID: u32 = 1;

/// Status of an extent in [`BASE_ALLOCATION`].
pub(crate) mod state {
    /// Takes no space.
    pub(crate) const HOLE: u32 = 1 << 0;
    /// Reads as zeroes.
    pub(crate) const ZERO: u32 = 1 << 1;
}
