//! The list of what is lost.

use std::collections::BTreeMap;

use engine_format::{LOST_RANGES_MAX, LostPart, LostRange};

/// Ranges that are listed; more are counted.
const RANGES_MAX: usize = 10_000;

/// Ranges of one object do not overlap, so each is named by its first byte; those of a segment by
/// where they lie.
type Key = (u8, u64, u64, u64);

#[derive(Debug, Default)]
pub(super) struct LostList {
    /// Found by the pass that is on its way.
    now: BTreeMap<Key, LostRange>,
    /// Found before, and not again yet.
    before: BTreeMap<Key, LostRange>,
    /// The settings as they were last saved.
    saved: Vec<Vec<u8>>,
}

fn key(range: &LostRange) -> Key {
    let content = match range.part {
        LostPart::Data => range.content.map_or(0, engine_format::InodeId::get),
        LostPart::Index | LostPart::Header => range.location.segment.get(),
    };
    let number = range.dataset.get();
    (range.part as u8, number, content, range.offset)
}

/// The part of a range from `from` bytes of it on.
fn rest(range: &LostRange, from: u64) -> LostRange {
    let mut rest = *range;
    rest.offset += from;
    rest.bytes -= from;
    rest.location.offset += u32::try_from(from).unwrap_or(u32::MAX);
    rest
}

impl LostList {
    pub(super) fn restore(&mut self, ranges: Vec<LostRange>) {
        self.before = ranges.iter().map(|range| (key(range), *range)).collect();
        self.saved = self.settings();
    }

    /// Adds what was found.
    pub(super) fn add(&mut self, range: LostRange) -> Added {
        let was_known = self.cut_before(&range);
        let last = self.now.range_mut(..=key(&range)).next_back();
        if let Some((_, last)) = last
            && continues(last, &range)
        {
            let end = range.offset + range.bytes;
            last.bytes = last.bytes.max(end - last.offset);
            return Added::of(was_known);
        }
        if self.now.len() + self.before.len() >= RANGES_MAX {
            return Added::LeftOut;
        }
        self.now.insert(key(&range), range);
        Added::of(was_known)
    }

    /// Takes a range out of those that were found before; whether there was one.
    fn cut_before(&mut self, range: &LostRange) -> bool {
        let end = range.offset + range.bytes;
        let last = self.before.range(..=key(range)).next_back();
        let Some((old_key, old)) = last.map(|(key, old)| (*key, *old)) else {
            return false;
        };
        let is_same = continues(&old, range) && range.offset < old.offset + old.bytes;
        if !is_same {
            return false;
        }
        self.before.remove(&old_key);
        if old.offset < range.offset {
            let bytes = range.offset - old.offset;
            let front = LostRange { bytes, ..old };
            self.before.insert(old_key, front);
        }
        if old.offset + old.bytes > end {
            let back = rest(&old, end - old.offset);
            self.before.insert(key(&back), back);
        }
        true
    }

    /// A pass begins.
    pub(super) fn begin_pass(&mut self) {
        let mut found = std::mem::take(&mut self.now);
        self.before.append(&mut found);
    }

    /// A pass has come to its end: what it did not find is there again.
    pub(super) fn end_pass(&mut self) {
        self.before.clear();
    }

    /// Takes the place of a range that was looked at again.
    pub(super) fn replace(&mut self, range: &LostRange, left: &[LostRange]) {
        for list in [&mut self.now, &mut self.before] {
            if list.get(&key(range)) != Some(range) {
                continue;
            }
            list.remove(&key(range));
            list.extend(left.iter().map(|left| (key(left), *left)));
        }
    }

    pub(super) fn all(&self) -> Vec<LostRange> {
        let mut all: Vec<LostRange> = self
            .now
            .values()
            .chain(self.before.values())
            .copied()
            .collect();
        all.sort_by_key(key);
        all
    }

    /// How many ranges there are, and their bytes.
    pub(super) fn sum(&self) -> (u64, u64) {
        let all = self.now.values().chain(self.before.values());
        all.fold((0, 0), |(ranges, bytes), range| {
            (ranges + 1, bytes + range.bytes)
        })
    }

    fn settings(&self) -> Vec<Vec<u8>> {
        let all = self.all();
        all.chunks(LOST_RANGES_MAX)
            .map(LostRange::encode_list)
            .collect()
    }

    /// Settings that are not as they should be, by number; `None`: there should be none.
    pub(super) fn unsaved(&self) -> Vec<(usize, Option<Vec<u8>>)> {
        let wanted = self.settings();
        let count = wanted.len().max(self.saved.len());
        let setting = |index: usize| {
            let (wanted, saved) = (wanted.get(index), self.saved.get(index));
            (wanted != saved).then(|| (index, wanted.cloned()))
        };
        let mut all: Vec<_> = (0..count).filter_map(setting).collect();
        // Those that go go from the end, so that what is left has no gap.
        all.sort_by_key(|(index, value)| match value {
            Some(_) => (0, *index),
            None => (1, count - *index),
        });
        all
    }

    pub(super) fn was_saved(&mut self, index: usize, value: Option<Vec<u8>>) {
        match value {
            Some(value) if index < self.saved.len() => {
                if let Some(saved) = self.saved.get_mut(index) {
                    *saved = value;
                }
            }
            Some(value) => self.saved.push(value),
            None => self.saved.truncate(index),
        }
    }
}

/// Whether `next` begins in `range` or right behind it, at the same place of the same thing.
fn continues(range: &LostRange, next: &LostRange) -> bool {
    let same = range.part == next.part
        && range.dataset == next.dataset
        && range.content == next.content
        && range.location.segment == next.location.segment;
    let Some(from) = next.offset.checked_sub(range.offset) else {
        return false;
    };
    same && from <= range.bytes
        && u64::from(range.location.offset) + from == u64::from(next.location.offset)
}

/// What became of a range that was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Added {
    New,
    Known,
    LeftOut,
}

impl Added {
    const fn of(was_known: bool) -> Self {
        if was_known { Self::Known } else { Self::New }
    }
}

#[cfg(test)]
mod tests;
