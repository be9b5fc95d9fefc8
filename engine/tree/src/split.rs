//! Where a page that has become too large is cut.

/// The upper part of a node that was split.
#[derive(Debug)]
pub(crate) struct Separated<T> {
    /// Its low fence, and the high fence of the lower part.
    pub(crate) separator: Box<[u8]>,
    pub(crate) right: T,
}

impl<T> Separated<T> {
    pub(crate) fn map<U>(self, right: impl FnOnce(T) -> U) -> Separated<U> {
        Separated {
            separator: self.separator,
            right: right(self.right),
        }
    }
}

/// Chooses how many of the entries with these sizes stay below.
///
/// Normally about half of the bytes. After an `append` as many as possible: pages that are filled
/// in key order stay full.
///
/// # Panics
/// If `fits` nowhere. The limits of keys and values are so small that both halves always fit.
pub(crate) fn split_point(sizes: &[usize], append: bool, fits: impl Fn(usize) -> bool) -> usize {
    assert!(sizes.len() >= 2, "there is something to split");
    if append && fits(sizes.len() - 1) {
        return sizes.len() - 1;
    }
    let total: usize = sizes.iter().sum();
    let mut below = 0;
    let half = sizes.iter().take_while(|size| {
        below += **size;
        2 * below <= total
    });
    let half = half.count().clamp(1, sizes.len() - 1);
    // Entries of very different sizes: the other side of the middle one may be the better half.
    let near = (0..sizes.len()).flat_map(|distance| [half + distance, half.wrapping_sub(distance)]);
    near.filter(|at| (1..sizes.len()).contains(at))
        .find(|at| fits(*at))
        .expect("no entry is larger than a third of a page")
}
