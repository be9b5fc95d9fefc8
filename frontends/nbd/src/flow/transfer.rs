//! Receiving.

use std::sync::atomic::Ordering;

use super::{Flow, Pause};
use crate::breach::Breach;
use crate::connection::End;
use crate::limits::READS_AFTER_SHUTDOWN;
use crate::socket::Patience;

impl Flow {
    /// Receives once, as much as there is room for; `false` if it would have to wait.
    pub(super) fn receive(&mut self, patience: Patience) -> Result<bool, End> {
        if self.link.shared.stopping.load(Ordering::Acquire) {
            self.reads_after_stop += 1;
            if self.reads_after_stop > READS_AFTER_SHUTDOWN {
                self.pause = Pause::Finished;
                return Ok(true);
            }
        }
        let (payload, ahead) = self.intake.room(&mut self.input);
        let room = payload.len() + ahead.len();
        let received = self.link.client.socket.receive(payload, ahead, patience)?;
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
        if !self.link.shared.stopping.load(Ordering::Acquire) {
            let within = self.intake.within(&self.input);
            self.cut_short = within.map(|what| Breach::CutShort { what });
        }
    }
}
