//! What a crash must leave whole or absent reaches the export in one call.

use std::sync::Arc;

use frontends_nbd::Limits;

use crate::gate::Gated;
use crate::wire::{WRITE, WRITE_ZEROES, Wire, ok, request, start};

const MIB: u32 = 1 << 20;

#[test]
fn changes_of_up_to_a_megabyte_are_one_call_wherever_they_lie() {
    const NO_HOLE: u16 = 1 << 1;
    let export = Gated::new(8 << 20);
    let (gate, inner) = (Arc::clone(&export.gate), export.inner.clone());
    gate.open();
    let server = start(export, Limits::default());
    let mut wire = Wire::open(&server);
    for offset in [0, 1, 4096, 4097, (1 << 20) - 1, 7 << 20] {
        for bytes in [2, 40_000, MIB - 1, MIB] {
            let len = usize::try_from(bytes).unwrap();
            let payload = vec![0xa5; len];
            wire.send(&[request(0, WRITE, 1, offset, bytes), payload.clone()].concat());
            assert_eq!(wire.reply(), ok(1));
            assert_eq!(gate.take_changes(), [(offset, u64::from(bytes))]);
            assert!(
                inner.contents(offset, len) == payload,
                "{bytes} at {offset}"
            );
            for flags in [0, NO_HOLE] {
                wire.send(&request(flags, WRITE_ZEROES, 2, offset, bytes));
                assert_eq!(wire.reply(), ok(2));
                assert_eq!(gate.take_changes(), [(offset, u64::from(bytes))]);
            }
        }
    }
}
