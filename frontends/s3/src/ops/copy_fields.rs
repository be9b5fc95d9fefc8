//! What of its metadata a copy has from its source.

use hyper::HeaderMap;
use s3s::S3Result;
use s3s::dto::{CopyObjectInput, MetadataDirective, TaggingDirective};

use crate::error::invalid_argument;
use crate::fields::{Pair, TAGS};
use crate::ops::put::attributes;

type Attributes = Vec<Pair>;

/// What the copy has of its own.
pub(super) struct Replaced {
    /// The metadata without the tags.
    pub(super) fields: bool,
    pub(super) tags: bool,
    given: Attributes,
}

impl Replaced {
    pub(super) fn of(headers: &HeaderMap, input: &CopyObjectInput) -> S3Result<Self> {
        let fields = match input
            .metadata_directive
            .as_ref()
            .map(MetadataDirective::as_str)
        {
            None | Some(MetadataDirective::COPY) => false,
            Some(MetadataDirective::REPLACE) => true,
            Some(_) => return Err(invalid_argument("Unknown metadata directive.")),
        };
        let tags = match input
            .tagging_directive
            .as_ref()
            .map(TaggingDirective::as_str)
        {
            None | Some(TaggingDirective::COPY) => false,
            Some(TaggingDirective::REPLACE) => true,
            Some(_) => return Err(invalid_argument("Unknown tagging directive.")),
        };
        Ok(Self {
            fields,
            tags,
            given: attributes(headers, input.metadata.clone())?,
        })
    }

    /// The metadata of a copy of something with `source`.
    pub(super) fn over(&self, source: &[Pair]) -> Attributes {
        let is_tags = |pair: &&Pair| pair.0 == TAGS.as_bytes();
        let is_ours = |pair: &&Pair| {
            if is_tags(pair) {
                self.tags
            } else {
                self.fields
            }
        };
        let kept = source.iter().filter(|pair| !is_ours(pair));
        let given = self.given.iter().filter(is_ours);
        kept.chain(given).cloned().collect()
    }
}
