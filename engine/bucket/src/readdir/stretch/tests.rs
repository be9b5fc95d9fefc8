use super::*;

/// All names in order, in stretches.
fn stretches(names: &[Vec<u8>]) -> Vec<(Stretch, Vec<Vec<u8>>)> {
    let mut found = Vec::new();
    let mut rest = names;
    let mut after = Vec::new();
    while !rest.is_empty() {
        let mut builder = StretchBuilder::new(&after);
        let count = rest.iter().take_while(|name| builder.add(name)).count();
        let (stretch, now) = builder.finish().unwrap();
        after = stretch.until.clone();
        let later = rest.split_at(count).1;
        found.push((stretch, now));
        rest = later;
    }
    found
}

fn check(mut names: Vec<Vec<u8>>, most: usize) {
    names.sort();
    names.dedup();
    let found = stretches(&names);
    assert!(found.len() <= most, "{} stretches", found.len());
    for (stretch, names) in found {
        assert!(stretch.places.len() as u64 <= u64::from(CODE_BITS));
        let codes: Vec<u64> = names.iter().map(|name| stretch.code(name)).collect();
        assert!(codes.is_sorted_by(|a, b| a < b), "{names:?}");
        assert!(codes.iter().all(|code| *code < 1 << CODE_BITS));
        assert!(stretch.tells_apart(&names) && names.iter().all(|name| stretch.holds(name)));
        assert_eq!(codes.last(), Some(&stretch.last_code));
    }
}

#[test]
fn codes_are_in_the_order_of_the_names() {
    let name = |index: u64| format!("a file with the number {index}").into_bytes();
    check((0..20_000).map(name).collect(), 12);
    let mixed = |index: u64| index.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let name = |index: u64| format!("{:016x}", mixed(index)).into_bytes();
    check((0..20_000).map(name).collect(), 60);
    let name = |index: u64| vec![b'x'; 1 + usize::try_from(index).unwrap()];
    check((0..255).map(name).collect(), 7);
    let bytes = |index: u64| mixed(index).to_be_bytes().map(|byte| byte.max(1)).to_vec();
    check((0..20_000).map(bytes).collect(), 400);
    let pair = |index: u64| format!("{:04}{}{}", index / 2, "-".repeat(200), index % 2);
    check(
        (0..9_000).map(|index| pair(index).into_bytes()).collect(),
        4,
    );
}
