use super::{size, table, time};

#[test]
fn columns_are_as_wide_as_their_widest_cell() {
    let rows = [
        vec!["a".to_owned(), "10.0 GiB".to_owned()],
        vec!["longer".to_owned(), "1 B".to_owned()],
    ];
    assert_eq!(
        table(&["name", "size"], &rows),
        "name    size\na       10.0 GiB\nlonger  1 B\n"
    );
    assert_eq!(
        table(&[], &[vec!["a".to_owned(), "b".to_owned()]]),
        "a  b\n"
    );
    assert_eq!(table(&["name"], &[]), "name\n");
}

#[test]
fn control_characters_do_not_reach_the_terminal() {
    assert_eq!(table(&[], &[vec!["a\u{1b}[2J\nb".to_owned()]]), "a?[2J?b\n");
}

#[test]
fn sizes_and_times_are_for_people() {
    assert_eq!(size(10 << 30), "10.0 GiB");
    assert_eq!(time(0), "1970-01-01T00:00:00Z");
    assert_eq!(time(1_700_000_000_999_999_999), "2023-11-14T22:13:20Z");
    assert_eq!(time(u64::MAX), "2554-07-21T23:34:33Z");
}
