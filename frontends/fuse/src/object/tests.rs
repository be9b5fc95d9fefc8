use super::check_object_attribute;

#[test]
fn known_and_chosen_names_have_printable_values() {
    let long = [b'a'; 300];
    let good: [(&[u8], &[u8]); 5] = [
        (b"content-type", b"text/html; charset=utf-8"),
        (b"meta.x-y_z!", "gr\u{fc}n".as_bytes()),
        (b"expires", b""),
        (b"tags", b"a=b&c=d"),
        (b"meta.long", &long),
    ];
    for (name, value) in good {
        assert!(check_object_attribute(name, value).is_ok(), "{name:?}");
    }
    let bad: [(&[u8], &[u8]); 8] = [
        (b"", b"x"),
        (b"etag", b"x"),
        (b"meta.", b"x"),
        (b"meta.A", b"x"),
        (b"meta.a:b", b"x"),
        (b"meta.\xff", b"x"),
        (b"content-type", b"a\nb"),
        (b"content-type", b"\xc3"),
    ];
    for (name, value) in bad {
        assert!(check_object_attribute(name, value).is_err(), "{name:?}");
    }
}
