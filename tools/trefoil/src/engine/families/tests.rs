use std::collections::BTreeSet;

use frontends_console::Kind;
use frontends_nbd::Metrics;

use super::{of_nbd, share};

#[test]
fn names_are_ours_and_unique_and_counters_end_in_total() {
    let families = of_nbd(&Metrics::default());
    let names: BTreeSet<&str> = families.iter().map(|family| family.name).collect();
    assert_eq!(names.len(), families.len());
    for family in &families {
        assert!(family.name.starts_with("trefoil_"), "{}", family.name);
        assert_eq!(
            family.kind == Kind::Counter,
            family.name.ends_with("_total"),
            "{}",
            family.name
        );
    }
}

#[test]
fn a_share_is_between_nothing_and_everything() {
    assert_eq!(share(0, 0), 0.0);
    assert_eq!(share(1, 4), 0.25);
    assert_eq!(share(u64::MAX, u64::MAX), 1.0);
}
