//! A client that counts, and goes away.

use engine_base::ErrorKind;

use crate::backend::BackendError;
use crate::control::protocol::Progress;
use crate::transfer::Monitor;

/// Counts reports, and ends the transfer after some.
#[derive(Default)]
pub(crate) struct Counting {
    pub(crate) reports: Vec<Progress>,
    pub(crate) end_after: Option<usize>,
}

impl Monitor for Counting {
    fn progress(&mut self, progress: Progress) -> Result<(), BackendError> {
        if self
            .end_after
            .is_some_and(|after| self.reports.len() >= after)
        {
            return Err(BackendError::new(ErrorKind::Closed, "ended by the test"));
        }
        self.reports.push(progress);
        Ok(())
    }
}
