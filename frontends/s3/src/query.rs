//! The query of a URL.

use hyper::Uri;

use crate::text::{percent_decode, percent_encode};

/// Decoded pairs, in their order.
#[derive(Debug, Default)]
pub(crate) struct Query {
    pairs: Vec<(String, String)>,
}

impl Query {
    /// What is not UTF-8 becomes U+FFFD, which no signature and no name matches.
    pub(crate) fn of(uri: &Uri) -> Self {
        let text = |part| String::from_utf8_lossy(&percent_decode(part, true)).into_owned();
        let all = uri.query().unwrap_or_default().split('&');
        let pairs = all.filter(|pair| !pair.is_empty()).map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (text(name), text(value))
        });
        Self {
            pairs: pairs.collect(),
        }
    }

    pub(crate) fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.pairs
            .iter()
            .map(|(name, value)| (&name[..], &value[..]))
    }

    /// The first value of a name.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.pairs().find(|pair| pair.0 == name).map(|pair| pair.1)
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// Encoded again, without what only the signature is about.
    pub(crate) fn without_signature(&self) -> String {
        let mut text = String::new();
        let is_ours = |name: &str| !name.starts_with("X-Amz-") && name != "Signature";
        for (name, value) in self.pairs().filter(|pair| is_ours(pair.0)) {
            text.push(if text.is_empty() { '?' } else { '&' });
            text.push_str(&percent_encode(name.as_bytes(), true));
            text.push('=');
            text.push_str(&percent_encode(value.as_bytes(), true));
        }
        text
    }
}
