//! Which stretch a name belongs to, and which names have positions there.
//!
//! A stretch tells the names apart that it was made for. One that comes later may have the code of
//! another one, or a code that is out of order. So only names that were there when their stretch
//! was looked at are shown: their codes ascend with them, and a position behind any of them parts
//! the others for ever. The names of the latest stretches are kept, until reading begins from the
//! beginning. When another one is come back to, those that are there now take their place, if it
//! tells them apart; else new stretches with new numbers take its place, and of it remains what its
//! old positions mean. Names that were there throughout are among them all, so at no position is
//! one left out or repeated.

use std::collections::VecDeque;

use super::stretch::{CODE_BITS, NAMES_MAX, Stretch, StretchBuilder};
use super::{COOKIE_MIN, DirectoryStream, ENTRIES_AT_ONCE, behind};
use crate::BucketError;

/// Names that are kept at most, of the latest stretches: a reader goes on shortly before where it
/// was read to.
const KEPT: usize = 2 * NAMES_MAX;
/// Stretches from which on reading from the beginning forgets all of them.
const MANY: usize = 1024;

/// The stretches of a stream, in the order in which they were made: the first has number 1.
#[derive(Debug, Default)]
pub(super) struct Layout {
    made: Vec<Stretch>,
    /// Those in use, as places in `made`, in the order of their names and without gaps.
    used: Vec<usize>,
    /// Of the latest: its place in `made`, and its names as in the key.
    kept: VecDeque<(usize, Vec<Vec<u8>>)>,
}

/// Where reading goes on.
#[derive(Debug, Default)]
pub(super) struct Position {
    /// The lowest name.
    pub(super) from: Vec<u8>,
    /// In this stretch only what has a higher code than this.
    pub(super) above: Option<(usize, u64)>,
}

impl Layout {
    /// Reading begins from the beginning: what came since is shown then.
    pub(super) fn begin(&mut self) {
        if self.made.len() >= MANY {
            *self = Self::default();
        }
        self.kept.clear();
    }

    /// Where a position lies; `None`: it was never given out.
    pub(super) fn position_of(&self, cookie: u64) -> Option<Position> {
        let (number, code) = (cookie >> CODE_BITS, cookie & (COOKIE_MIN - 1));
        let place = usize::try_from(number.checked_sub(1)?).ok()?;
        let stretch = self.made.get(place)?;
        let from = if code >= stretch.last_code {
            behind(&stretch.until)
        } else if let Some((_, names)) = self.kept.iter().find(|kept| kept.0 == place) {
            let next = names.partition_point(|name| stretch.code(name) <= code);
            names.get(next).unwrap_or(&stretch.until).clone()
        } else {
            let from = behind(&stretch.after);
            let above = Some((place, code));
            return Some(Position { from, above });
        };
        Some(Position { from, above: None })
    }

    /// Whether a name lies before the position that this is the second half of.
    pub(super) fn is_below(&self, above: Option<(usize, u64)>, name: &[u8]) -> bool {
        above.is_some_and(|(place, least)| {
            let stretch = self.made.get(place);
            stretch.is_some_and(|stretch| stretch.holds(name) && stretch.code(name) <= least)
        })
    }

    /// The position behind a name; `None`: it came after its stretch was looked at.
    pub(super) fn cookie_of(&self, name: &[u8]) -> Option<u64> {
        let (place, stretch, names) = self.kept_at(name)?;
        names.binary_search_by(|one| (**one).cmp(name)).ok()?;
        Some((place as u64 + 1) << CODE_BITS | stretch.code(name))
    }

    /// The stretch in use that a name lies in, if its names are kept.
    fn kept_at(&self, name: &[u8]) -> Option<(usize, &Stretch, &[Vec<u8>])> {
        self.kept.iter().rev().find_map(|(place, names)| {
            let stretch = self.made.get(*place)?;
            stretch.holds(name).then_some((*place, stretch, &names[..]))
        })
    }

    /// The last name that lies in a stretch.
    fn end(&self) -> &[u8] {
        let last = self.used.last().and_then(|place| self.made.get(*place));
        last.map_or(&[], |stretch| &stretch.until)
    }

    /// The place among those in use of the stretch that a name lies in.
    fn find(&self, name: &[u8]) -> Option<usize> {
        let ends_before = |place: &usize| {
            let stretch = self.made.get(*place);
            stretch.is_some_and(|stretch| *stretch.until < *name)
        };
        let at = self.used.partition_point(ends_before);
        (at < self.used.len()).then_some(at)
    }

