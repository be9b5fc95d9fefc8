//! What must hold for any bytes: one function per decoder, run by `cargo fuzz` (see `fuzz/`)
//! without end and by an ordinary test within bounds.
//!
//! Nothing may panic, and what is accepted must be the one encoding of its value. Random bytes
//! never have the right magic and checksum, so they are tried as they are, and once more with both
//! put right.

use engine_base::Checksum;
use engine_base::limits::PAGE_BYTES;

use crate::{
    BatchBuilder, DatasetRecord, EntryRecord, ExtentBuf, ExtentPut, ExtentRef, LostRange,
    MutationRef, PagePointer, PoolKey, Redirect, RootsKey, RootsRecord, ScrubRecord, SegmentHeader,
    SegmentTablePage, Superblock, batches, dataset_key, decode_head, encode_head, head_bytes_for,
    peek_head, rebase_data_offsets, redirect_key, roots_key, samples, setting_key,
};

pub use buckets::{bucket_entry, bucket_record, bucket_upload};
pub use mirrors::{membership, missing_sector};
pub use mutations::mutations;
pub use pages::{delta, page};
pub use target::Target;
pub use values::{
    dataset_record, extent, page_pointer, redirect, roots_record, scrub, segment_table, tree_key,
    unit,
};

/// All decoders.
pub const TARGETS: [Target; 20] = [
    Target {
        name: "superblock",
        run: superblock,
        sample: || sample_superblock().to_vec(),
    },
    Target {
        name: "segment_header",
        run: segment_header,
        sample: || samples::segment_header().encode().to_vec(),
    },
    Target {
        name: "group",
        run: group,
        sample: samples::group_head,
    },
    Target {
        name: "mutations",
        run: mutations,
        sample: samples::mutations,
    },
    Target {
        name: "page",
        run: page,
        sample: samples::leaf_page,
    },
    Target {
        name: "delta",
        run: delta,
        sample: samples::delta,
    },
    Target {
        name: "extent",
        run: extent,
        sample: values::sample_extent,
    },
    Target {
        name: "unit",
        run: unit,
        sample: values::sample_unit,
    },
    Target {
        name: "segment_table",
        run: segment_table,
        sample: || samples::segment_table().encode().to_vec(),
    },
    Target {
        name: "dataset_record",
        run: dataset_record,
        sample: || samples::dataset_record().encode(),
    },
    Target {
        name: "roots_record",
        run: roots_record,
        sample: || samples::roots_record().encode().to_vec(),
    },
    Target {
        name: "redirect",
        run: redirect,
        sample: || samples::redirect().encode(),
    },
    Target {
        name: "bucket_entry",
        run: bucket_entry,
        sample: || EntryRecord::Inline(samples::inode()).encode(),
    },
    Target {
        name: "bucket_upload",
        run: bucket_upload,
        sample: || samples::upload_record().encode(),
    },
    Target {
        name: "bucket_record",
        run: bucket_record,
        sample: || samples::directory_state().encode().to_vec(),
    },
    Target {
        name: "scrub",
        run: scrub,
        sample: values::sample_scrub,
    },
    Target {
        name: "tree_key",
        run: tree_key,
        sample: values::sample_key,
    },
    Target {
        name: "page_pointer",
        run: page_pointer,
        sample: || samples::pointer().encode().to_vec(),
    },
    Target {
        name: "membership",
        run: membership,
        sample: || samples::membership().encode(0).to_vec(),
    },
    Target {
        name: "missing_sector",
        run: missing_sector,
        sample: || samples::missing_sector().encode().to_vec(),
    },
];

fn sample_superblock() -> [u8; 4096] {
    samples::superblock().encode(0)
}

/// The input cut or zero-extended to the size of a structure.
fn sized<const N: usize>(data: &[u8]) -> [u8; N] {
    let mut bytes = [0; N];
    for (to, from) in bytes.iter_mut().zip(data) {
        *to = *from;
    }
    bytes
}

fn overwrite(bytes: &mut [u8], at: usize, with: &[u8]) {
    for (to, from) in bytes.iter_mut().skip(at).zip(with) {
        *to = *from;
    }
}

/// Puts magic, checksum and version of a superblock or segment header right.
fn seal_block(bytes: &mut [u8; 4096], magic: [u8; 8]) {
    overwrite(bytes, 0, &magic);
    overwrite(bytes, 12, &crate::FORMAT_VERSION.to_le_bytes());
    let (_, covered) = bytes.split_at(12);
    let crc = crc32c::crc32c(covered);
    overwrite(bytes, 8, &crc.to_le_bytes());
}

/// Superblocks.
pub fn superblock(data: &[u8]) {
    let mut bytes = sized(data);
    let check = |bytes: &[u8; 4096]| {
        for copy in [0, 1] {
            if let Ok(superblock) = Superblock::decode(bytes, copy) {
                assert_eq!(superblock.encode(copy), *bytes);
            }
        }
    };
    check(&bytes);
    seal_block(&mut bytes, *b"TREFOIL\x1a");
    check(&bytes);
}

/// Segment headers.
pub fn segment_header(data: &[u8]) {
    let mut bytes = sized(data);
    let slot = samples::segment_header().slot;
    let check = |bytes: &[u8; 4096]| {
        if let Ok(header) = SegmentHeader::decode(bytes, samples::POOL, slot) {
            assert_eq!(header.encode(), *bytes);
        }
    };
    check(&bytes);
    seal_block(&mut bytes, *b"TREFSEG\x1a");
    overwrite(&mut bytes, 16, &samples::POOL.get());
    overwrite(&mut bytes, 40, &slot.get().to_le_bytes());
    seal_block(&mut bytes, *b"TREFSEG\x1a");
    check(&bytes);
}

/// Heads of groups.
pub fn group(data: &[u8]) {
    check_group(data);
    let mut bytes = data.to_vec();
    overwrite(&mut bytes, 0, b"TGRP");
    let Ok(sizes) = peek_head(&bytes, samples::group_place()) else {
        return;
    };
    bytes.resize(engine_base::to_usize(sizes.head_bytes.into()), 0);
    let mut seed = samples::group_place().segment.get().to_le_bytes().to_vec();
    seed.extend_from_slice(&samples::group_place().offset.to_le_bytes());
    let (_, covered) = bytes.split_at(8);
    let crc = crc32c::crc32c_append(crc32c::crc32c(&seed), covered);
    overwrite(&mut bytes, 4, &crc.to_le_bytes());
    check_group(&bytes);
}

fn check_group(bytes: &[u8]) {
    let place = samples::group_place();
    let Ok(head) = decode_head(bytes, place) else {
        return;
    };
    assert_eq!(peek_head(bytes, place), Ok(head.sizes));
    let mutations = bytes
        .get(head.mutations.clone())
        .expect("they lie in the head");
    let mut again = vec![0; head_bytes_for(mutations.len())];
    assert_eq!(
        encode_head(&head.header, mutations, place, &mut again),
        head.checksum
    );
    assert!(bytes.starts_with(&again));
}

mod buckets;
mod mirrors;
mod mutations;
mod pages;
mod target;
#[cfg(test)]
mod tests;
mod values;
