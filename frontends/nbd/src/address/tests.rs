use super::Address;

#[test]
fn addresses_are_read_as_they_are_shown() {
    for text in [
        "127.0.0.1:10809",
        "[::1]:0",
        "unix:/run/nbd.sock",
        "unix:nbd.sock",
    ] {
        assert_eq!(text.parse::<Address>().unwrap().to_string(), text);
    }
}

#[test]
fn what_is_no_address_is_named_in_the_error() {
    for text in ["", "unix:", "localhost", "127.0.0.1", "127.0.0.1:65536"] {
        let error = text.parse::<Address>().unwrap_err().to_string();
        assert!(error.contains(&format!("{text:?}")), "{error}");
    }
}
