//! The memory of pages, kept for the next ones.
//!
//! Pages come and go by the thousand between many small things. Given back to the allocator one by
//! one, their room would be cut up by those, and a process whose pages hold a budget would grow
//! beyond it.

use std::ops::{Deref, DerefMut};
use std::sync::{Mutex, MutexGuard, PoisonError};

use engine_base::limits::PAGE_BYTES;
use zerocopy::{FromZeros, IntoBytes};

use super::RawPage;

/// Pages kept: 16 MiB.
const KEPT_MAX: usize = (16 << 20) / PAGE_BYTES;

static KEPT: Mutex<Vec<Box<RawPage>>> = Mutex::new(Vec::new());

/// The bytes of one page.
pub(super) struct Buffer {
    /// `None` only while it is dropped.
    raw: Option<Box<RawPage>>,
}

impl Buffer {
    pub(super) fn zeroed() -> Self {
        let mut raw = take();
        raw.zero();
        Self { raw: Some(raw) }
    }

    pub(super) fn copy_of(bytes: &RawPage) -> Self {
        let mut raw = take();
        raw.as_mut_bytes().copy_from_slice(bytes.as_bytes());
        Self { raw: Some(raw) }
    }
}

/// A page with anything in it.
fn take() -> Box<RawPage> {
    let kept = kept().pop();
    kept.unwrap_or_else(|| Box::new(RawPage::new_zeroed()))
}

fn kept() -> MutexGuard<'static, Vec<Box<RawPage>>> {
    KEPT.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Drop for Buffer {
    fn drop(&mut self) {
        if let Some(raw) = self.raw.take() {
            let mut kept = kept();
            if kept.len() < KEPT_MAX {
                kept.push(raw);
            }
        }
    }
}

impl Clone for Buffer {
    fn clone(&self) -> Self {
        Self::copy_of(self)
    }
}

impl Deref for Buffer {
    type Target = RawPage;

    #[inline]
    fn deref(&self) -> &RawPage {
        self.raw.as_deref().expect("taken by drop only")
    }
}

impl DerefMut for Buffer {
    #[inline]
    fn deref_mut(&mut self) -> &mut RawPage {
        self.raw.as_deref_mut().expect("taken by drop only")
    }
}
