//! What is known of an object, as a document.

use s3s::S3Result;
use s3s::dto::{
    GetObjectAttributesInput, GetObjectAttributesOutput, GetObjectAttributesParts,
    ObjectAttributes, ObjectPart, StorageClass,
};

use crate::door::{Call, Door};
use crate::error::invalid_argument;
use crate::etag::etag_of;
use crate::moment::Moment;
use crate::ops::end;
use crate::ops::parts::opened;
use crate::stored::Stored;

/// Parts of a page.
const PARTS_MAX: u64 = 1000;

impl Door {
    pub(crate) async fn object_attributes(
        &self,
        call: &Call,
        input: GetObjectAttributesInput,
    ) -> S3Result<GetObjectAttributesOutput> {
        let bucket = self.bucket(call).await?;
        self.allow_read(&bucket, call, &call.target.key).await?;
        let known = [
            ObjectAttributes::CHECKSUM,
            ObjectAttributes::ETAG,
            ObjectAttributes::OBJECT_PARTS,
            ObjectAttributes::OBJECT_SIZE,
            ObjectAttributes::STORAGE_CLASS,
        ];
        // Clients send them in one header or in several.
        let lists = input.object_attributes.iter();
        let wanted: Vec<&str> = lists
            .flat_map(|list| list.as_str().split(','))
            .map(str::trim)
            .collect();
        if wanted.is_empty() || !wanted.iter().all(|name| known.contains(name)) {
            return Err(invalid_argument("Invalid attribute name specified."));
        }
        let wants = |name: &str| wanted.contains(&name);
        let with_parts = wants(ObjectAttributes::OBJECT_PARTS);
        let (reader, stored) = opened(&bucket, &call.target.key, with_parts).await?;
        let info = reader.info().clone();
        end(reader).await;
        let parts = with_parts.then(|| parts(&input, &stored));
        let has_sum = wants(ObjectAttributes::CHECKSUM) && !stored.values.is_empty();
        Ok(GetObjectAttributesOutput {
            checksum: has_sum.then(|| stored.shown()),
            e_tag: wants(ObjectAttributes::ETAG).then(|| etag_of(&info)),
            last_modified: Some(Moment::of(info.modified).timestamp()),
            object_parts: parts.transpose()?.flatten(),
            object_size: i64::try_from(info.size)
                .ok()
                .filter(|_| wants(ObjectAttributes::OBJECT_SIZE)),
            storage_class: wants(ObjectAttributes::STORAGE_CLASS)
                .then(|| StorageClass::from_static(StorageClass::STANDARD)),
            ..GetObjectAttributesOutput::default()
        })
    }
}

/// A page of the parts of an object that has some.
fn parts(
    input: &GetObjectAttributesInput,
    stored: &Stored,
) -> S3Result<Option<GetObjectAttributesParts>> {
    let count = stored.parts_count();
    if count == 0 {
        return Ok(None);
    }
    let number = |wanted: Option<i32>, default: u64| {
        let wanted = wanted.map_or(Ok(default), u64::try_from);
        wanted.map_err(|_| invalid_argument("The numbers of parts are not negative."))
    };
    let after = number(input.part_number_marker, 0)?;
    let max = number(input.max_parts, PARTS_MAX)?.min(PARTS_MAX);
    let last = (after + max).min(count);
    let page = (after + 1..=last).map(|number| ObjectPart {
        part_number: i32::try_from(number).ok(),
        size: stored
            .part(number)
            .and_then(|part| i64::try_from(part.1).ok()),
        ..ObjectPart::default()
    });
    let short = |number: u64| i32::try_from(number).ok();
    // With room for nothing there is no place to go on from.
    let is_cut = last < count && max > 0;
    Ok(Some(GetObjectAttributesParts {
        is_truncated: Some(is_cut),
        max_parts: short(max),
        next_part_number_marker: short(last),
        part_number_marker: short(after),
        parts: Some(page.collect()),
        total_parts_count: short(count),
    }))
}
