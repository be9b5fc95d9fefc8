use hyper::header::HeaderValue;

use super::*;

#[test]
fn how_a_body_came_is_no_part_of_its_encoding() {
    assert_eq!(without_chunks(b"aws-chunked"), b"");
    assert_eq!(without_chunks(b"gzip, aws-chunked"), b"gzip");
    assert_eq!(without_chunks(b"AWS-chunked,gzip,br"), b"gzip, br");
}

#[test]
fn metadata_is_bounded() {
    let metadata = |bytes: usize| Some(Metadata::from([("a".to_owned(), "x".repeat(bytes))]));
    assert!(of_request(&HeaderMap::new(), metadata(2047)).is_ok());
    assert!(of_request(&HeaderMap::new(), metadata(2048)).is_err());
    let mut headers = HeaderMap::new();
    let value = HeaderValue::try_from("x".repeat(1025)).unwrap();
    headers.insert("cache-control", value);
    assert!(of_request(&headers, None).is_err());
}

#[test]
fn what_no_header_can_say_is_left_out() {
    let pair = |name: &str, value: &[u8]| (name.as_bytes().to_vec(), value.to_vec());
    let shown = Shown::of(&[
        pair("cache-control", b"a\r\nb"),
        pair("content-type", b"text/plain"),
        pair("meta.good", "\u{e4}".as_bytes()),
        pair("meta.bad", b"\n"),
        pair("meta.Bad", b"1"),
        pair("meta.", b"1"),
        pair("tags", b"a=b&c=d"),
        pair("other", b"1"),
    ]);
    assert_eq!(shown.cache_control, None);
    assert_eq!(shown.content_type.as_deref(), Some("text/plain"));
    assert_eq!((shown.metadata.len(), shown.missing, shown.tags), (1, 3, 2));
    assert_eq!(Shown::of(&[]).content_type.as_deref(), Some(DEFAULT_TYPE));
}
