//! The console: metrics for Prometheus, a health check, and one page for people.
//!
//! | path | answer |
//! |---|---|
//! | `/metrics` | the families of [`Source::families`] in the Prometheus text format |
//! | `/healthz` | `200 ok`, `200 degraded: ...`, or 503, with the reason that [`Health`] has |
//! | `/` | [`Source::page`] as plain HTML, everything escaped |
//!
//! Nothing can be changed through it, and it knows nothing of the engine: whoever starts it hands
//! it a [`Source`]. Connections, header time and header size are bounded.

mod error;
mod metrics;
mod page;
mod server;
mod source;

pub use error::ConsoleError;
pub use metrics::{Family, Kind, Sample, Value, render_metrics};
pub use page::{Page, Section, render_page};
pub use server::Console;
pub use source::{Health, Source};
