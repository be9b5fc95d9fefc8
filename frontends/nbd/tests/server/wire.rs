//! A client that sends exactly the bytes it is told to, and a server to send them to.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use frontends_nbd::memory::{MemoryExport, MemoryExports};
use frontends_nbd::{Address, Exports, Limits, Server};

pub(crate) const READ: u16 = 0;
pub(crate) const WRITE: u16 = 1;
pub(crate) const DISC: u16 = 2;
pub(crate) const FLUSH: u16 = 3;
pub(crate) const WRITE_ZEROES: u16 = 6;

/// Long enough for any machine; only a server that hangs is stopped by it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) fn start<X: Exports>(exports: X, limits: Limits) -> Server {
    start_as_told(
        exports,
        Limits {
            own_threads: crate::OWN_THREADS,
            ..limits
        },
    )
}

pub(crate) fn start_as_told<X: Exports>(exports: X, limits: Limits) -> Server {
    let address = "127.0.0.1:0".parse().unwrap();
    Server::start(Arc::new(exports), &[address], limits).unwrap()
}

pub(crate) fn memory(size: u64) -> (MemoryExport, MemoryExports) {
    let export = MemoryExport::new("disk", size);
    (
        export.clone(),
        MemoryExports {
            exports: vec![export],
        },
    )
}

/// A connection in its transmission phase, with simple replies.
pub(crate) struct Wire {
    pub(crate) stream: TcpStream,
}

/// A simple reply without its payload.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Reply {
    pub(crate) error: u32,
    pub(crate) cookie: u64,
}

pub(crate) fn connect(server: &Server) -> TcpStream {
    let Some(Address::Tcp(address)) = server.addresses().next() else {
        panic!("the server listens on TCP");
    };
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

pub(crate) fn request(flags: u16, command: u16, cookie: u64, offset: u64, length: u32) -> Vec<u8> {
    let mut out = 0x2560_9513_u32.to_be_bytes().to_vec();
    out.extend(flags.to_be_bytes());
    out.extend(command.to_be_bytes());
    out.extend(cookie.to_be_bytes());
    out.extend(offset.to_be_bytes());
    out.extend(length.to_be_bytes());
    out
}

impl Wire {
    /// Connects and chooses the default export.
    pub(crate) fn open(server: &Server) -> Self {
        let mut stream = connect(server);
        let mut greeting = [0; 18];
        stream.read_exact(&mut greeting).unwrap();
        assert_eq!(&greeting, b"NBDMAGICIHAVEOPT\0\x03");
        stream
            .write_all(b"\0\0\0\x03IHAVEOPT\0\0\0\x01\0\0\0\0")
            .unwrap();
        stream.read_exact(&mut [0; 10]).unwrap();
        Self { stream }
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap();
    }

    pub(crate) fn reply(&mut self) -> Reply {
        let head: [u8; 16] = self.bytes(16).try_into().unwrap();
        assert_eq!(head[..4], 0x6744_6698_u32.to_be_bytes());
        Reply {
            error: u32::from_be_bytes(head[4..8].try_into().unwrap()),
            cookie: u64::from_be_bytes(head[8..].try_into().unwrap()),
        }
    }

    pub(crate) fn bytes(&mut self, bytes: usize) -> Vec<u8> {
        let mut out = vec![0; bytes];
        self.stream.read_exact(&mut out).unwrap();
        out
    }

    /// Everything up to the end of the stream.
    pub(crate) fn rest(&mut self) -> Vec<u8> {
        let mut out = Vec::new();
        self.stream.read_to_end(&mut out).unwrap();
        out
    }
}

pub(crate) fn ok(cookie: u64) -> Reply {
    Reply { error: 0, cookie }
}
