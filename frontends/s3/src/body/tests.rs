use super::*;

#[test]
fn a_body_that_comes_byte_by_byte_is_given_up() {
    let minute = Duration::from_secs(60);
    let mut speed = Speed::default();
    for _ in 0..59 {
        speed.waited += Duration::from_secs(1);
        speed.bytes += 1;
        assert!(speed.check(minute).is_ok());
    }
    speed.waited += Duration::from_secs(1);
    assert!(speed.check(minute).is_err());
}

#[test]
fn a_slow_client_is_waited_for() {
    let minute = Duration::from_secs(60);
    let mut speed = Speed::default();
    for _ in 0..1000 {
        speed.waited += Duration::from_secs(7);
        speed.bytes += 4000;
        assert!(speed.check(minute).is_ok());
    }
}
