use std::fs;
use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::{Listening, connect};

fn exchange(listening: &Listening, path: &Path) {
    let mut client = connect(path).unwrap();
    let (mut served, _) = listening.listener().unwrap().accept().unwrap();
    client.write_all(b"x").unwrap();
    let mut byte = [0];
    served.read_exact(&mut byte).unwrap();
    assert_eq!(&byte, b"x");
}

#[test]
fn the_socket_is_private_works_and_goes_away() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("control.sock");
    let listening = Listening::bind(&path).unwrap();
    assert_eq!(
        fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o600
    );
    exchange(&listening, &path);
    drop(listening);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    assert_eq!(connect(&path).unwrap_err().kind(), ErrorKind::NotFound);
}

#[test]
fn what_a_dead_server_left_is_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("control.sock");
    let dead = Listening::bind(&path).unwrap();
    // As after SIGKILL: the file stays, nobody listens.
    fs::rename(&path, dir.path().join("kept")).unwrap();
    drop(dead);
    fs::rename(dir.path().join("kept"), &path).unwrap();
    fs::write(dir.path().join("control.sock.new"), b"half done").unwrap();
    assert_eq!(
        connect(&path).unwrap_err().kind(),
        ErrorKind::ConnectionRefused
    );
    let listening = Listening::bind(&path).unwrap();
    exchange(&listening, &path);
}

#[test]
fn paths_longer_than_a_socket_address_work() {
    let dir = tempfile::tempdir().unwrap();
    let deep = dir.path().join("d".repeat(100)).join("e".repeat(100));
    fs::create_dir_all(&deep).unwrap();
    let path = deep.join("control.sock");
    let listening = Listening::bind(&path).unwrap();
    exchange(&listening, &path);
}
