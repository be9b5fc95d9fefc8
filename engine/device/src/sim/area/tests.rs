use super::{SECTOR, sectors};

#[test]
fn sectors_cut_at_absolute_boundaries() {
    let cut = |offset, bytes| sectors(offset, bytes).collect::<Vec<_>>();
    assert_eq!(cut(0, 1024), [0..512, 512..1024]);
    assert_eq!(cut(500, 600), [0..12, 12..524, 524..600]);
    assert_eq!(cut(10, 20), vec![0..20]);
    assert!(cut(7, 0).is_empty());
    for offset in 0..3 * SECTOR {
        for bytes in [1, 511, 512, 513, 2000] {
            let ranges = cut(offset, bytes);
            assert_eq!(ranges.first().unwrap().start, 0);
            assert_eq!(ranges.last().unwrap().end, bytes);
            for pair in ranges.windows(2) {
                assert_eq!(pair[0].end, pair[1].start);
                assert_eq!((offset + pair[0].end) % SECTOR, 0);
            }
        }
    }
}
