//! Points at which tests hold a request or a notification up, by the name that it is about.

use std::sync::Arc;

use parking_lot::{Condvar, Mutex};

/// Where something is held up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Point {
    /// A lookup has looked at the tree and not noted what it found.
    Looked,
    /// A lookup has noted what it found and not answered.
    Noted,
    /// The kernel is about to be told that a name leads elsewhere.
    Telling,
}

#[derive(Debug, Default)]
struct State {
    reached: bool,
    open: bool,
}

#[derive(Debug)]
struct Gate {
    point: Point,
    name: Vec<u8>,
    state: Mutex<State>,
    wake: Condvar,
}

static GATES: Mutex<Vec<Arc<Gate>>> = Mutex::new(Vec::new());

/// Holds up whatever reaches a point, until it is dropped.
#[derive(Debug)]
pub struct Hold(Arc<Gate>);

/// Holds up what reaches `point` with `name` from now on.
#[must_use]
pub fn hold(point: Point, name: &[u8]) -> Hold {
    let gate = Arc::new(Gate {
        point,
        name: name.to_vec(),
        state: Mutex::default(),
        wake: Condvar::new(),
    });
    GATES.lock().push(Arc::clone(&gate));
    Hold(gate)
}

impl Hold {
    /// Waits until something is held up.
    pub fn wait(&self) {
        let mut state = self.0.state.lock();
        self.0.wake.wait_while(&mut state, |state| !state.reached);
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        GATES.lock().retain(|gate| !Arc::ptr_eq(gate, &self.0));
        self.0.state.lock().open = true;
        self.0.wake.notify_all();
    }
}

/// Waits here while a test wants that.
pub(crate) fn reach(point: &Point, name: &[u8]) {
    let gates = GATES.lock();
    let wanted = |gate: &&Arc<Gate>| gate.point == *point && gate.name == name;
    let Some(gate) = gates.iter().find(wanted).cloned() else {
        return;
    };
    drop(gates);
    let mut state = gate.state.lock();
    state.reached = true;
    gate.wake.notify_all();
    gate.wake.wait_while(&mut state, |state| !state.open);
}
