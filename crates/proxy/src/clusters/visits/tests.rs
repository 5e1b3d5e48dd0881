//! What visits are known by.

use super::*;
use crate::basis::tests::{basis, rights};

fn peer(address: &str) -> Arc<Peer> {
    Arc::new(Peer::new(address.parse().unwrap(), Vec::new()))
}

fn visit(cluster: &str, app: &str, address: &str, header: &str, token: &str) -> [u8; 32] {
    let tokens = BTreeMap::from([(header.to_owned(), token.to_owned())]);
    Visit::by_tokens(cluster, app, peer(address), tokens).key()
}

#[test]
fn what_a_token_opens_is_one_app_of_one_cluster_for_one_address() {
    let here = "192.0.2.1:1";
    let known = visit("leaf", "files", here, "authorization", "t");
    assert_eq!(known, visit("leaf", "files", "192.0.2.1:2", "authorization", "t"));
    for other in [
        visit("other", "files", here, "authorization", "t"),
        visit("leaf", "mail", here, "authorization", "t"),
        visit("leaf", "files", "192.0.2.2:1", "authorization", "t"),
        visit("leaf", "files", here, "x-token", "t"),
        visit("leaf", "files", here, "authorization", "u"),
        visit("leaffiles", "", here, "authorization", "t"),
        Visit::new("leaf", Some("files"), peer(here)).key(),
    ] {
        assert_ne!(known, other);
    }
}

#[test]
fn who_asks_for_much_does_not_keep_others_waiting() {
    let (one, other) = (Asker::Comer([1; 32]), Asker::Comer([2; 32]));
    let of_one = |count| std::iter::repeat_n(one, count);
    assert!(refuse_too_many(of_one(COMERS_OF_ONE - 1), one).is_ok());
    assert!(refuse_too_many(of_one(COMERS_OF_ONE), one).is_err());
    assert!(refuse_too_many(of_one(COMERS_OF_ONE), other).is_ok());
    let crowd = |count: usize| {
        (0..count).map(|number| Asker::Comer([u8::try_from(3 + number % 200).unwrap(); 32]))
    };
    assert!(refuse_too_many(crowd(COMERS - 1), one).is_ok());
    assert!(refuse_too_many(crowd(COMERS), one).is_err());
    // What is open is neither counted nor kept out.
    assert!(refuse_too_many(crowd(COMERS), Asker::Open).is_ok());
    let open = std::iter::repeat_n(Asker::Open, 2 * COMERS);
    assert!(refuse_too_many(open, one).is_ok());
}

#[test]
fn a_token_that_has_ended_lets_nobody_in_and_what_is_open_goes_on() {
    let now = OffsetDateTime::UNIX_EPOCH;
    let good = Good {
        evidence: HeaderValue::from_static("e"),
        until: now + time::Duration::HOUR,
        admits_until: now + time::Duration::MINUTE,
        stale: Instant::now(),
        basis: basis(),
        strict: false,
        rights: rights(Some("g1")),
    };
    let (comer, later) = (Asker::Comer([1; 32]), now + time::Duration::MINUTE);
    assert!(good.admits(comer, now) && good.admits(Asker::Open, now));
    assert!(!good.admits(comer, later));
    assert!(good.admits(Asker::Open, later));
}
