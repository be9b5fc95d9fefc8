//! Plugging: how a frontend that parsed many requests at once gets them into one group.

use std::cell::Cell;
use std::marker::PhantomData;

use crate::Journal;

thread_local! {
    static PLUGGED: Cell<u32> = const { Cell::new(0) };
}

/// While a plug lives, commits polled on this thread join the open group and wait; dropping the
/// last one writes the group, on this thread, and so completes them. (The block layer of Linux uses
/// the word for the same thing.)
#[derive(Debug)]
pub struct Plug<'a> {
    journal: &'a Journal,
    not_send: PhantomData<*const ()>,
}

impl<'a> Plug<'a> {
    pub(crate) fn new(journal: &'a Journal) -> Self {
        PLUGGED.with(|depth| depth.set(depth.get() + 1));
        Self {
            journal,
            not_send: PhantomData,
        }
    }
}

impl Drop for Plug<'_> {
    fn drop(&mut self) {
        let depth = PLUGGED.with(|depth| {
            depth.set(depth.get() - 1);
            depth.get()
        });
        if depth == 0 {
            self.journal.lead();
        }
    }
}

/// Whether commits of this thread wait for a plug to be dropped.
pub(crate) fn is_plugged() -> bool {
    PLUGGED.with(Cell::get) > 0
}
