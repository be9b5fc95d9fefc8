//! The S3 server: objects are the files of buckets.
//!
//! ```text
//! connection -> gate      signature, address, body     -> Call
//!               library   parses the operation         -> service
//!               ops       one file per subject         -> engine
//!               answer    counted until it is sent
//! ```
//!
//! * Without a valid signature of version 4 every request is answered 403, and no more is said.
//! * What is shown is on stable storage: contents, listings, failed conditions and absence alike.
//! * Bodies are received, hashed and staged at the same time, and published only when all that was
//!   promised of them is true. Memory does not depend on what a client declares.
//! * What is not there answers 501: access control lists, policies, versions, object lock,
//!   encryption by the server, uploading by a form.

mod answer;
mod auth;
mod body;
mod connection;
mod digest;
mod document;
mod door;
mod error;
mod etag;
mod fields;
mod gate;
mod hashers;
mod head;
mod intake;
mod keys;
mod leftovers;
mod limits;
mod linger;
mod metrics;
mod moment;
mod ops;
mod pace;
mod posix;
mod query;
mod server;
mod service;
mod stored;
mod stream;
mod target;
mod text;
mod tls;
mod unsupported;
mod upload_name;

pub use keys::{AccessKey, Keys};
pub use limits::Limits;
pub use metrics::{Class, Metrics};
pub use server::{Left, Options, Server, ServerError, Tls};
pub use target::is_bucket_name;
pub use tls::TlsError;
