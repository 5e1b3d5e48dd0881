use std::cell::Cell;

use proptest::prelude::*;
use resource::{CertAuthority, Secret};
use time::macros::datetime;

use super::*;

const NOW: OffsetDateTime = datetime!(2026-11-20 12:00:00 UTC);
const HOUR: Duration = Duration::from_secs(3600);

fn key(name: &str) -> CaKey {
    CaKey {
        certificate: Some(name.to_owned()),
        public_key: None,
        private_key: Some(Secret::new(format!("private {name}"))),
        created: None,
    }
}

fn authority(of: AuthorityType) -> CertAuthoritySpec {
    CertAuthority::new(of, "example", vec![key("old")]).spec
}

fn by_hand(spec: &CertAuthoritySpec, to: Phase) -> Result<CertAuthoritySpec, Error> {
    advance(spec, &Step { to, now: NOW, by: By::Hand }, "id", || Ok(key("new")))
}

/// The key that signs, and those that are believed besides.
fn keys(spec: &CertAuthoritySpec) -> (String, Vec<String>) {
    let names = |keys: &[CaKey]| -> Vec<String> {
        keys.iter().filter_map(|key| key.certificate.clone()).collect()
    };
    (names(&spec.active_keys).join("+"), names(&spec.additional_trusted_keys))
}

#[test]
fn which_key_signs_in_which_phase() {
    for (of, in_update_clients) in
        [(AuthorityType::User, "new"), (AuthorityType::Jwt, "new"), (AuthorityType::Host, "old")]
    {
        let init = by_hand(&authority(of), Phase::Init).unwrap();
        assert_eq!(keys(&init), ("old".to_owned(), vec!["new".to_owned()]));
        let clients = by_hand(&init, Phase::UpdateClients).unwrap();
        assert_eq!(keys(&clients).0, in_update_clients, "{of}");
        assert_eq!(keys(&clients).1.len(), 1);
        let servers = by_hand(&clients, Phase::UpdateServers).unwrap();
        assert_eq!(keys(&servers), ("new".to_owned(), vec!["old".to_owned()]), "{of}");
        let standby = by_hand(&servers, Phase::Standby).unwrap();
        assert_eq!(keys(&standby), ("new".to_owned(), Vec::new()), "{of}");
        assert_eq!(standby.rotation.last_rotated, Some(NOW));
        assert_eq!(standby.rotation.current_id, "");
    }
}

#[test]
fn going_back_leaves_what_was_before() {
    for of in AuthorityType::ALL {
        let mut spec = authority(of);
        for last in [Phase::Init, Phase::UpdateClients, Phase::UpdateServers] {
            spec = by_hand(&spec, last).unwrap();
            let back = by_hand(&spec, Phase::Rollback).unwrap();
            assert_eq!(keys(&back), ("old".to_owned(), vec!["new".to_owned()]), "{of} {last}");
            let standby = by_hand(&back, Phase::Standby).unwrap();
            assert_eq!(keys(&standby), ("old".to_owned(), Vec::new()), "{of} {last}");
            assert_eq!(standby.rotation, Rotation::default());
        }
    }
}

#[test]
fn a_refusal_says_what_can_follow() {
    let error = by_hand(&authority(AuthorityType::Host), Phase::UpdateServers).unwrap_err();
    assert_eq!(
        error.message(),
        "the host authority is in the phase standby: init can follow, not update_servers"
    );
    let init = by_hand(&authority(AuthorityType::User), Phase::Init).unwrap();
    let error = by_hand(&init, Phase::Standby).unwrap_err();
    assert_eq!(
        error.message(),
        "the user authority is in the phase init: update_clients or rollback can follow, not standby"
    );
}

#[test]
fn a_key_without_its_private_half_never_comes_to_sign() {
    let mut init = by_hand(&authority(AuthorityType::User), Phase::Init).unwrap();
    init.additional_trusted_keys[0].private_key = None;
    assert!(by_hand(&init, Phase::UpdateClients).is_err());
}

#[test]
fn other_keys_that_were_believed_are_forgotten_in_the_end() {
    let mut spec = authority(AuthorityType::User);
    spec.active_keys.push(key("older"));
    spec.additional_trusted_keys.push(key("else"));
    let init = by_hand(&spec, Phase::Init).unwrap();
    let believed = ["new", "older", "else"].map(str::to_owned).to_vec();
    assert_eq!(keys(&init), ("old".to_owned(), believed));
    let clients = by_hand(&init, Phase::UpdateClients).unwrap();
    let servers = by_hand(&clients, Phase::UpdateServers).unwrap();
    let standby = by_hand(&servers, Phase::Standby).unwrap();
    assert_eq!(keys(&standby), ("new".to_owned(), Vec::new()));
}

