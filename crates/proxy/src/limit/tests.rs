use super::*;
use crate::limits::Limits;

const ATTEMPTS: NonZeroU32 = Limits::DEFAULT.sign_in_attempts;

#[test]
fn one_address_is_limited_and_others_are_not() {
    let attempts = Attempts::of(ATTEMPTS);
    let noisy: IpAddr = "192.0.2.1".parse().unwrap();
    for _ in 0..ATTEMPTS.get() {
        assert!(attempts.admit(noisy));
    }
    assert!(!attempts.admit(noisy));
    assert!(attempts.admit("192.0.2.2".parse().unwrap()));
}

#[test]
fn an_ipv6_network_counts_as_one() {
    let attempts = Attempts::of(ATTEMPTS);
    for host in 0..ATTEMPTS.get() {
        assert!(attempts.admit(format!("2001:db8::{host:x}").parse().unwrap()));
    }
    assert!(!attempts.admit("2001:db8::ffff".parse().unwrap()));
    assert!(attempts.admit("2001:db8:0:1::1".parse().unwrap()));
}

#[test]
fn a_mapped_address_counts_as_the_address_it_maps() {
    assert_eq!(
        network_of("::ffff:192.0.2.1".parse().unwrap()),
        "192.0.2.1".parse::<IpAddr>().unwrap()
    );
}
