//! A client that knows EXPORT_NAME and nothing newer: the `nbd` crate.

use std::io::{Read, Seek, SeekFrom, Write};

use frontends_nbd::Limits;

use crate::wire::{connect, memory, start};

#[test]
fn an_old_client_reads_and_writes() {
    let (export, exports) = memory(1 << 20);
    let server = start(exports, Limits::default());
    let mut stream = connect(&server);
    let settled = nbd::client::handshake(&mut stream, b"disk").unwrap();
    assert_eq!(settled.size, 1 << 20);
    let mut client = nbd::client::NbdClient::new(&mut stream, &settled);
    client.seek(SeekFrom::Start(100_000)).unwrap();
    client.write_all(b"from the past").unwrap();
    client.seek(SeekFrom::Start(99_998)).unwrap();
    let mut out = [0; 17];
    client.read_exact(&mut out).unwrap();
    assert_eq!(&out, b"\0\0from the past\0\0");
    assert_eq!(export.contents(100_000, 13), b"from the past");
}
