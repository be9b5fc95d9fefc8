//! Buckets mounted by the kernel. Needs root and `/dev/fuse`.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod access;
mod calls;
mod coherence;
mod crowds;
mod data;
mod held_up;
mod mounts;
mod over_ring;
mod quotas;
mod shown;
mod snapshots;
mod warm;
mod world;
mod write_back;
