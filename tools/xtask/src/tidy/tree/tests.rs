use std::fs;

use super::{Source, read};

#[test]
fn sources_are_read_and_what_tools_make_is_not() {
    let root = tempfile::tempdir().unwrap();
    let write = |path: &str, bytes: &[u8]| {
        let path = root.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    };
    write("Cargo.toml", b"[workspace]");
    write("engine/base/src/lib.rs", b"//! x");
    write("engine/target/debug/x.rs", b"made");
    write("tests/__pycache__/x.py", b"made");
    write("tests/golden.bin", b"\xff\xfe");
    write("elsewhere/x.rs", b"not ours");
    let paths: Vec<String> = read(root.path())
        .unwrap()
        .into_iter()
        .map(|s| s.path)
        .collect();
    assert_eq!(paths, ["Cargo.toml", "engine/base/src/lib.rs"]);
}

#[test]
fn scripts_without_a_suffix_are_code() {
    let source = |path: &str, text: &str| Source {
        path: path.to_owned(),
        text: text.to_owned(),
    };
    assert!(source("tests/run", "#!/usr/bin/env bash\n").is_code());
    assert!(source("a.rs", "").is_code());
    assert!(!source("README.md", "# Trefoil\n").is_code());
}
