//! What the metadata of an object can be, whichever view sets it.

use engine_format::{Inode, InodeKind};

use crate::node::Node;
use crate::xattr::{OBJECT_PREFIX, SetHow, Sizes, set_attribute_in};
use crate::{Ack, Bucket, BucketError};

/// Bytes of all names and values of an object's metadata that is set piece by piece, without
/// [`OBJECT_PREFIX`] and without the tags.
pub const OBJECT_METADATA_BYTES_MAX: usize = 2048;

/// First bytes of the names that users choose.
const CHOSEN: &[u8] = b"meta.";
/// Bounded by what an attribute can hold.
const TAGS: &[u8] = b"tags";
/// Names besides those that users choose.
const KNOWN: [&[u8]; 8] = [
    b"cache-control",
    b"content-disposition",
    b"content-encoding",
    b"content-language",
    b"content-type",
    b"expires",
    TAGS,
    b"website-redirect-location",
];
/// Characters of a token besides lower-case letters and digits.
const TOKEN: &[u8] = b"!#$%&'*+-.^_`|~";

const fn is_lower_case(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit()
}

/// Refuses what an object cannot have as metadata: other names than those known and `meta.` with a
/// lower-case token, and values that are not printable text in UTF-8. `name` is without
/// [`OBJECT_PREFIX`].
///
/// # Errors
/// [`BucketError::Invalid`].
pub fn check_object_attribute(name: &[u8], value: &[u8]) -> Result<(), BucketError> {
    let is_name = match name.strip_prefix(CHOSEN) {
        Some(chosen) => {
            let is_token = |byte: &u8| is_lower_case(*byte) || TOKEN.contains(byte);
            !chosen.is_empty() && chosen.iter().all(is_token)
        }
        None => KNOWN.contains(&name),
    };
    if !is_name {
        return Err(BucketError::Invalid {
            what: "an object has no metadata of that name; `meta.` and a lower-case token is free",
        });
    }
    let text = std::str::from_utf8(value);
    if text.is_ok_and(|text| !text.chars().any(char::is_control)) {
        return Ok(());
    }
    Err(BucketError::Invalid {
        what: "the metadata of an object is printable text in UTF-8",
    })
}

/// Bytes that a piece of metadata counts for.
fn counted(name: &[u8], value_bytes: usize) -> usize {
    if name == TAGS {
        return 0;
    }
    name.len() + value_bytes
}

/// Refuses the metadata of an object: see [`check_object_attribute`].
///
/// # Errors
/// [`BucketError::Invalid`]; [`BucketError::TooLarge`] over [`OBJECT_METADATA_BYTES_MAX`].
pub fn check_object_metadata(metadata: &[(Vec<u8>, Vec<u8>)]) -> Result<(), BucketError> {
    let mut bytes = 0;
    for (name, value) in metadata {
        check_object_attribute(name, value)?;
        bytes += counted(name, value.len());
    }
    check_sum(bytes)
}

const fn check_sum(bytes: usize) -> Result<(), BucketError> {
    if bytes <= OBJECT_METADATA_BYTES_MAX {
        return Ok(());
    }
    Err(BucketError::TooLarge {
        what: "metadata of the object",
        max: OBJECT_METADATA_BYTES_MAX as u64,
    })
}

impl Bucket {
    /// Sets one piece of an object's metadata, by its name without [`OBJECT_PREFIX`].
    ///
    /// # Errors
    /// As [`check_object_attribute`]; [`BucketError::TooLarge`] together with what the object has;
    /// as [`Bucket::set_attribute`].
    pub async fn set_object_attribute(
        &self,
        node: &Node,
        name: &[u8],
        value: &[u8],
        how: SetHow,
        ack: Ack,
    ) -> Result<(), BucketError> {
        check_object_attribute(name, value)?;
        if !matches!(node.kind(), InodeKind::File | InodeKind::Directory) {
            return Err(BucketError::NotRegular);
        }
        let whole = [OBJECT_PREFIX, name].concat();
        self.change_attributes(node, ack, |sizes: &Sizes, inode: &mut Inode, change| {
            let others = sizes.iter().filter_map(|(known, bytes)| {
                let short = known.strip_prefix(OBJECT_PREFIX)?;
                (short != name).then(|| counted(short, *bytes))
            });
            check_sum(others.sum::<usize>() + counted(name, value.len()))?;
            set_attribute_in(sizes, inode, change, (&whole, value), how)
        })
        .await
    }
}