    fn make(&mut self, stretch: Stretch) -> usize {
        self.made.push(stretch);
        self.made.len() - 1
    }

    fn keep(&mut self, place: usize, names: Vec<Vec<u8>>) {
        self.kept.push_back((place, names));
        let mut all: usize = self.kept.iter().map(|(_, names)| names.len()).sum();
        while all > KEPT {
            let gone = self.kept.pop_front();
            all -= gone.map_or(all, |(_, names)| names.len());
        }
    }

    /// New stretches take the place of one in use: they end where it ended.
    fn replace(&mut self, at: usize, new: Vec<Stretch>) {
        let old = self.used.remove(at);
        self.kept.retain(|(place, _)| *place != old);
        let places: Vec<usize> = new.into_iter().map(|stretch| self.make(stretch)).collect();
        self.used.splice(at..at, places);
    }
}

impl DirectoryStream {
    /// Looks at the names of the stretch that this one lies in, unless they are kept.
    pub(super) async fn enter(&mut self, name: &[u8]) -> Result<(), BucketError> {
        while self.layout.end() < name {
            let after = self.layout.end().to_vec();
            let Some((stretch, names)) = self.look(&after, None).await? else {
                // This one was removed meanwhile.
                return Ok(());
            };
            let place = self.layout.make(stretch);
            self.layout.used.push(place);
            self.layout.keep(place, names);
        }
        match self.layout.find(name) {
            Some(at) if self.layout.kept_at(name).is_none() => self.come_back(at, name).await,
            _ => Ok(()),
        }
    }

    /// Looks again at the names of a stretch in use, of which this is one.
    async fn come_back(&mut self, at: usize, name: &[u8]) -> Result<(), BucketError> {
        let place = self.layout.used.get(at).copied().unwrap_or_default();
        let Some(old) = self.layout.made.get(place) else {
            return Ok(());
        };
        let (mut after, until) = (old.after.clone(), old.until.clone());
        let names = self.names_between(&after, &until).await?;
        if let Some(old) = self.layout.made.get(place)
            && old.tells_apart(&names)
        {
            self.layout.keep(place, names);
            return Ok(());
        }
        let mut new: Vec<Stretch> = Vec::new();
        let mut kept = None;
        while let Some((stretch, names)) = self.look(&after, Some(&until)).await? {
            after.clone_from(&stretch.until);
            if stretch.holds(name) {
                kept = Some((new.len(), names));
            }
            new.push(stretch);
        }
        let Some(last) = new.last_mut() else {
            return Ok(());
        };
        last.until = until;
        let first = self.layout.made.len();
        self.layout.replace(at, new);
        if let Some((index, names)) = kept {
            self.layout.keep(first + index, names);
        }
        Ok(())
    }

    /// The next stretch behind a name, of names up to another one; `None`: there are none.
    async fn look(
        &self,
        after: &[u8],
        until: Option<&[u8]>,
    ) -> Result<Option<(Stretch, Vec<Vec<u8>>)>, BucketError> {
        let mut builder = StretchBuilder::new(after);
        let mut next = Some(behind(after));
        while let Some(from) = next.take() {
            let step = self.step(&from, ENTRIES_AT_ONCE).await?;
            let belongs = |name: &[u8]| until.is_none_or(|until| name <= until);
            let mut names = step.seen.iter().map(|one| &one.key_name);
            if names.all(|name| belongs(name) && builder.add(name)) {
                next = step.next.filter(|next| belongs(next));
            }
        }
        Ok(builder.finish())
    }

    /// The names between two, the second one included, as far as one stretch can have them and one
    /// look more.
    async fn names_between(&self, after: &[u8], until: &[u8]) -> Result<Vec<Vec<u8>>, BucketError> {
        let mut names = Vec::new();
        let mut next = Some(behind(after));
        while let Some(from) = next.take() {
            let step = self.step(&from, ENTRIES_AT_ONCE).await?;
            let seen = step.seen.into_iter().map(|one| one.key_name);
            names.extend(seen.take_while(|name| **name <= *until));
            let goes_on = names.len() <= NAMES_MAX;
            next = step.next.filter(|next| goes_on && **next <= *until);
        }
        Ok(names)
    }
}
