//! Tags of objects.

use engine_bucket::{Ack, Bucket};
use hyper::StatusCode;
use s3s::dto::{
    DeleteObjectTaggingOutput, GetObjectTaggingOutput, PutObjectTaggingInput,
    PutObjectTaggingOutput, Tag,
};
use s3s::{S3Result, s3_error};

use crate::door::{Call, Door, find, head_of, shown};
use crate::error::{custom, no_such_key, of_bucket};
use crate::fields::TAGS;
use crate::text::{percent_decode, percent_encode};

const TAGS_MAX: usize = 10;
const KEY_CHARACTERS_MAX: usize = 128;
const VALUE_CHARACTERS_MAX: usize = 256;

type Pairs = Vec<(String, String)>;

fn invalid(why: &str) -> s3s::S3Error {
    s3_error!(InvalidTag, "{why}")
}

fn check(pairs: &Pairs) -> S3Result<()> {
    if pairs.len() > TAGS_MAX {
        return Err(custom(
            "BadRequest",
            StatusCode::BAD_REQUEST,
            "Object tags cannot be greater than 10",
        ));
    }
    for (index, (key, value)) in pairs.iter().enumerate() {
        if key.is_empty() || key.chars().count() > KEY_CHARACTERS_MAX {
            return Err(invalid("The TagKey you have provided is invalid"));
        }
        if value.chars().count() > VALUE_CHARACTERS_MAX {
            return Err(invalid("The TagValue you have provided is invalid"));
        }
        let is_control = |text: &String| text.chars().any(char::is_control);
        if is_control(key) || is_control(value) {
            return Err(invalid("Tags are printable text"));
        }
        if pairs.iter().skip(index + 1).any(|(other, _)| other == key) {
            return Err(invalid("Cannot provide multiple Tags with the same key"));
        }
    }
    Ok(())
}

/// Tags as they are stored: `KEY=VALUE` percent-encoded, with `&` between them.
fn encode(pairs: &Pairs) -> String {
    let encode = |text: &str| percent_encode(text.as_bytes(), true);
    let all = pairs.iter();
    let all: Vec<String> = all
        .map(|(key, value)| format!("{}={}", encode(key), encode(value)))
        .collect();
    all.join("&")
}

fn decode(text: &str) -> Pairs {
    let decode = |text| String::from_utf8_lossy(&percent_decode(text, true)).into_owned();
    let pairs = text.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(key, value)| (decode(key), decode(value)))
        .collect()
}

/// Checks the value of `x-amz-tagging`, and brings it into the stored form.
pub(crate) fn checked_tags(text: &str) -> S3Result<String> {
    let pairs = decode(text);
    check(&pairs)?;
    Ok(encode(&pairs))
}

impl Door {
    async fn set_tags(&self, bucket: &Bucket, call: &Call, tags: Option<String>) -> S3Result<()> {
        let key = call.target.key.as_bytes();
        self.allow_change(bucket, call, &call.target.key).await?;
        let node = match bucket.node_of(key).await {
            Ok(node) => node,
            Err(engine_bucket::BucketError::NotFound { .. }) => {
                find(bucket, &call.target.key).await?;
                return Err(no_such_key());
            }
            Err(error) => return Err(of_bucket(error)),
        };
        let name = [engine_bucket::OBJECT_PREFIX, TAGS.as_bytes()].concat();
        let changed = match tags {
            Some(tags) => {
                let how = engine_bucket::SetHow::Any;
                let value = tags.as_bytes();
                bucket
                    .set_attribute(&node, &name, value, how, Ack::Durable)
                    .await
            }
            None => match bucket.remove_attribute(&node, &name, Ack::Durable).await {
                Err(engine_bucket::BucketError::NotFound { what: "attribute" }) => {
                    shown(bucket, bucket.seen_of(&[&node])).await?;
                    Ok(())
                }
                other => other,
            },
        };
        changed.map_err(of_bucket)
    }

    pub(crate) async fn put_tags(
        &self,
        call: &Call,
        input: PutObjectTaggingInput,
    ) -> S3Result<PutObjectTaggingOutput> {
        let bucket = self.bucket(call).await?;
        let tags = input.tagging.tag_set.into_iter();
        let pairs: Pairs = tags
            .map(|tag| (tag.key.unwrap_or_default(), tag.value.unwrap_or_default()))
            .collect();
        check(&pairs)?;
        let tags = (!pairs.is_empty()).then(|| encode(&pairs));
        self.set_tags(&bucket, call, tags).await?;
        Ok(PutObjectTaggingOutput::default())
    }

    pub(crate) async fn delete_tags(&self, call: &Call) -> S3Result<DeleteObjectTaggingOutput> {
        let bucket = self.bucket(call).await?;
        self.set_tags(&bucket, call, None).await?;
        Ok(DeleteObjectTaggingOutput::default())
    }

    pub(crate) async fn get_tags(&self, call: &Call) -> S3Result<GetObjectTaggingOutput> {
        let bucket = self.bucket(call).await?;
        self.allow_read(&bucket, call, &call.target.key).await?;
        let head = head_of(&bucket, &call.target.key).await?;
        let tags = head
            .metadata
            .iter()
            .find(|(name, _)| name == TAGS.as_bytes());
        let text = tags.map(|(_, value)| String::from_utf8_lossy(value).into_owned());
        let pairs = decode(&text.unwrap_or_default());
        // Tags that were set through a mount may hold what a document cannot.
        let is_sayable = |(key, value): &(String, String)| {
            !key.chars().any(char::is_control) && !value.chars().any(char::is_control)
        };
        let tag_set = pairs
            .into_iter()
            .filter(is_sayable)
            .map(|(key, value)| Tag {
                key: Some(key),
                value: Some(value),
            });
        Ok(GetObjectTaggingOutput {
            tag_set: tag_set.collect(),
            version_id: None,
        })
    }
}
