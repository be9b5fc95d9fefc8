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
    let none = HeaderMap::new();
    let most = 2048 - "meta.a".len();
    assert!(of_request(&none, metadata(most)).is_ok());
    assert!(of_request(&none, metadata(most + 1)).is_err());
    let mut headers = HeaderMap::new();
    headers.insert("cache-control", HeaderValue::from_static("x"));
    let rest = most - "cache-control".len() - 1;
    assert!(of_request(&headers, metadata(rest)).is_ok());
    assert!(of_request(&headers, metadata(rest + 1)).is_err());
    let long = Some(Metadata::from([("n".repeat(196), String::new())]));
    assert!(of_request(&none, long).is_err());
    headers.insert("cache-control", HeaderValue::from_static("a\tb"));
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
