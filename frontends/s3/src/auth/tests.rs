use super::credential::{Scope, SignedTime};
use super::*;

#[test]
fn signatures_are_those_of_the_specification() {
    // The example "GET object" of the documentation of signature version 4.
    let scope = Scope::parse("AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request").unwrap();
    let secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
    let signer = Signer::new(secret, &scope, "20130524T000000Z");
    let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    let request = format!(
        "GET\n/test.txt\n\nhost:examplebucket.s3.amazonaws.com\nrange:bytes=0-9\n\
         x-amz-content-sha256:{empty}\nx-amz-date:20130524T000000Z\n\n\
         host;range;x-amz-content-sha256;x-amz-date\n{empty}"
    );
    assert_eq!(
        signer.sign_request(request.as_bytes()),
        "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"
    );
}

#[test]
fn scopes_have_five_parts() {
    let scope = Scope::parse("a/b/20130524/eu/s3/aws4_request").unwrap();
    assert_eq!((&scope.key[..], &scope.region[..]), ("a/b", "eu"));
    for text in [
        "",
        "/20130524/eu/s3/aws4_request",
        "a/eu/s3/aws4_request",
        "a/20130524/eu/sts/aws4_request",
        "a/20130524/eu/s3/aws5_request",
    ] {
        assert_eq!(Scope::parse(text), None, "{text}");
    }
}

#[test]
fn times_are_counted_from_1970() {
    for (text, unix) in [
        ("19700101T000000Z", 0),
        ("20000229T235959Z", 951_868_799),
        ("20260102T030405Z", 1_767_323_045),
    ] {
        assert_eq!(SignedTime::parse(text).unwrap().unix, unix, "{text}");
    }
    for text in [
        "",
        "20260102T030405",
        "2026010 T030405Z",
        "20261302T030405Z",
        "20260102t030405Z",
    ] {
        assert_eq!(SignedTime::parse(text), None, "{text}");
    }
}

#[test]
fn only_the_same_is_the_same() {
    assert!(is_same(b"abc", b"abc"));
    assert!(!is_same(b"abc", b"abd"));
    assert!(!is_same(b"abc", b"ab"));
    assert!(!is_same(b"", b"a"));
}
