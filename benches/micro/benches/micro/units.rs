//! Compressing units, and getting them back.

use std::hint::black_box;

use benches_micro::{Random, Work};
use criterion::{Criterion, Throughput};
use engine_format::{Unit, compress_unit, decompress_unit};

const BYTES: usize = 64 << 10;

/// Lines that differ in their numbers, as of a log.
fn text() -> Vec<u8> {
    let random = Random::new(3);
    let numbers = random.bytes(BYTES);
    let line = |number: &[u8]| format!("request {number:?} was answered in time by the server\n");
    let mut text: Vec<u8> = numbers
        .chunks(4)
        .flat_map(|n| line(n).into_bytes())
        .collect();
    text.truncate(BYTES);
    text
}

pub(crate) fn units(criterion: &mut Criterion) {
    let mut work = Work::default();
    let mut group = criterion.benchmark_group("unit");
    group.throughput(Throughput::Bytes(BYTES as u64));
    for (name, bytes) in [("text", text()), ("noise", Random::new(4).bytes(BYTES))] {
        let stored = compress_unit(&bytes, |unit, stored| (unit, stored.to_vec()));
        work.note_number(stored.as_ref().map_or(0, |(_, stored)| stored.len()) as u64);
        group.bench_function(format!("compress/{name}"), |bencher| {
            bencher.iter(|| compress_unit(black_box(&bytes), |unit, _| unit));
        });
        let Some((unit, mut stored)) = stored else {
            continue;
        };
        stored.resize(stored.len().next_multiple_of(4096), 0);
        group.bench_function(format!("decompress/{name}"), |bencher| {
            let mut back = vec![0; BYTES];
            let unit: Unit = unit;
            bencher.iter(|| decompress_unit(&unit, black_box(&stored), &mut back).is_ok());
        });
    }
    group.finish();
    work.print("unit");
}
