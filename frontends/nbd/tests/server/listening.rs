//! Unix sockets and their files.

use std::fs;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::Arc;

use frontends_nbd::{Address, Limits, ListenError, Server};

use crate::wire::{PATIENCE, memory};

fn listen(path: &Path) -> Result<Server, ListenError> {
    let (_, exports) = memory(1 << 20);
    Server::start(
        Arc::new(exports),
        &[Address::Unix(path.into())],
        Limits::default(),
    )
}

fn greeting(path: &Path) -> [u8; 8] {
    let mut out = [0; 8];
    UnixStream::connect(path)
        .unwrap()
        .read_exact(&mut out)
        .unwrap();
    out
}

#[test]
fn the_socket_is_for_owner_and_group_and_goes_with_the_server() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("nbd.sock");
    let server = listen(&path).unwrap();
    assert_eq!(
        fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o660
    );
    assert_eq!(&greeting(&path), b"NBDMAGIC");
    assert_eq!(server.shutdown(PATIENCE).cut_off, 0);
    assert!(!path.exists());
}

#[test]
fn a_file_that_nobody_listens_on_is_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("nbd.sock");
    drop(UnixListener::bind(&path).unwrap());
    assert!(path.exists());
    let _server = listen(&path).unwrap();
    assert_eq!(&greeting(&path), b"NBDMAGIC");
}

#[test]
fn a_socket_in_use_and_a_file_of_another_kind_are_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("nbd.sock");
    let _first = listen(&path).unwrap();
    let error = listen(&path).unwrap_err();
    assert!(matches!(error, ListenError::Listen { .. }));
    assert!(
        error
            .to_string()
            .ends_with("is another server running there?")
    );
    assert_eq!(&greeting(&path), b"NBDMAGIC");
    let file = dir.path().join("file");
    fs::write(&file, b"precious").unwrap();
    assert!(matches!(listen(&file), Err(ListenError::NotSocket { .. })));
    assert_eq!(fs::read(&file).unwrap(), b"precious");
}

#[test]
fn an_address_that_cannot_be_had_is_not_said_to_be_in_use() {
    let dir = tempfile::tempdir().unwrap();
    let error = listen(&dir.path().join("absent").join("nbd.sock")).unwrap_err();
    assert!(matches!(error, ListenError::Listen { .. }));
    assert!(!error.to_string().contains("another server"), "{error}");
}
