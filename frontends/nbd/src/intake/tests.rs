use super::{Intake, Taken};
use crate::error_code::ErrorCode;
use crate::limits::{PIECE_BYTES_MAX, READ_AHEAD_BYTES};
use crate::read_ahead::ReadAhead;
use crate::session::{Rules, Style};

const SIZE: u64 = 1 << 30;

fn rules() -> Rules {
    Rules {
        size: SIZE,
        read_only: false,
        style: Style::Structured,
        contexts: false,
    }
}

fn request(command: u16, offset: u64, length: u32, payload: &[u8]) -> Vec<u8> {
    let mut out = 0x2560_9513_u32.to_be_bytes().to_vec();
    out.extend([0, 0]);
    out.extend(command.to_be_bytes());
    out.extend([0; 8]);
    out.extend(offset.to_be_bytes());
    out.extend(length.to_be_bytes());
    out.extend(payload);
    out
}

fn pattern(bytes: usize) -> Vec<u8> {
    (0..bytes)
        .map(|at| u8::try_from(at % 251).unwrap())
        .collect()
}

/// Offset and bytes of a piece.
type Written = (u64, Vec<u8>);

/// What a stream came to, received in portions: writes as (offset, data), others as nothing.
fn take_all(stream: &[u8], portion: usize) -> (Vec<Written>, usize, Vec<ErrorCode>) {
    let mut input = ReadAhead::new();
    let mut intake = Intake::new(rules());
    let (mut writes, mut jobs, mut refused) = (Vec::new(), 0, Vec::new());
    let mut rest = stream;
    loop {
        match intake.take(&mut input, false, |_| true).unwrap() {
            Taken::Job(job) => {
                jobs += 1;
                let mut next = job.request.offset;
                let whole = job.request.bytes <= PIECE_BYTES_MAX;
                assert!(!whole || job.payload.len() <= 1, "short writes are not cut");
                for piece in job.payload {
                    assert_eq!(piece.offset, next, "pieces follow one another");
                    next += u64::try_from(piece.data.len()).unwrap();
                    let last = next - 1;
                    let one = piece.offset / PIECE_BYTES_MAX == last / PIECE_BYTES_MAX;
                    assert!(whole || one, "long writes are cut at megabytes");
                    writes.push((piece.offset, piece.data.to_vec()));
                }
            }
            Taken::Refused(refusal) => refused.push(refusal.code),
            Taken::NeedMore if rest.is_empty() => return (writes, jobs, refused),
            Taken::NeedMore => {
                let (first, second) = intake.room(&mut input);
                assert!(!first.is_empty() || !second.is_empty(), "there is room");
                let now = rest.len().min(portion).min(first.len() + second.len());
                let split = now.min(first.len());
                first[..split].copy_from_slice(&rest[..split]);
                second[..now - split].copy_from_slice(&rest[split..now]);
                intake.received(&mut input, now);
                rest = &rest[now..];
            }
            other => panic!("{other:?}"),
        }
    }
}

fn joined(writes: &[Written]) -> Vec<u8> {
    writes.iter().flat_map(|write| write.1.clone()).collect()
}

#[test]
fn a_stream_means_the_same_however_it_arrives() {
    let large = pattern(300_000);
    let stream = [
        request(1, 10, 5, b"hello"),
        request(0, 0, 4096, b""),
        request(1, 4096, 40_000, &large[..40_000]),
        request(1, 0, 0, b""),
        request(1, SIZE, 1000, &large[..1000]),
        request(1, 1 << 20, 300_000, &large),
        request(3, 0, 0, b""),
        request(99, 0, 0, b""),
    ]
    .concat();
    let expected = take_all(&stream, usize::MAX);
    assert_eq!(expected.1, 6);
    assert_eq!(expected.2, [ErrorCode::NoSpace, ErrorCode::Invalid]);
    let data = [b"hello", &large[..40_000], &large].concat();
    assert_eq!(joined(&expected.0), data);
    for portion in [1, 27, 28, 29, 4096, 65_536, READ_AHEAD_BYTES] {
        assert_eq!(
            take_all(&stream, portion),
            expected,
            "portions of {portion}"
        );
    }
}

