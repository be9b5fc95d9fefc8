//! Tests of damaged pools; see `main.rs`.
