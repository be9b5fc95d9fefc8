//! Arbitrary client streams against everything that parses: the body of the fuzz target, and the
//! streams that tests send.
//!
//! Property: whatever a client sends, the server answers or gives up, and what it does depends on
//! the bytes alone, not on how the network cuts them.

use std::sync::Arc;

use engine_base::SeededEntropy;
use futures_util::FutureExt;

use crate::answer::encode;
use crate::execute::execute;
use crate::export::ExportInfo;
use crate::handshake::{Handshake, Progress};
use crate::intake::{Intake, Taken};
use crate::limits::READ_AHEAD_BYTES;
use crate::memory::{MemoryExport, MemoryExports};
use crate::output::Output;
use crate::protocol::{command, option};
use crate::read_ahead::ReadAhead;
use crate::reply::Encoder;
use crate::session::Session;

const SIZE: u64 = 4 << 20;

/// What a stream came to: all answers, and how it ended.
type Outcome = (Vec<u8>, String);

/// Feeds `data` whole and in portions, and compares.
///
/// # Panics
/// If the property above does not hold.
pub fn client_stream(data: &[u8]) {
    let Some((first, stream)) = data.split_first() else {
        return;
    };
    let portion = usize::from(*first) + 1;
    assert_eq!(
        serve(stream, usize::MAX),
        serve(stream, portion),
        "portions of {portion}"
    );
}

/// The exports that streams of [`random_stream`] know: a writable and a read-only one.
#[must_use]
pub fn exports() -> MemoryExports {
    let frozen = ExportInfo {
        name: "frozen".to_owned(),
        size: SIZE,
        read_only: true,
        description: "cannot be written".to_owned(),
    };
    MemoryExports {
        exports: vec![MemoryExport::new("disk", SIZE), MemoryExport::with(frozen)],
    }
}

/// Bytes on their way to the server, in portions.
struct Network<'a> {
    rest: &'a [u8],
    portion: usize,
}

impl Network<'_> {
    /// Fills `first`, then `second`.
    fn receive(&mut self, first: &mut [u8], second: &mut [u8]) -> usize {
        let room = first.len() + second.len();
        let now = self.rest.len().min(self.portion).min(room);
        let (bytes, rest) = self.rest.split_at(now);
        for (target, byte) in first.iter_mut().chain(second).zip(bytes) {
            *target = *byte;
        }
        self.rest = rest;
        now
    }
}

fn serve(stream: &[u8], portion: usize) -> Outcome {
    let exports = exports();
    let mut network = Network {
        rest: stream,
        portion,
    };
    let mut input = ReadAhead::new();
    let mut out = Vec::new();
    match shake_hands(&exports, &mut network, &mut input, &mut out) {
        Ok(session) => {
            let end = transmit(&session, &mut network, &mut input, &mut out);
            (out, end)
        }
        Err(end) => (out, end),
    }
}

fn shake_hands(
    exports: &MemoryExports,
    network: &mut Network<'_>,
    input: &mut ReadAhead,
    out: &mut Vec<u8>,
) -> Result<Session<MemoryExport>, String> {
    let mut handshake = Handshake::new(exports, out);
    loop {
        let step = handshake.advance(input.unread(), out);
        let (taken, progress) = step.map_err(|breach| breach.to_string())?;
        input.consume(taken);
        match progress {
            Progress::Advanced => {}
            Progress::Transmission(session) => return Ok(session),
            Progress::Closed => return Err("closed".to_owned()),
            Progress::NeedMore => {
                let received = network.receive(&mut [], input.room(READ_AHEAD_BYTES));
                if received == 0 {
                    let within = handshake.within(input.unread());
                    return Err(format!("the handshake ends within {within:?}"));
                }
                input.received(received);
            }
        }
    }
}

fn transmit(
    session: &Session<MemoryExport>,
    network: &mut Network<'_>,
    input: &mut ReadAhead,
    out: &mut Vec<u8>,
) -> String {
    let mut intake = Intake::new(session.rules);
    let mut output = Output::default();
    let style = session.rules.style;
    let export = Arc::new(session.export.clone());
    loop {
        match intake.take(input, false, |_| true) {
            Err(breach) => return breach.to_string(),
            Ok(Taken::Disconnect) => return "disconnected".to_owned(),
            Ok(Taken::Blocked(_)) => unreachable!("everything is admitted"),
            Ok(Taken::Refused(refusal)) => {
                let tag = refusal.tag;
                let out = &mut output;
                Encoder { out, style, tag }.error(refusal.code, refusal.why);
            }
            Ok(Taken::Job(job)) => {
                let completion = execute(Arc::clone(&export), job, None).now_or_never();
                encode(&mut output, style, completion.expect("memory never waits"));
            }
            Ok(Taken::NeedMore) => {
                let (first, second) = intake.room(input);
                let received = network.receive(first, second);
                if received == 0 {
                    return format!("the stream ends within {:?}", intake.within(input));
                }
                intake.received(input, received);
            }
        }
        while !output.is_empty() {
            let parts = output.parts();
            let slices = &parts.slices;
            let bytes = slices.iter().map(|part| part.len()).sum();
            slices.iter().for_each(|part| out.extend_from_slice(part));
            drop(parts);
            output.advance(bytes);
        }
    }
}

