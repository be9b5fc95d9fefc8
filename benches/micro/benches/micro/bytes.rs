//! Checksums, and pages as they come from a device.

use std::hint::black_box;

use benches_micro::{Random, Work, number_key};
use criterion::{Criterion, Throughput};
use engine_base::limits::PAGE_BYTES;
use engine_base::{DatasetId, Location, SegmentId};
use engine_format::{Page, PagePointer};

pub(crate) fn checksums(criterion: &mut Criterion) {
    let bytes = Random::new(1).bytes(64 << 10);
    let mut work = Work::default();
    work.note(&bytes);
    work.print("crc32c");
    let mut group = criterion.benchmark_group("crc32c");
    for kib in [4, 64] {
        let part = &bytes[..kib << 10];
        group.throughput(Throughput::Bytes(part.len() as u64));
        group.bench_function(format!("{kib}-kib"), |bencher| {
            bencher.iter(|| crc32c::crc32c(black_box(part)));
        });
    }
    group.finish();
}

pub(crate) fn page_verify(criterion: &mut Criterion) {
    let tree = DatasetId::FIRST_USER;
    let mut page = Page::new(tree, 0, &[], &[]);
    let random = Random::new(2);
    for number in 0.. {
        if page
            .push(&number_key(number * 3), &random.bytes(12))
            .is_err()
        {
            break;
        }
    }
    let base = Location {
        segment: SegmentId::FIRST,
        offset: 4096,
    };
    let pointer = PagePointer {
        base,
        checksum: page.checksum(),
        copy: None,
        delta: None,
    };
    let mut work = Work::default();
    work.note(page.bytes());
    work.note_number(page.count() as u64);
    work.print("page/verify");
    let mut group = criterion.benchmark_group("page");
    group.throughput(Throughput::Bytes(PAGE_BYTES as u64));
    group.bench_function("verify", |bencher| {
        bencher.iter(|| Page::verify(black_box(page.bytes()), &pointer, tree).is_ok());
    });
    group.finish();
}
