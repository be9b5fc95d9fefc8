use engine_base::limits::VOLUME_NAME_BYTES_MAX;

use super::{DatasetName, NameError};

#[test]
fn ordinary_names_are_accepted() {
    let longest = "x".repeat(VOLUME_NAME_BYTES_MAX);
    for name in [
        "a",
        "disk-1",
        "a.b",
        "a b",
        "\u{e9}t\u{e9}",
        "db:main",
        "_",
        longest.as_str(),
    ] {
        let checked = DatasetName::new(name).unwrap();
        assert_eq!(checked.as_str(), name);
        assert_eq!(checked.to_string(), name);
        assert_eq!(DatasetName::from_bytes(name.as_bytes()), Ok(checked));
    }
}

#[test]
fn names_that_break_a_rule_are_refused_with_the_rule() {
    let refused = |name: &str| DatasetName::new(name).unwrap_err();
    assert_eq!(refused(""), NameError::Empty);
    assert_eq!(refused(&"x".repeat(256)), NameError::TooLong { bytes: 256 });
    assert_eq!(refused("-v"), NameError::Start { found: '-' });
    assert_eq!(refused(".hidden"), NameError::Start { found: '.' });
    assert_eq!(refused("."), NameError::Start { found: '.' });
    for found in ['/', '@', '\0', '\n', '\u{7f}', '\u{85}'] {
        assert_eq!(
            refused(&format!("a{found}b")),
            NameError::Character { found }
        );
    }
    assert_eq!(
        DatasetName::from_bytes(b"ab\xff"),
        Err(NameError::NotUtf8 { valid_bytes: 2 })
    );
}