/// A stream that a client could send, or nearly: some of its bytes are damaged.
#[must_use]
pub fn random_stream(seed: u64) -> Vec<u8> {
    let dice = Dice(SeededEntropy::new(seed));
    let mut stream = u32::to_be_bytes(if dice.one_in(10) { dice.small() } else { 3 }).to_vec();
    let extended = dice.one_in(2);
    if extended {
        add_option(&mut stream, option::EXTENDED_HEADERS, &[]);
    } else if !dice.one_in(3) {
        add_option(&mut stream, option::STRUCTURED_REPLY, &[]);
    }
    let name: &[u8] = if dice.one_in(4) { b"frozen" } else { b"disk" };
    let length = engine_base::to_u32(name.len()).to_be_bytes();
    let context = b"\0\0\0\x01\0\0\0\x0fbase:allocation";
    add_option(
        &mut stream,
        option::SET_META_CONTEXT,
        &[&length, name, context].concat(),
    );
    for _ in 0..dice.below(3) {
        add_option(&mut stream, dice.small(), &[7; 5]);
    }
    add_option(&mut stream, option::GO, &[&length, name, &[0; 2]].concat());
    for _ in 0..dice.below(12) {
        add_request(&mut stream, &dice, extended);
    }
    if dice.one_in(2) {
        for _ in 0..=dice.below(4) {
            let at = engine_base::to_usize(dice.below(stream.len() as u64));
            if let Some(byte) = stream.get_mut(at) {
                *byte ^= 1 << dice.below(8);
            }
        }
    }
    if dice.one_in(4) {
        stream.truncate(engine_base::to_usize(dice.below(stream.len() as u64)));
    }
    stream
}

struct Dice(SeededEntropy);

impl Dice {
    fn below(&self, end: u64) -> u64 {
        self.0.next_u64() % end
    }

    fn one_in(&self, chances: u64) -> bool {
        self.below(chances) == 0
    }

    fn small(&self) -> u32 {
        u32::try_from(self.below(16)).unwrap_or(0)
    }
}

fn add_option(stream: &mut Vec<u8>, option: u32, data: &[u8]) {
    stream.extend_from_slice(b"IHAVEOPT");
    stream.extend_from_slice(&option.to_be_bytes());
    stream.extend_from_slice(&engine_base::to_u32(data.len()).to_be_bytes());
    stream.extend_from_slice(data);
}

fn add_request(stream: &mut Vec<u8>, dice: &Dice, extended: bool) {
    let command = u16::try_from(dice.below(9)).unwrap_or(0);
    let offset = if dice.one_in(8) {
        dice.0.next_u64()
    } else {
        dice.below(SIZE)
    };
    let length = match (command, dice.below(4)) {
        (command::FLUSH, 0..3) => 0,
        (_, 0) => dice.below(100_000),
        (_, 1) => dice.below(3) * 4096,
        (command::WRITE, _) => dice.below(8192),
        _ => dice.below(SIZE + 10),
    };
    let mut flags = if dice.one_in(3) {
        1 << dice.below(8)
    } else {
        0_u16
    };
    if extended && command == command::WRITE && !dice.one_in(4) {
        flags |= crate::protocol::command_flag::PAYLOAD_LEN;
    }
    let offset = if command == command::FLUSH && !dice.one_in(4) {
        0
    } else {
        offset
    };
    let magic = if extended {
        crate::protocol::EXTENDED_REQUEST_MAGIC
    } else {
        crate::protocol::REQUEST_MAGIC
    };
    stream.extend_from_slice(&magic.to_be_bytes());
    stream.extend_from_slice(&flags.to_be_bytes());
    stream.extend_from_slice(&command.to_be_bytes());
    stream.extend_from_slice(&dice.0.next_u64().to_be_bytes());
    stream.extend_from_slice(&offset.to_be_bytes());
    if extended {
        stream.extend_from_slice(&length.to_be_bytes());
    } else {
        let length = u32::try_from(length).unwrap_or(0);
        stream.extend_from_slice(&length.to_be_bytes());
    }
    if command == command::WRITE {
        let payload = engine_base::to_usize(length);
        stream.resize(
            stream.len() + payload,
            u8::try_from(dice.small()).unwrap_or(0),
        );
    }
}

#[cfg(test)]
mod tests;
