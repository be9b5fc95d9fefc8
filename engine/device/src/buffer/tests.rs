use super::{ALIGN, CLASSES, PageBuf};

#[test]
fn every_buffer_begins_at_a_page() {
    for len in [
        0,
        1,
        4095,
        4096,
        4097,
        70_000,
        1 << 20,
        (4 << 20) + 5,
        (8 << 20) + 1,
    ] {
        let buf = PageBuf::recycled(len);
        assert_eq!(buf.as_ptr().addr() % ALIGN, 0, "length {len}");
        assert_eq!(buf.len(), len);
        assert!(buf.capacity() >= len);
        assert_eq!(buf.capacity() % ALIGN, 0);
    }
}

#[test]
fn zeroed_clears_what_an_earlier_owner_left() {
    for _ in 0..100 {
        let mut dirty = PageBuf::recycled(16 << 10);
        dirty.fill(0xa5);
        drop(dirty);
        let clean = PageBuf::zeroed(10_000);
        assert!(clean.iter().all(|byte| *byte == 0));
    }
}

#[test]
fn truncate_shortens_and_never_lengthens() {
    let mut buf = PageBuf::copy_of(b"trefoil");
    buf.truncate(3);
    assert_eq!(&buf[..], b"tre");
    buf.truncate(7);
    assert_eq!(&buf[..], b"tre");
    assert!(!buf.is_empty());
}

#[test]
fn free_lists_are_bounded() {
    let many: Vec<_> = (0..300).map(|_| PageBuf::recycled(1 << 20)).collect();
    drop(many);
    for class in &CLASSES {
        assert!(
            class.free.lock().len() <= class.keep,
            "class of {} bytes",
            class.bytes
        );
        assert!(class.keep >= 1);
    }
}

#[test]
fn buffers_move_between_threads() {
    let mut buf = PageBuf::zeroed(8192);
    buf[8191] = 7;
    let buf = std::thread::spawn(move || {
        assert_eq!(buf[8191], 7);
        buf
    })
    .join()
    .unwrap();
    assert_eq!(buf.len(), 8192);
}
