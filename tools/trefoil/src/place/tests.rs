use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use super::{control_socket, device_socket, single};

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
fn several_paths_are_refused() {
    let paths = |texts: &[&str]| texts.iter().map(PathBuf::from).collect::<Vec<_>>();
    assert_eq!(single(&paths(&["a"])).unwrap(), Path::new("a"));
    assert!(
        single(&paths(&["a", "b"]))
            .unwrap_err()
            .to_string()
            .contains("2 paths")
    );
    assert!(single(&paths(&[""])).is_err());
}
