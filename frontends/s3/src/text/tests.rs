use super::*;

#[test]
fn percent_decoding_and_encoding_are_inverse() {
    let all: Vec<u8> = (0..=255).collect();
    assert_eq!(percent_decode(&percent_encode(&all, true), false), all);
    assert_eq!(percent_encode(b"a/b c", false), "a/b%20c");
    assert_eq!(percent_encode(b"a/b c", true), "a%2Fb%20c");
}

#[test]
fn what_is_no_triple_stands_for_itself() {
    assert_eq!(percent_decode("a%2", false), b"a%2");
    assert_eq!(percent_decode("a%zz+", false), b"a%zz+");
    assert_eq!(percent_decode("a+b%2B", true), b"a b+");
}
