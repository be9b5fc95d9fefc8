use engine_base::DatasetId;
use proptest::prelude::{any, prop, proptest};

use super::{
    BlockCipher, DataKey, MasterKey, SEALED_BLOCKS_MAX, SealError, SealRef, SealingSession,
    SessionId, WrappedKey,
};
use crate::testing::{notices_every_flipped_bit, refused, refuses_every_truncation, unhex};

const FAMILY: DatasetId = DatasetId::new(0x11);
// What follows was computed by another implementation of HKDF and AES-256-GCM.
const MASTER: &str = "0154b6241093efbe";
const WRAPPED: &str = concat!(
    "01010000000000000154b6241093efbe808182838485868788898a8b8c8d8e8f",
    "909192939495969798999a9b9c9d9e9f6678d285abf15ac44f088fbd3b234e17",
    "dddcae6882db60bbfc9edccd32f596471f896b22700d93aee2267fae6e20ddc0",
);
const START: &str = "ab492d512c60be13e2616a958050332d";
const END: &str = "a714d3253bb5d099cf0fccf702c06b80";
const TAG: &str = "d48492fd5a90bf33c0217de1bd5912eb";
const NUMBER: u64 = 0x0102_0304_0506_0708;

fn counted(from: u8) -> [u8; 32] {
    std::array::from_fn(|index| from + u8::try_from(index).unwrap())
}

fn session(number: u32) -> SessionId {
    SessionId::new(number).unwrap()
}

fn wrapped() -> WrappedKey {
    MasterKey::new(counted(0)).wrap(&DataKey::new(counted(64)), FAMILY, counted(128))
}

#[test]
fn golden_bytes_of_a_wrapped_key() {
    let master = MasterKey::new(counted(0));
    assert_eq!(master.id().to_string(), MASTER);
    assert_eq!(wrapped().encode().to_vec(), unhex(WRAPPED));
    assert_eq!(WrappedKey::decode(&unhex(WRAPPED)), Ok(wrapped()));
    assert_eq!(
        master.unwrap(&wrapped(), FAMILY),
        Ok(DataKey::new(counted(64)))
    );
    notices_every_flipped_bit(&unhex(WRAPPED), WrappedKey::decode);
    refuses_every_truncation(&unhex(WRAPPED), WrappedKey::decode);
    assert_eq!(
        refused(WrappedKey::decode(&[unhex(WRAPPED), vec![0]].concat())),
        "bytes"
    );
    let wrong = |at: usize| {
        let mut bytes = unhex(WRAPPED);
        bytes[at] = 2;
        refused(WrappedKey::decode(&bytes))
    };
    assert_eq!(
        [wrong(0), wrong(1), wrong(7)],
        ["version", "cipher", "reserved"]
    );
}

#[test]
fn every_flipped_bit_of_a_wrapped_key_is_refused_by_its_master_key() {
    let master = MasterKey::new(counted(0));
    let right = unhex(WRAPPED);
    for bit in 64..right.len() * 8 {
        let mut bytes = right.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        let wrapped = WrappedKey::decode(&bytes).unwrap();
        assert_eq!(master.unwrap(&wrapped, FAMILY), Err(SealError), "bit {bit}");
    }
    let other = DatasetId::new(0x12);
    assert_eq!(master.unwrap(&wrapped(), other), Err(SealError));
    let another = MasterKey::new(counted(1));
    assert_ne!(another.id(), master.id());
    assert_eq!(another.unwrap(&wrapped(), FAMILY), Err(SealError));
}

#[test]
fn golden_bytes_of_a_sealed_block() {
    let cipher = BlockCipher::new(&DataKey::new(counted(64)), session(7), &counted(128));
    let mut block = vec![0x5a; 4096];
    let tag = cipher.seal(NUMBER, &mut block);
    assert_eq!(block[..16], unhex(START));
    assert_eq!(block[4080..], unhex(END));
    assert_eq!(tag.to_vec(), unhex(TAG));
    assert_eq!(cipher.open(NUMBER, &tag, &mut block), Ok(()));
    assert_eq!(block, vec![0x5a; 4096]);
}

#[test]
fn keys_are_not_shown() {
    let (master, data) = (MasterKey::new(counted(0)), DataKey::new(counted(64)));
    let cipher = BlockCipher::new(&data, session(1), &counted(1));
    let shown = format!("{master:?} {data:?} {cipher:?}");
    assert_eq!(shown, format!("MasterKey({MASTER}) DataKey BlockCipher"));
}

#[test]
fn golden_bytes_of_a_session() {
    let record = SealingSession {
        family: FAMILY,
        salt: counted(128),
    };
    let golden = [
        unhex("0101000000000000 1100000000000000"),
        counted(128).to_vec(),
    ]
    .concat();
    assert_eq!(record.encode().to_vec(), golden);
    assert_eq!(SealingSession::decode(&golden), Ok(record));
    notices_every_flipped_bit(&golden, SealingSession::decode);
    refuses_every_truncation(&golden, SealingSession::decode);
    let mut of_the_pool = golden;
    of_the_pool[8] = 1;
    assert_eq!(refused(SealingSession::decode(&of_the_pool)), "family");
}

#[test]
fn seals_have_bounds() {
    let tags = [[0; 16]; SEALED_BLOCKS_MAX + 1];
    let new = |first, count: usize| SealRef::new("test", session(1), first, &tags[..count]);
    assert!(new(u64::MAX - 33, SEALED_BLOCKS_MAX).is_ok());
    assert_eq!(refused(new(u64::MAX, 1)), "number");
    assert_eq!(refused(new(0, SEALED_BLOCKS_MAX + 1)), "tags");
}

proptest! {
    #[test]
    fn only_what_was_sealed_opens(
        block in prop::collection::vec(any::<u8>(), 1..64),
        number in any::<u64>(),
        bit in any::<prop::sample::Index>(),
        (a, b) in (1u32..u32::MAX, any::<u8>()),
    ) {
        let key = DataKey::new(counted(b / 2));
        let cipher = BlockCipher::new(&key, session(a), &counted(b / 2));
        let mut sealed = block.clone();
        let tag = cipher.seal(number, &mut sealed);
        let opened = |cipher: &BlockCipher, number, tag: &_, sealed: &[u8]| {
            let mut opened = sealed.to_vec();
            cipher.open(number, tag, &mut opened).map(|()| opened)
        };
        assert_eq!(opened(&cipher, number, &tag, &sealed), Ok(block));
        let others = [
            BlockCipher::new(&key, session(a + 1), &counted(b / 2)),
            BlockCipher::new(&key, session(a), &counted(b / 2 + 1)),
            BlockCipher::new(&DataKey::new(counted(b / 2 + 1)), session(a), &counted(b / 2)),
        ];
        for other in &others {
            assert_eq!(opened(other, number, &tag, &sealed), Err(SealError));
        }
        assert_eq!(opened(&cipher, number ^ 1, &tag, &sealed), Err(SealError));
        let mut spoilt = sealed.clone();
        let bit = bit.index(spoilt.len() * 8);
        spoilt[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(opened(&cipher, number, &tag, &spoilt), Err(SealError));
        let mut other = tag;
        other[bit % 16] ^= 1;
        assert_eq!(opened(&cipher, number, &other, &sealed), Err(SealError));
    }
}
