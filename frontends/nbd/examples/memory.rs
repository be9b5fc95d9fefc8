//! Serves sparse memory over NBD, to try clients and to measure the protocol:
//!
//! `cargo run --release --features testing --example memory -- SIZE_MIB ADDRESS...`

use std::io::Read;
use std::sync::Arc;
use std::time::Duration;

use frontends_nbd::memory::{MemoryExport, MemoryExports};
use frontends_nbd::{Address, Limits, Server};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    tracing_subscriber::fmt()
        .with_max_level(tracing::Level::DEBUG)
        .with_writer(std::io::stderr)
        .init();
    let mut arguments = std::env::args().skip(1);
    let mebibytes: u64 = arguments
        .next()
        .ok_or("the size in MiB is missing")?
        .parse()?;
    let addresses = arguments
        .map(|text| text.parse())
        .collect::<Result<Vec<Address>, _>>()?;
    let exports = MemoryExports {
        exports: vec![MemoryExport::new("memory", mebibytes << 20)],
    };
    let server = Server::start(Arc::new(exports), &addresses, Limits::default())?;
    for address in server.addresses() {
        println!("memory: listening on {address}");
    }
    // Serves until its standard input ends.
    std::io::stdin().read_to_end(&mut Vec::new())?;
    let shutdown = server.shutdown(Duration::from_secs(5));
    println!("memory: {shutdown:?}");
    Ok(())
}
