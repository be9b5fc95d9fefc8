use super::Processors;

#[test]
fn only_lists_without_gaps_count() {
    let count = |list| Processors::parse(list).map(Processors::count);
    assert_eq!(count("0\n"), Some(1));
    assert_eq!(count("0-1\n"), Some(2));
    assert_eq!(count("0-127"), Some(128));
    for list in ["", "0-1,4-5", "1-3", "2", "0-65535", "x"] {
        assert_eq!(count(list), None, "{list}");
    }
}
