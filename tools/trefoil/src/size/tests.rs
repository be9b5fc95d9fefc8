use super::{Size, SizeError};

fn bytes(text: &str) -> u64 {
    text.parse::<Size>().unwrap().bytes().get()
}

#[test]
fn suffixes_are_powers_of_1024() {
    assert_eq!(bytes("0"), 0);
    assert_eq!(bytes("4096"), 4096);
    assert_eq!(bytes("1K"), 1 << 10);
    assert_eq!(bytes("3m"), 3 << 20);
    assert_eq!(bytes("10G"), 10 << 30);
    assert_eq!(bytes("2T"), 2 << 40);
    assert_eq!(bytes("18446744073709551615"), u64::MAX);
    assert_eq!(bytes("16777215T"), 16_777_215 << 40);
}

#[test]
fn overflow_is_named() {
    for text in ["18446744073709551616", "16777216T", "99999999999999999999G"] {
        let error = text.parse::<Size>().unwrap_err();
        assert_eq!(
            error,
            SizeError::TooLarge {
                text: text.to_owned()
            }
        );
        assert!(error.to_string().contains(text), "{error}");
    }
}

#[test]
fn nonsense_is_refused() {
    let nonsense = [
        "",
        "G",
        "-1",
        "+1",
        "1.5G",
        "10GB",
        "10GiB",
        "1 G",
        " 1G",
        "1G ",
        "0x10",
        "ten",
        "1_000",
        "1P",
        "1KK",
        "\u{661}",
        "1\u{212a}",
    ];
    for text in nonsense {
        let error = text.parse::<Size>().unwrap_err();
        assert_eq!(
            error,
            SizeError::NotASize {
                text: text.to_owned()
            }
        );
    }
}

#[test]
fn a_config_file_may_write_texts_and_numbers() {
    #[derive(serde::Deserialize)]
    struct File {
        size: Size,
    }
    let parse = |text: &str| toml::from_str::<File>(text).map(|file| file.size.bytes().get());
    assert_eq!(parse("size = \"1M\"").unwrap(), 1 << 20);
    assert_eq!(parse("size = 4096").unwrap(), 4096);
    for wrong in ["size = -1", "size = 1.5", "size = \"1Q\"", "size = true"] {
        assert!(parse(wrong).is_err(), "{wrong}");
    }
}
