//! The operations, by what they are about.

mod attributes;
mod buckets;
mod copy;
mod copy_fields;
mod delete;
mod get;
mod list;
mod list_pages;
mod multipart;
mod multipart_complete;
mod multipart_list;
mod multipart_sums;
mod parts;
mod put;
mod rename;
mod tagging;

pub(crate) use get::end;
