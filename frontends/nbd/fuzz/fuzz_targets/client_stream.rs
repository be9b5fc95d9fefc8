//! `cargo +nightly fuzz run client_stream`; the body is in the library, where ordinary tests run
//! it too.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| frontends_nbd::fuzzing::client_stream(data));
