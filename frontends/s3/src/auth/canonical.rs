//! A request in the form that is signed.

use hyper::http::request::Parts;

use super::Presented;
use crate::query::Query;
use crate::text::{percent_decode, percent_encode};

/// The forms in which clients sign a request: its path encoded as it should be, and, where that
/// differs, as it was sent.
pub(super) fn requests<'a>(
    parts: &'a Parts,
    presented: &'a Presented,
) -> impl Iterator<Item = String> + 'a {
    let sent = parts.uri.path();
    let encoded = percent_encode(&percent_decode(sent, false), false);
    let other = (encoded != sent).then(|| sent.to_owned());
    [Some(encoded), other]
        .into_iter()
        .flatten()
        .map(|path| request(parts, presented, &path))
}

fn request(parts: &Parts, presented: &Presented, path: &str) -> String {
    let mut text = format!("{}\n{path}\n", parts.method);
    let query = Query::of(&parts.uri);
    let mut pairs: Vec<(String, String)> = query
        .pairs()
        .filter(|(name, _)| presented.expires.is_none() || *name != "X-Amz-Signature")
        .map(|(name, value)| {
            let encode = |text: &str| percent_encode(text.as_bytes(), true);
            (encode(name), encode(value))
        })
        .collect();
    pairs.sort();
    for (index, (name, value)) in pairs.iter().enumerate() {
        if index > 0 {
            text.push('&');
        }
        text.push_str(name);
        text.push('=');
        text.push_str(value);
    }
    text.push('\n');
    for name in &presented.signed_headers {
        text.push_str(name);
        text.push(':');
        push_values(&mut text, parts, name);
        text.push('\n');
    }
    text.push('\n');
    text.push_str(&presented.signed_headers.join(";"));
    text.push('\n');
    text.push_str(&presented.payload);
    text
}

/// Values of one header: trimmed, with single spaces, in their order.
fn push_values(text: &mut String, parts: &Parts, name: &str) {
    let authority = parts.uri.authority().map(|authority| authority.as_str());
    let mut first = true;
    for value in parts.headers.get_all(name) {
        if !first {
            text.push(',');
        }
        first = false;
        let value = String::from_utf8_lossy(value.as_bytes());
        let mut words = value.split_ascii_whitespace();
        text.push_str(words.next().unwrap_or_default());
        for word in words {
            text.push(' ');
            text.push_str(word);
        }
    }
    if first && name == "host" {
        text.push_str(authority.unwrap_or_default());
    }
}
