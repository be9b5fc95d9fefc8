use std::fs::File;
use std::future::Future;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Waker};

use engine_base::Slot;
use rustix::fs::{Advice, fadvise};
use tempfile::TempDir;

use super::{READ, on_both, with_ring};
use crate::file::OpenFile;
use crate::reactor::{ReadRequest, start_read};
use crate::{
    Area, Device, DeviceError, Geometry, OpenMode, PageBuf, Place, Prepare, ReadOp, open_path,
};

const SEGMENT: u32 = 1 << 20;

/// A device with one slot that holds a pattern, none of which is in the page cache.
fn cold_device(path: &Path) -> Arc<dyn Device> {
    let device = open_path(path, OpenMode::Create { capacity: None })
        .unwrap()
        .device;
    device
        .attach(Geometry {
            segment_bytes: SEGMENT,
            slots: 1,
        })
        .unwrap();
    device.prepare(Slot::new(0), Prepare::Allocate).unwrap();
    let words: Vec<u8> = (0..SEGMENT / 4).flat_map(u32::to_le_bytes).collect();
    device
        .write(Place::slot(Slot::new(0), 0), &[&words])
        .unwrap();
    device.sync(Area::Segment(Slot::new(0))).unwrap();
    drop_cache(path);
    device
}

fn drop_cache(path: &Path) {
    let file = File::open(path.join("segments/00000000.seg")).unwrap();
    fadvise(&file, 0, None, Advice::DontNeed).unwrap();
}

fn check(buf: &[u8], offset: u32) {
    for (index, word) in buf.chunks_exact(4).enumerate() {
        let expected = offset / 4 + u32::try_from(index).unwrap();
        assert_eq!(word, expected.to_le_bytes(), "word {index} from {offset}");
    }
}

#[test]
fn many_reads_in_flight_complete_each_with_its_own_bytes() {
    let dir = TempDir::new().unwrap();
    let device = cold_device(dir.path());
    on_both(|reactor| {
        drop_cache(dir.path());
        // More than the ring has room for: the rest block, and are right too.
        let reads: Vec<_> = (0..32_u32)
            .map(|index| {
                let offset = index.wrapping_mul(0x9e37) % (SEGMENT / 8192) * 8192;
                let at = Place::slot(Slot::new(0), offset.into());
                (offset, device.read_async(at, PageBuf::recycled(8192)))
            })
            .collect();
        for (offset, read) in reads {
            let buf = reactor.block_on(read).unwrap().unwrap();
            assert_eq!(buf.len(), 8192);
            check(&buf, offset);
        }
    });
}

#[test]
fn what_is_cached_is_ready_at_once() {
    let dir = TempDir::new().unwrap();
    let device = cold_device(dir.path());
    let at = Place::slot(Slot::new(0), 0);
    device.read(at, &mut [0; 4096]).unwrap();
    on_both(|_| {
        let read = device.read_async(at, PageBuf::recycled(4096));
        assert!(read.is_ready());
    });
    assert!(
        device.read_async(at, PageBuf::recycled(4096)).is_ready(),
        "no reactor: blocking"
    );
}

#[test]
fn errors_come_through_the_future() {
    let dir = TempDir::new().unwrap();
    let device = cold_device(dir.path());
    std::fs::OpenOptions::new()
        .write(true)
        .open(dir.path().join("segments/00000000.seg"))
        .unwrap()
        .set_len(10_000)
        .unwrap();
    on_both(|reactor| {
        for offset in [8192, 20_000, u64::from(SEGMENT)] {
            let at = Place::slot(Slot::new(0), offset);
            let result = reactor
                .block_on(device.read_async(at, PageBuf::recycled(4096)))
                .unwrap();
            let Err(DeviceError::Io { place, .. }) = result else {
                panic!("{offset}: {result:?}")
            };
            assert_eq!(place, at);
        }
    });
}

/// A read that cannot complete yet: of a pipe that nobody has written to.
fn stalled_read() -> Option<(std::io::PipeWriter, ReadOp)> {
    let (reader, writer) = std::io::pipe().unwrap();
    let request = ReadRequest {
        file: Arc::new(OpenFile::new(File::from(std::os::fd::OwnedFd::from(
            reader,
        )))),
        offset: 0,
        buf: PageBuf::zeroed(8),
        place: Place::label(0),
        device: "pipe".into(),
    };
    Some((writer, start_read(request).ok()?))
}

#[test]
fn a_read_that_completes_ends_the_park() {
    use std::io::Write;
    let Some(reactor) = with_ring() else { return };
    let (ours, _theirs) = UnixStream::pair().unwrap();
    let (mut writer, read) = stalled_read().unwrap();
    let mut read = pin!(read);
    assert!(
        read.as_mut()
            .poll(&mut Context::from_waker(&reactor.waker()))
            .is_pending()
    );
    assert_eq!(reactor.poll_completions().unwrap(), 0);
    // In two pieces: the first is a short read, which is continued.
    writer.write_all(b"tref").unwrap();
    let rest = std::thread::spawn(move || writer.write_all(b"oil!").unwrap());
    while !read.is_ready() {
        super::park(&reactor, &ours, READ);
    }
    assert_eq!(&reactor.block_on(read).unwrap().unwrap()[..], b"trefoil!");
    rest.join().unwrap();
}

#[test]
fn a_dropped_read_keeps_its_buffer_until_the_kernel_is_done() {
    use std::io::Write;
    let Some(reactor) = with_ring() else { return };
    let (mut writer, read) = stalled_read().unwrap();
    assert_eq!(reactor.poll_completions().unwrap(), 0);
    drop(read);
    // If the buffer were free, one of these could be it, and be written to.
    let others: Vec<_> = (0..64).map(|_| PageBuf::zeroed(8)).collect();
    writer.write_all(b"trefoil!").unwrap();
    while reactor.poll_completions().unwrap() == 0 {}
    assert!(others.iter().all(|buf| buf.iter().all(|byte| *byte == 0)));
}

#[test]
fn dropping_the_reactor_completes_what_is_in_flight() {
    use std::io::Write;
    let Some(reactor) = with_ring() else { return };
    let (mut writer, read) = stalled_read().unwrap();
    let (closed, dropped) = stalled_read().unwrap();
    drop(dropped);
    drop(closed);
    writer.write_all(b"trefoil!").unwrap();
    drop(reactor);
    let mut read = pin!(read);
    assert!(read.is_ready());
    assert!(
        read.as_mut()
            .poll(&mut Context::from_waker(Waker::noop()))
            .is_ready()
    );
}

#[test]
fn a_full_ring_gives_reads_back() {
    let Some(reactor) = with_ring() else { return };
    let stalled: Vec<_> = std::iter::from_fn(stalled_read).collect();
    assert_eq!(stalled.len(), 8);
    for (writer, _read) in stalled {
        drop(writer);
    }
    drop(reactor);
}