#[test]
fn an_automatic_change_has_a_third_of_the_time_for_each_phase() {
    let started = Step { to: Phase::Init, now: NOW, by: By::Starter { grace: HOUR * 30 } };
    let spec = advance(&authority(AuthorityType::Host), &started, "id", || Ok(key("new"))).unwrap();
    let expected = Schedule {
        update_clients: NOW + HOUR * 10,
        update_servers: NOW + HOUR * 20,
        standby: NOW + HOUR * 30,
    };
    assert_eq!(spec.rotation.schedule, Some(expected));
    assert_eq!(due(&spec.rotation), Some((Phase::UpdateClients, NOW + HOUR * 10)));
    // Nobody was there to take the step for two days: the others are as long after it as was planned.
    let late = NOW + HOUR * 58;
    let step = Step { to: Phase::UpdateClients, now: late, by: By::Schedule };
    let spec = advance(&spec, &step, "other", || Ok(key("never"))).unwrap();
    assert_eq!(spec.rotation.current_id, "id");
    assert_eq!(due(&spec.rotation), Some((Phase::UpdateServers, late + HOUR * 10)));
    let step = Step { to: Phase::UpdateServers, now: late + HOUR * 10, by: By::Schedule };
    let spec = advance(&spec, &step, "other", || Ok(key("never"))).unwrap();
    assert_eq!(due(&spec.rotation), Some((Phase::Standby, late + HOUR * 20)));
}

#[test]
fn who_takes_a_step_by_hand_takes_the_others_too() {
    let started = Step { to: Phase::Init, now: NOW, by: By::Starter { grace: HOUR } };
    let spec = advance(&authority(AuthorityType::Host), &started, "id", || Ok(key("new"))).unwrap();
    let spec = by_hand(&spec, Phase::UpdateClients).unwrap();
    assert_eq!((spec.rotation.mode, due(&spec.rotation)), (Mode::Manual, None));
}

#[test]
fn grace_periods_have_bounds() {
    assert_eq!(grace_period(None).unwrap(), GRACE_PERIOD);
    // Nobody has to be told: whatever was signed by an old key ends before it is refused, and whoever met
    // only the old authority signs in again before services show the new one.
    let schedule = schedule(NOW, GRACE_PERIOD);
    assert!(schedule.standby - schedule.update_clients >= crate::certificate::MAX_TTL);
    assert!(schedule.update_servers - NOW >= crate::certificate::MAX_TTL);
    for (bound, beyond) in [
        (MIN_GRACE_PERIOD.as_secs(), MIN_GRACE_PERIOD.as_secs() - 1),
        (MAX_GRACE_PERIOD.as_secs(), MAX_GRACE_PERIOD.as_secs() + 1),
    ] {
        assert!(grace_period(Some(bound)).is_ok());
        assert!(grace_period(Some(beyond)).is_err());
    }
}

fn phases() -> impl Strategy<Value = Vec<Phase>> {
    prop::collection::vec(prop::sample::select(Phase::ALL.to_vec()), 0..24)
}

proptest! {
    /// Whatever is asked for: exactly one key signs, it can, it was believed before it did, and what
    /// signed until then is believed until the phase ends in which everybody could follow.
    #[test]
    fn no_step_shuts_anybody_out(
        of in prop::sample::select(AuthorityType::ALL.to_vec()),
        steps in phases(),
    ) {
        let made = Cell::new(0);
        let mut spec = authority(of);
        for to in steps {
            let before = spec.clone();
            let step = Step { to, now: NOW, by: By::Hand };
            let fresh = || {
                made.set(made.get() + 1);
                Ok(key(&format!("new {}", made.get())))
            };
            let keys_made = made.get();
            let Ok(after) = advance(&before, &step, "id", fresh) else {
                prop_assert!(!following(before.rotation.phase).contains(&to));
                prop_assert_eq!(made.get(), keys_made);
                continue;
            };
            prop_assert_eq!(after.active_keys.len(), 1);
            prop_assert!(after.active_keys[0].private_key.is_some());
            let signs = |spec: &CertAuthoritySpec| spec.active_keys[0].clone();
            let believes = |spec: &CertAuthoritySpec, key: &CaKey| {
                spec.active_keys.iter().chain(&spec.additional_trusted_keys).any(|one| one == key)
            };
            prop_assert!(believes(&before, &signs(&after)), "a key signs that nobody knows");
            prop_assert!(believes(&after, &signs(&before)), "what was signed a moment ago is refused");
            let count = after.additional_trusted_keys.len();
            prop_assert_eq!(count, usize::from(after.rotation.phase != Phase::Standby));
            spec = after;
        }
    }
}
