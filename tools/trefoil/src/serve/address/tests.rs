use super::uri;

fn of(address: &str, export: &str) -> String {
    uri(&address.parse().unwrap(), export)
}

#[test]
fn tcp_and_unix_addresses_have_uris() {
    assert_eq!(of("127.0.0.1:10809", "demo"), "nbd://127.0.0.1:10809/demo");
    assert_eq!(of("[::1]:1", ""), "nbd://[::1]:1/");
    assert_eq!(
        of("unix:/run/x.sock", "demo"),
        "nbd+unix:///demo?socket=/run/x.sock"
    );
}

#[test]
fn names_and_paths_are_escaped() {
    let expected = "nbd+unix:///v%201%2F%25?socket=/tmp/a%20b%26c.sock";
    assert_eq!(of("unix:/tmp/a b&c.sock", "v 1/%"), expected);
}
