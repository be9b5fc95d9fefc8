use std::time::Duration;

use super::Pace;

const FAST: Duration = Duration::from_micros(20);

fn settled(wait: Duration) -> Pace {
    let mut pace = Pace::new();
    for _ in 0..100 {
        pace.waited(wait);
    }
    pace
}

#[test]
fn only_fast_clients_are_looked_for() {
    assert_eq!(Pace::new().look_for(), None);
    assert!(settled(FAST).look_for().is_some_and(|time| time > FAST));
    assert_eq!(settled(Duration::from_micros(200)).look_for(), None);
}

#[test]
fn a_pause_is_forgotten_and_idleness_is_noticed() {
    let mut pace = settled(FAST);
    pace.waited(Duration::from_secs(3600));
    assert_eq!(pace.look_for(), None, "one long wait is enough to sleep");
    let mut fast = 0;
    while pace.look_for().is_none() {
        pace.waited(FAST);
        fast += 1;
    }
    assert!(fast <= 8, "{fast} fast requests to be looked for again");
}
