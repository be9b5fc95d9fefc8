//! The NBD server: parses, checks, calls the engine, answers. No storage logic.
//!
//! ```text
//! listener -> registry -> connection (one thread at a time)
//!   handshake  options                  -> Session
//!   flow       read_ahead -> intake     -> requests   whole ones out of one receive
//!   execute    a future each, over Export             one plug per batch of commits
//!   answer     reply -> output                        one gathered write for all replies
//! ```
//!
//! * A thread waits in one system call: a plain receive when it has nothing in flight, else its
//!   reactor. A request that is served from memory costs one receive and one send, shared with all
//!   that arrived with it.
//! * A large request is carried out and answered by the thread that received it, while another one
//!   goes on with the connection: its bytes stay in one processor's cache.
//! * A client that reads in order and waits for each answer has the next range read while it looks
//!   at this one.
//! * Payloads are received into page-aligned buffers of their own and sent from them; headers
//!   never share memory with them.
//! * Every number a client sends is checked before it is used; a client that cannot be understood
//!   loses its connection, gets one line in the log, and has no other effect.
//! * What is not done: TLS, resizing of an export that is open, several metadata contexts.

mod address;
mod admission;
mod alone;
mod answer;
mod breach;
mod budget;
mod connection;
mod crew;
mod error_code;
mod execute;
mod export;
mod flow;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod handshake;
mod intake;
pub mod limits;
mod link;
mod listener;
#[cfg(feature = "testing")]
pub mod memory;
mod metrics;
mod options;
mod order;
mod outbox;
mod output;
mod pace;
mod protocol;
mod read_ahead;
mod registry;
mod relay;
mod reply;
mod request;
mod server;
mod session;
mod shared;
mod socket;
mod turn;

pub use address::{Address, AddressError};
pub use export::{Export, ExportInfo, Exports, ExtentKind, Failure, MapExtent, ReadData, Run};
pub use limits::Limits;
pub use listener::ListenError;
pub use metrics::Metrics;
pub use request::Kind;
pub use server::{Server, Shutdown};
