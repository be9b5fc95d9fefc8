use std::path::PathBuf;

use super::{Mounted, parse};

#[test]
fn a_line_names_the_device_and_the_directory() {
    let line = br"36 35 0:52 / /mnt/a\040b\134c rw,noatime shared:1 - fuse.trefoil b rw";
    let expected = Mounted {
        device: "0:52".to_owned(),
        path: PathBuf::from(r"/mnt/a b\c"),
    };
    assert_eq!(parse(line), Some(expected));
    assert_eq!(parse(b"36 35 0:52"), None);
    assert_eq!(parse(b""), None);
}

#[test]
fn a_backslash_that_is_none_of_the_kernels_stays() {
    for (written, meant) in [
        ("/a\\", "/a\\"),
        ("/a\\09", "/a\\09"),
        ("/a\\999", "/a\\999"),
    ] {
        let line = format!("1 2 0:1 / {written} rw");
        assert_eq!(parse(line.as_bytes()).unwrap().path, PathBuf::from(meant));
    }
}
