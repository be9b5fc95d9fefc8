use engine_base::{DatasetId, SeededEntropy};

use super::Leaf;

/// Whatever was inserted and removed, a search by hints finds what a search of the whole page
/// finds.
#[test]
fn hints_lead_to_the_entry() {
    for seed in 0..20 {
        println!("seed {seed}");
        let entropy = SeededEntropy::new(seed);
        let random = |bound: u64| entropy.next_u64() % bound;
        let key = |long: bool| {
            let mut key = b"p".to_vec();
            if long {
                key.extend_from_slice(b"the-same-four-bytes");
            }
            key.extend_from_slice(
                &random(3000).to_be_bytes()[8 - usize::from(seed % 2 == 0) * 5 - 3..],
            );
            key.truncate(key.len() - usize::try_from(random(2)).unwrap());
            key
        };
        let mut leaf = Leaf::empty(DatasetId::new(16), b"p", b"p~");
        for step in 0..6000 {
            let key = key(random(4) == 0);
            let found = leaf.search(&key);
            assert_eq!(found, leaf.page.search(&key), "step {step}");
            // Grow, shrink, grow.
            if random(5) < [4, 1, 4][step / 2000] {
                let _ = leaf.put(found, &key, &[0; 8]);
            } else if let Ok(index) = found {
                leaf.remove(index, &key);
            }
        }
    }
}
