//! Sending and receiving.

use std::sync::atomic::Ordering;

use super::{Flow, Pause};
use crate::breach::Breach;
use crate::connection::End;
use crate::limits::READS_AFTER_SHUTDOWN;
use crate::socket::Patience;

impl Flow {
    /// Sends what waits, as far as `patience` goes.
    pub(super) fn send(&mut self, patience: Patience) -> Result<(), End> {
        while !self.output.is_empty() {
            let parts = self.output.parts();
            let sent = if parts.slices.is_empty() {
                Some(0)
            } else {
                let (slices, more) = (&parts.slices, parts.more);
                self.client.socket.send(slices, more, patience)?
            };
            drop(parts);
            let Some(sent) = sent else {
                break;
            };
            self.output.advance(sent);
            let freed = self.output.take_freed();
            self.admission.release(freed);
        }
        Ok(())
    }

    /// Receives once, as much as there is room for; `false` if it would have to wait.
    pub(super) fn receive(&mut self, patience: Patience) -> Result<bool, End> {
        if self.shared.stopping.load(Ordering::Acquire) {
            self.reads_after_stop += 1;
            if self.reads_after_stop > READS_AFTER_SHUTDOWN {
                self.pause = Pause::Finished;
                return Ok(true);
            }
        }
        let (payload, ahead) = self.intake.room(&mut self.input);
        let room = payload.len() + ahead.len();
        let received = self.client.socket.receive(payload, ahead, patience)?;
        match received {
            Some(0) => self.end_of_stream(),
            Some(bytes) => self.intake.received(&mut self.input, bytes),
            None => {}
        }
        // After less than there was room for, the socket is most likely empty: asking again costs
        // more than waiting.
        self.readable = received == Some(room);
        Ok(received.is_some())
    }

    fn end_of_stream(&mut self) {
        self.pause = Pause::Finished;
        // A server that stops ends the stream itself, wherever it is.
        if !self.shared.stopping.load(Ordering::Acquire) {
            let within = self.intake.within(&self.input);
            self.cut_short = within.map(|what| Breach::CutShort { what });
        }
    }
}
