//! The pools that are damaged.

use std::sync::OnceLock;

use engine_format::Encryption;
use engine_volume::Ack::{Durable, Written};

use crate::history::{History, Killed};

const SEED: u64 = 0x7265_666f_696c;

/// Small ones, for flipping many bits: killed in the middle of writing; idle; closed; and killed
/// after a restart, when the older superblock is still of the epoch before.
pub(crate) fn small() -> &'static [Killed] {
    static POOLS: OnceLock<Vec<Killed>> = OnceLock::new();
    POOLS.get_or_init(|| {
        let mut history = small_history();
        let mut pools = vec![small_tail(&mut history)];
        pools.push(idle(&mut history));
        history.pool.close().unwrap();
        pools.push(history.settled("closed"));
        pools.push(restarted(history));
        pools
    })
}

fn small_history() -> History {
    let mut history = History::new(SEED);
    history.create("a", 100 << 10);
    history.create("b", (40 << 10) + 512);
    history.create("gone", 64 << 10);
    history.write("a", 0, 60 << 10, Written);
    history.write("b", 1000, 30 << 10, Written);
    history.write("gone", 0, 64 << 10, Durable);
    history.checkpoint();
    history.delete("gone");
    history.write("a", 8192, 4096, Written);
    history.trim("a", 16384, 8192, Written);
    history.checkpoint();
    history
}

/// Several sync rounds behind the checkpoint; nothing vouches for the last one.
fn small_tail(history: &mut History) -> Killed {
    history.write("a", 0, 4096, Durable);
    history.write("b", 700, 5000, Durable);
    history.create("c", 16 << 10);
    history.write("c", 4096, 8192, Written);
    history.trim("a", 32768, 4096, Durable);
    history.resize("a", 90 << 10);
    history.write("a", 8192, 20000, Durable);
    history.begin_tail();
    history.write("b", 0, 4096, Written);
    history.write("a", 40960, 3000, Written);
    history.killed("killed")
}

/// The background lets an empty group vouch for the last sync round once nothing more is written.
fn idle(history: &mut History) -> Killed {
    let before = history.sim.stats();
    history.pool.start_background().unwrap();
    // A sync of what was written, the empty group, and a sync of that.
    while history.sim.stats().syncs < before.syncs + 2 {
        std::thread::yield_now();
    }
    assert_eq!(history.sim.stats().writes, before.writes + 1);
    history.settled("idle")
}

fn restarted(history: History) -> Killed {
    let mut history = history.reopen(SEED + 10);
    history.write("a", 4096, 4096, Durable);
    history.write("c", 0, 4096, Durable);
    history.begin_tail();
    history.write("c", 4096, 512, Written);
    history.killed("restarted")
}

/// A larger one, with inner pages, deltas and several journal segments.
pub(crate) fn wide() -> &'static Killed {
    static POOL: OnceLock<Killed> = OnceLock::new();
    POOL.get_or_init(|| {
        let mut history = History::new(SEED + 20);
        history.create("wide", 4 << 20);
        history.create("other", 1 << 20);
        let mut blocks: Vec<usize> = (0..900).collect();
        for index in (1..blocks.len()).rev() {
            blocks.swap(index, history.below(index + 1));
        }
        for block in &blocks {
            history.write("wide", block * 4096, 4096, Written);
        }
        history.write("other", 0, 300 << 10, Durable);
        history.checkpoint();
        // Few changes of each leaf: deltas.
        for block in [3, 500, 880] {
            history.write("wide", block * 4096, 4096, Written);
        }
        history.checkpoint();
        // The tail goes over the end of a segment.
        for index in 0..10 {
            history.write("other", index * 20_480, 300 << 10, Durable);
        }
        history.begin_tail();
        history.write("wide", 7 * 4096, 4096, Written);
        history.killed("wide")
    })
}

/// One with packs: most of what is live lies there.
pub(crate) fn packed() -> &'static Killed {
    static POOL: OnceLock<Killed> = OnceLock::new();
    POOL.get_or_init(|| {
        let mut history = History::new(SEED + 30);
        history.create("packed", 4 << 20);
        for block in 0..900 {
            history.write("packed", block * 4096, 4096, Written);
        }
        history.checkpoint();
        // Two thirds of each segment die.
        for block in (0..900).filter(|block| block % 9 != 1 && block % 9 < 7) {
            history.write("packed", block * 4096, 4096, Written);
        }
        history.checkpoint();
        history.clean();
        history.checkpoint();
        history.checkpoint();
        history.write("packed", 4096, 4096, Durable);
        history.begin_tail();
        history.write("packed", 8192, 4096, Written);
        history.killed("packed")
    })
}

/// One with units, whole and cut, in packs and in the journal.
pub(crate) fn compressed() -> &'static Killed {
    static POOL: OnceLock<Killed> = OnceLock::new();
    POOL.get_or_init(|| of_units("compressed", SEED + 40, Encryption::Off))
}

/// The same, encrypted.
pub(crate) fn encrypted() -> &'static Killed {
    static POOL: OnceLock<Killed> = OnceLock::new();
    POOL.get_or_init(|| of_units("encrypted", SEED + 50, Encryption::Aes256Gcm))
}

fn of_units(name: &'static str, seed: u64, encryption: Encryption) -> Killed {
    const UNIT: usize = 64 << 10;
    let mut history = History::new(seed);
    history.create_as("units", 240 * UNIT, encryption);
    history.compress("units");
    for unit in 0..240 {
        history.write_repeated("units", unit * UNIT, UNIT, Written);
    }
    history.checkpoint();
    for unit in (0..240).filter(|unit| unit % 5 > 0) {
        history.trim("units", unit * UNIT, UNIT, Written);
    }
    history.write("units", 10 * UNIT + 5000, 3000, Written);
    history.checkpoint();
    history.clean();
    history.checkpoint();
    history.checkpoint();
    history.write_repeated("units", UNIT, 3 * UNIT, Durable);
    history.write("units", UNIT + 8192, 20_000, Durable);
    history.begin_tail();
    history.write_repeated("units", 4 * UNIT + 4096, 40 << 10, Written);
    history.killed(name)
}
