//! Parts of the engine, each alone: `cargo bench -p benches-micro`; with `-- --test` each runs
//! once.
//!
//! Before it is measured, each part does a fixed amount of work and prints a hash of it.

mod append;
mod bytes;
mod replay;
mod tree;
mod units;

use criterion::{criterion_group, criterion_main};

criterion_group!(
    micro,
    bytes::checksums,
    bytes::page_verify,
    units::units,
    tree::lookup,
    tree::insert,
    tree::extents,
    append::groups,
    replay::open_pool
);
criterion_main!(micro);
