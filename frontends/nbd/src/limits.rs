//! Every bound of the server in one place. Queues and buffers of this crate are sized by these and
//! by nothing else.

use std::time::Duration;

/// Longest payload of a request or a reply: the least that the protocol asks every server to
/// accept, and what clients assume of servers that say nothing.
pub const PAYLOAD_BYTES_MAX: u32 = 32 << 20;
/// Smallest unit that can be addressed; the engine merges partial blocks itself.
pub const BLOCK_BYTES_MIN: u32 = 1;
/// Smallest unit that costs no read-modify-write.
pub const BLOCK_BYTES_PREFERRED: u32 = 4096;
/// Longest string of the protocol: names of exports, metadata contexts, messages.
pub const STRING_BYTES_MAX: usize = 4096;

/// Longest data of one option that is looked at; longer ones are skipped and refused.
pub const OPTION_DATA_BYTES_MAX: usize = 64 << 10;
/// Longest data of one option that is skipped; a client that announces more is cut off.
pub const OPTION_SKIP_BYTES_MAX: usize = 1 << 20;
/// Options of one handshake: enough to ask for every export of a large pool by name.
pub const OPTIONS_MAX: u32 = 8192;
/// Bytes of all options of one handshake.
pub const HANDSHAKE_BYTES_MAX: usize = 4 << 20;

/// Read-ahead of a connection: one system call brings this many bytes of requests.
pub const READ_AHEAD_BYTES: usize = 256 << 10;
/// Payloads longer than this are received straight into their buffers and their connection stops
/// reading ahead; shorter ones are copied, because a system call costs more than the copy.
pub const DIRECT_PAYLOAD_BYTES_MIN: usize = 32 << 10;
/// Bytes of a piece that reaches an export in one call. A write no longer than this is one piece
/// wherever it lies, so that a crash leaves all of it or nothing; the pieces of longer ones, and
/// those of reads, end at multiples of this of the export.
pub const PIECE_BYTES_MAX: u64 = 1 << 20;
/// Bytes of one step of a request whose cost grows with its range although it has no payload.
pub const STEP_BYTES: u64 = 32 << 20;
/// Holes of a read shorter than this are sent as data.
pub const HOLE_BYTES_MIN: u32 = 4096;
/// Extents of one block status reply.
pub const EXTENTS_MAX: usize = 8192;
/// Reads of a connection, each right behind the one before and as long, after which the next one is
/// read before it is asked for.
pub const READS_IN_ORDER_MIN: u32 = 3;
/// Longest payload of a block status request: room for more contexts than will ever exist.
pub const STATUS_PAYLOAD_BYTES_MAX: u64 = 4096;
/// What a request costs the budgets beside its payload.
pub const REQUEST_COST_BYTES: u64 = 256;
/// Requests of one connection that were started and not yet answered.
pub const REQUESTS_IN_FLIGHT_MAX: usize = 1024;
/// A connection that has nothing in flight may always start a request that costs this much, which
/// are 256 KiB (what `nbdcopy` sends): no client can keep the others out by holding the budget that
/// all share.
pub const ADMITTED_ALWAYS_BYTES: u64 = (256 << 10) + REQUEST_COST_BYTES;
/// Send and receive buffers asked of the kernel for Unix sockets, which do not grow by themselves.
pub const SOCKET_BUFFER_BYTES: usize = 2 << 20;
/// Time a client has for each message of the handshake. Without it 256 silent clients would keep
/// everybody out.
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(30);
/// Bytes of replies without payload that may wait for a client that does not read; then nothing
/// more is taken from it.
pub const OUTPUT_HEAD_BYTES_MAX: usize = 256 << 10;
/// Device reads that one connection's reactor has in flight; further ones block its thread.
pub const DEVICE_READS_MAX: u32 = 256;
/// Threads of one connection that is asked for much at once.
pub const BEARERS_MAX: usize = 4;
/// Parts of one gathered write: what the kernel takes.
pub const SEND_PARTS_MAX: usize = 1024;
/// Reads of a connection after shutdown began, each answered with an error.
pub const READS_AFTER_SHUTDOWN: u32 = 64;

/// The bounds that an operator may change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Connections at once; one more is accepted and closed.
    pub connections: usize,
    /// Payload bytes that one connection may have in flight; at most one request more than this.
    pub connection_bytes: u64,
    /// Payload bytes that all connections together may have in flight; at most one request more
    /// than this, and
    /// [`ADMITTED_ALWAYS_BYTES`] for each connection.
    pub total_bytes: u64,
    /// Connections that get a thread of their own; further ones share some. Where there are so few
    /// that each could have several, large requests of one connection are carried out on up to
    /// [`BEARERS_MAX`].
    pub own_threads: usize,
}

impl Default for Limits {
    /// 256 connections: one for each of a few dozen clients with several queues. 64 MiB each: two
    /// requests of the largest size. 256 MiB in all: as much as the engine's own default budget. A
    /// thread for each connection as long as each has a processor.
    fn default() -> Self {
        Self {
            connections: 256,
            connection_bytes: 64 << 20,
            total_bytes: 256 << 20,
            own_threads: processors(),
        }
    }
}

/// Processors that this process may use.
pub(crate) fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}
