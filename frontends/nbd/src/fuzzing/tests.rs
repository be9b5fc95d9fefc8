use engine_base::SeededEntropy;
use proptest::collection::vec;
use proptest::prelude::{any, proptest};

use super::{client_stream, random_stream, serve};

#[test]
fn nearly_valid_streams_mean_the_same_however_they_are_cut() {
    let mut disconnected = 0;
    for seed in 0..400 {
        let entropy = SeededEntropy::new(!seed);
        let stream = random_stream(seed);
        let whole = serve(&stream, usize::MAX);
        let portion = usize::try_from(entropy.next_u64() % 5000).unwrap() + 1;
        assert_eq!(
            serve(&stream, portion),
            whole,
            "seed {seed}, portions of {portion}"
        );
        disconnected += usize::from(whole.1 == "disconnected");
    }
    assert!(disconnected > 20, "most streams get through the handshake");
}

proptest! {
    #[test]
    fn arbitrary_bytes_are_answered_or_given_up(data in vec(any::<u8>(), 0..200)) {
        client_stream(&data);
    }
}
