use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use super::{checked, control_socket, control_sockets, device_socket, known_by};

#[test]
fn the_socket_of_a_directory_lies_in_it() {
    let dir = tempfile::tempdir().unwrap();
    let pool = dir.path().join("pool");
    let before = control_socket(&pool).unwrap();
    fs::create_dir(&pool).unwrap();
    assert_eq!(before, pool.join("control.sock"));
    assert_eq!(
        control_socket(&pool).unwrap(),
        fs::canonicalize(&pool).unwrap().join("control.sock")
    );
}

#[test]
fn every_name_of_a_file_leads_to_the_same_socket() {
    let dir = tempfile::tempdir().unwrap();
    let root = fs::canonicalize(dir.path()).unwrap();
    fs::write(root.join("pool.img"), b"").unwrap();
    symlink("pool.img", root.join("alias")).unwrap();
    let expected = root.join("pool.img.control.sock");
    assert_eq!(control_socket(&root.join("pool.img")).unwrap(), expected);
    assert_eq!(control_socket(&root.join("alias")).unwrap(), expected);
}

#[test]
fn devices_have_their_socket_under_run() {
    let socket = |device: &str| device_socket(Path::new(device));
    assert_eq!(
        socket("/dev/nvme0n1"),
        PathBuf::from("/run/trefoil-nvme0n1.control.sock")
    );
    assert_eq!(
        socket("/dev/mapper/vg-a"),
        PathBuf::from("/run/trefoil-mapper-vg-a.control.sock")
    );
}

#[test]
fn a_pool_on_several_devices_is_known_by_one_that_is_there() {
    let directory = tempfile::tempdir().unwrap();
    let there = directory.path().join("b");
    fs::create_dir(&there).unwrap();
    let gone = directory.path().join("a");
    let both = [gone.clone(), there.clone()];
    assert_eq!(checked(&both).unwrap(), both);
    assert_eq!(known_by(&both), there);
    assert_eq!(known_by(std::slice::from_ref(&gone)), gone);
    let sockets = || control_sockets(&both).unwrap();
    let root = fs::canonicalize(directory.path()).unwrap();
    let socket = |name: &str| root.join(name).join("control.sock");
    assert_eq!(sockets(), [socket("b")]);
    fs::create_dir(&gone).unwrap();
    assert_eq!(sockets(), [socket("a"), socket("b")]);
    let paths = |texts: &[&str]| texts.iter().map(PathBuf::from).collect::<Vec<_>>();
    assert!(checked(&paths(&[""])).is_err());
    assert!(checked(&paths(&[])).is_err());
    let twice = checked(&paths(&["a", "b", "a"])).unwrap_err();
    assert!(twice.to_string().contains("twice"), "{twice}");
}
