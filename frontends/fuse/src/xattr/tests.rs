use super::{shown_name, stored_name};

#[test]
fn names_of_the_object_go_both_ways() {
    let stored = stored_name(b"user.s3.meta.a").unwrap();
    assert_eq!(&*stored, b"object.meta.a");
    assert_eq!(&*shown_name(&stored), b"user.s3.meta.a");
    assert_eq!(&*stored_name(b"user.a").unwrap(), b"user.a");
    assert_eq!(&*shown_name(b"user.a"), b"user.a");
}

#[test]
fn nothing_of_the_object_has_a_second_name() {
    assert!(stored_name(b"object.meta.a").is_err());
}
