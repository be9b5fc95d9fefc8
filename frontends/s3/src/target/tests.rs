use hyper::Request;

use super::*;

fn target(host: &str, path: &str) -> Target {
    let request = Request::builder().uri(path).header("host", host).body(());
    let (parts, ()) = request.unwrap().into_parts();
    Target::of(&parts, Some("s3.test")).unwrap()
}

fn named(bucket: &str, key: &str) -> Target {
    Target {
        bucket: bucket.to_owned(),
        key: key.to_owned(),
    }
}

#[test]
fn buckets_are_in_the_path_or_in_the_host() {
    assert_eq!(target("s3.test", "/"), named("", ""));
    assert_eq!(target("s3.test", "/b"), named("b", ""));
    assert_eq!(target("s3.test", "/b/"), named("b", ""));
    assert_eq!(target("s3.test:80", "/b/k"), named("b", "k"));
    assert_eq!(target("b.s3.test:80", "/k/l"), named("b", "k/l"));
    assert_eq!(target("b.c.s3.test", "/"), named("b.c", ""));
    assert_eq!(target("bs3.test", "/x/y"), named("x", "y"));
    assert_eq!(target("[::1]:80", "/x/y"), named("x", "y"));
}

#[test]
fn keys_are_what_follows_whatever_it_is() {
    assert_eq!(target("h", "/b//k"), named("b", "/k"));
    assert_eq!(target("h", "/b/a//../%2F%20+"), named("b", "a//..// +"));
    assert_eq!(target("b.s3.test", "//k"), named("b", "/k"));
}

#[test]
fn sources_name_a_bucket_and_a_key() {
    let source = |text: &str| Target::of_source(text.as_bytes()).ok();
    assert_eq!(source("/b/a%20b"), Some(named("b", "a b")));
    assert_eq!(source("b/k?versionId=null"), Some(named("b", "k")));
    for text in ["", "/", "b", "/b/", "//k", "b/k?versionId=1", "b/%ff"] {
        assert_eq!(source(text), None, "{text}");
    }
}

#[test]
fn what_is_renamed_is_a_key_of_the_bucket() {
    let source = |text: &str| named("b", "to").rename_source(text.as_bytes()).ok();
    assert_eq!(source("a%20b/c"), Some(named("b", "a b/c")));
    assert_eq!(source("b/k"), Some(named("b", "b/k")));
    assert_eq!(source("/b/k"), Some(named("b", "k")));
    assert_eq!(source("/other/k"), Some(named("other", "k")));
    for text in ["", "/", "/b/", "a%ff"] {
        assert_eq!(source(text), None, "{text}");
    }
}
