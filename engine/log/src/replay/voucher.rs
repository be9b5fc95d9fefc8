//! Telling the end of the journal from damage.

use engine_base::Lsn;
use engine_device::Place;

use super::Walk;
use crate::{LogError, SegmentPlace};

impl Walk<'_> {
    /// Searches for a group that vouches for the one at which the chain broke.
    pub(super) fn judge_end(&mut self) -> Result<(), LogError> {
        let found = self.find_voucher()?;
        if self.replay.accept_loss {
            let is_lost = found.is_some() || self.unread;
            self.end.lost_from = is_lost.then_some(self.expect);
            return Ok(());
        }
        let Some(durable) = found else {
            return Ok(());
        };
        let place = Place::slot(self.at.place.slot, u64::from(self.at.offset));
        Err(LogError::Damaged {
            lsn: self.expect,
            place,
            durable,
        })
    }

    fn find_voucher(&mut self) -> Result<Option<Lsn>, LogError> {
        let mut segment = Some((self.at.place, self.at.offset));
        let mut named = self.at.next;
        let mut searched = 0;
        while let Some((place, from)) = segment {
            self.end.beyond.push(place);
            let mut next = None;
            let mut offset = from;
            while let Some(after) = self.heads.next_block(offset) {
                let (epoch, expect) = (self.replay.epoch, self.expect);
                let later = self.heads.read(place, offset, |head| {
                    head.header.epoch == epoch && head.header.lsn > expect
                });
                let later = match later {
                    Ok(later) => later,
                    // Whoever goes on all the same needs no proof.
                    Err(error) => {
                        let at = Place::slot(place.slot, offset.into());
                        self.cannot_read(expect, at, error)?;
                        return Ok(None);
                    }
                };
                if let Some(later) = later {
                    let header = &later.head.header;
                    if header.durable_lsn >= self.expect {
                        return Ok(Some(header.durable_lsn));
                    }
                    next = next.or(header.successor.map(SegmentPlace::from));
                }
                offset = after;
            }
            // Bounded: a pool has no more journal segments than slots.
            searched += 1;
            if searched > self.replay.geometry.slots {
                return Ok(None);
            }
            let follow = next.or(named.take()).filter(|next| *next != place);
            let follow = match follow {
                None if self.replay.may_be_last(from) => {
                    self.replay.successor_by_header(place.segment)
                }
                known => known,
            };
            segment = follow.map(|place| (place, engine_base::to_u32(4096)));
        }
        Ok(None)
    }
}
