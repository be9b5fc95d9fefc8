use std::os::unix::fs::PermissionsExt as _;

use engine_format::MasterKey;

use super::{create, read};

#[test]
fn what_was_created_is_read_and_nobody_else_reads_it() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("pool.key");
    let id = create(&path).unwrap();
    assert_eq!(read(&path).unwrap().id(), id);
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let text = std::fs::read_to_string(&path).unwrap();
    assert_eq!((text.len(), text.ends_with('\n')), (65, true));
    assert!(create(&path).is_err(), "a key is never written over");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
}

#[test]
fn only_64_digits_are_a_key() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("pool.key");
    let key = "000102030405060708090a0b0c0d0e0f101112131415161718191A1B1C1D1E1F";
    std::fs::write(&path, key).unwrap();
    let expected = MasterKey::new(std::array::from_fn(|at| u8::try_from(at).unwrap()));
    assert!(read(&path).unwrap() == expected);
    for wrong in [
        "",
        &key[1..],
        &format!("{key}00"),
        &key.replace('a', "g"),
        &key.replace("00", "\u{e9}"),
    ] {
        std::fs::write(&path, wrong).unwrap();
        assert!(read(&path).unwrap_err().to_string().contains("64 digits"));
    }
    assert!(read(&directory.path().join("missing")).is_err());
}