#[test]
fn a_large_write_is_cut_at_megabytes_of_the_export() {
    let offset = (1 << 20) - 100;
    let data = pattern((3 << 20) + 300);
    let length = u32::try_from(data.len()).unwrap();
    let (writes, jobs, _) = take_all(&request(1, offset, length, &data), 100_000);
    assert_eq!(jobs, 1);
    let cuts: Vec<_> = writes
        .iter()
        .map(|write| (write.0, write.1.len()))
        .collect();
    let mib = 1 << 20;
    let expected = [
        (offset, 100),
        (1 << 20, mib),
        (2 << 20, mib),
        (3 << 20, mib),
        (4 << 20, 200),
    ];
    assert_eq!(cuts, expected);
    assert_eq!(joined(&writes), data);
}

#[test]
fn a_write_of_up_to_a_megabyte_is_one_piece_wherever_it_lies() {
    let mib = 1 << 20;
    let data = pattern(mib);
    for offset in [0, 1, 511, 4096, 4097, (1 << 20) - 1, SIZE - (1 << 20)] {
        let stream = request(1, offset, 1 << 20, &data);
        for portion in [100_000, usize::MAX] {
            let (writes, jobs, _) = take_all(&stream, portion);
            assert_eq!(jobs, 1);
            assert!(writes == [(offset, data.clone())], "offset {offset}");
        }
    }
    let longer = pattern(mib + 1);
    let (writes, ..) = take_all(&request(1, 100, (1 << 20) + 1, &longer), 100_000);
    let cuts: Vec<_> = writes
        .iter()
        .map(|write| (write.0, write.1.len()))
        .collect();
    assert_eq!(cuts, [(100, mib - 100), (1 << 20, 101)]);
    assert_eq!(joined(&writes), longer);
}

#[test]
fn memory_is_taken_as_a_payload_arrives_and_not_before() {
    let mut input = ReadAhead::new();
    let mut intake = Intake::new(rules());
    let stream = request(1, 0, 32 << 20, b"x");
    input.room(stream.len())[..stream.len()].copy_from_slice(&stream);
    input.received(stream.len());
    assert!(matches!(
        intake.take(&mut input, false, |_| true).unwrap(),
        Taken::NeedMore
    ));
    let (first, second) = intake.room(&mut input);
    assert_eq!(first.len(), (1 << 20) - 1);
    assert!(second.is_empty());
}

#[test]
fn after_a_large_write_only_the_next_header_is_read_ahead() {
    let mut input = ReadAhead::new();
    let mut intake = Intake::new(rules());
    let stream = request(1, 0, 100_000, &[]);
    input.room(stream.len())[..stream.len()].copy_from_slice(&stream);
    input.received(stream.len());
    assert!(matches!(
        intake.take(&mut input, false, |_| true).unwrap(),
        Taken::NeedMore
    ));
    let (first, second) = intake.room(&mut input);
    assert_eq!((first.len(), second.len()), (100_000, 28));
}

#[test]
fn what_is_not_admitted_stays_and_is_taken_later() {
    let mut input = ReadAhead::new();
    let mut intake = Intake::new(rules());
    let stream = request(0, 0, 4096, b"");
    input.room(stream.len())[..stream.len()].copy_from_slice(&stream);
    input.received(stream.len());
    let blocked = intake.take(&mut input, false, |_| false).unwrap();
    assert!(matches!(blocked, Taken::Blocked(cost) if cost > 4096));
    assert_eq!(input.unread().len(), stream.len());
    let refused = intake.take(&mut input, true, |_| false).unwrap();
    assert!(matches!(refused, Taken::Refused(refusal) if refusal.code == ErrorCode::Shutdown));
}
