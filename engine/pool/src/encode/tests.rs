use engine_base::Location;
use engine_format::{MutationRef, batches, decompress_unit};

use super::*;

const UNIT: usize = UNIT_BYTES_MAX;

fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        u8::try_from(state >> 56).unwrap()
    };
    (0..length).map(|_| next()).collect()
}

fn padded(bytes: &[u8]) -> PageBuf {
    let mut buf = PageBuf::zeroed(bytes.len().next_multiple_of(BLOCK_BYTES));
    buf[..bytes.len()].copy_from_slice(bytes);
    buf
}

/// What is put: offsets, bytes and codecs.
type Shape = Vec<(u64, u64, u8)>;

/// Encodes, and puts together again what the batch says; the data that it took.
fn encode(offset: u64, bytes: &[u8]) -> (Shape, usize) {
    let before = 3 * BLOCK_BYTES;
    let given = (padded(bytes), bytes.len());
    let encoded = Encoded::new(Compression::Lz4, offset, given);
    let mut batch = BatchBuilder::new();
    let object = (DatasetId::new(20), &b"p"[..]);
    let data = encoded.add_to(&mut batch, object, offset, before);
    let batch = batch.finish().unwrap();
    let mut shape = Shape::new();
    let mut behind = offset;
    for mutation in batches(&batch).next().unwrap().unwrap().mutations() {
        let (at, length, codec) = match mutation.unwrap() {
            MutationRef::ExtentPut { extent, .. } => {
                let start = extent.data_offset as usize - before;
                let stored = &data[start..start + extent.checksums.len() * BLOCK_BYTES];
                let sums = stored.chunks(BLOCK_BYTES).map(crc32c::crc32c);
                assert!(extent.checksums.iter().map(|sum| sum.get()).eq(sums));
                let segment = engine_base::SegmentId::new(1).unwrap();
                let place = Location {
                    segment,
                    offset: 8192,
                };
                extent.extent(place).unwrap();
                let mut found = vec![0; extent.bytes as usize];
                match extent.codec {
                    Codec::None => found.copy_from_slice(&stored[..extent.bytes as usize]),
                    Codec::Lz4(unit) => decompress_unit(&unit, stored, &mut found).unwrap(),
                }
                let from = usize::try_from(extent.offset - offset).unwrap();
                assert!(found == bytes[from..from + found.len()]);
                (extent.offset, extent.bytes.into(), extent.codec.get())
            }
            other => panic!("{other:?}"),
        };
        assert_eq!(at, behind, "in order and without gaps");
        behind += length;
        shape.push((at, length, codec));
    }
    assert_eq!(behind, offset + bytes.len() as u64);
    (shape, data.len())
}

#[test]
fn units_end_at_multiples_of_64_kib_of_the_object() {
    let bytes = vec![7; 2 * UNIT];
    let (shape, stored) = encode(8192, &bytes);
    let first = UNIT as u64 - 8192;
    assert_eq!(
        shape,
        [
            (8192, first, 1),
            (8192 + first, UNIT as u64, 1),
            (8192 + first + UNIT as u64, 8192, 1),
        ]
    );
    assert_eq!(stored, 3 * BLOCK_BYTES);
}

#[test]
fn what_does_not_compress_is_one_extent_and_is_not_copied() {
    let bytes = noise(1 << 20);
    let buf = padded(&bytes);
    let at = buf.as_ptr();
    let given = (buf, bytes.len());
    let encoded = Encoded::new(Compression::Lz4, 4096, given);
    assert_eq!(encoded.data.as_ptr(), at);
    let (shape, stored) = encode(4096, &bytes);
    assert_eq!(shape, [(4096, 1 << 20, 0)]);
    assert_eq!(stored, 1 << 20);
}

#[test]
fn each_unit_is_stored_as_it_is_best() {
    let mut bytes = noise(2 * UNIT);
    bytes.resize(3 * UNIT, 5);
    bytes.extend(vec![0; UNIT]);
    bytes.extend(noise(2 * UNIT));
    let unit = UNIT as u64;
    let (shape, stored) = encode(0, &bytes);
    assert_eq!(
        shape,
        [
            (0, 2 * unit, 0),
            (2 * unit, unit, 1),
            (3 * unit, unit, 1),
            (4 * unit, 2 * unit, 0),
        ]
    );
    assert_eq!(stored, 4 * UNIT + 2 * BLOCK_BYTES);
}

#[test]
fn a_single_block_stays_as_it_is() {
    assert_eq!(encode(4096, &[0; 4096]), (vec![(4096, 4096, 0)], 4096));
}

#[test]
fn ends_need_not_be_blocks() {
    let mut bytes = vec![9; UNIT + 5000];
    let (shape, stored) = encode(0, &bytes);
    let unit = UNIT as u64;
    assert_eq!(shape, [(0, unit, 1), (unit, 5000, 1)]);
    assert_eq!(stored, 2 * BLOCK_BYTES);
    bytes.truncate(UNIT + 100);
    let (shape, stored) = encode(0, &bytes);
    assert_eq!(shape, [(0, unit, 1), (unit, 100, 0)]);
    assert_eq!(stored, 2 * BLOCK_BYTES);
    let mut bytes = noise(UNIT);
    bytes.extend([1; 3]);
    let (shape, _) = encode(0, &bytes);
    assert_eq!(shape, [(0, unit + 3, 0)]);
}
