//! What answers rest on, and what they do not.

use super::*;

/// Of a cluster of which nothing is known.
pub(crate) fn basis() -> Basis {
    let locks = NOTHING.with(Index::clone);
    Basis { trust: 1, locks, configs: None, preference: None, generation: 0 }
}

thread_local! {
    /// The same each time: what is compared is whether it is the same.
    static NOTHING: Index<Lock> = Index::default();
}

/// The same with the locks and the preference of a cluster.
pub(crate) fn basis_of(snapshot: &api::Snapshot) -> Basis {
    let has_locks = !snapshot.locks.is_empty();
    Basis {
        locks: if has_locks { snapshot.locks.clone() } else { basis().locks },
        preference: snapshot.auth_preference.clone(),
        generation: snapshot.generation,
        ..basis()
    }
}

/// What is known by whoever believes others.
pub(crate) fn trusting(trust: u64) -> Basis {
    Basis { trust, ..basis() }
}

pub(crate) fn rights(oauth_grant: Option<&str>) -> Rights {
    Rights {
        user: "alice".to_owned(),
        roles: vec!["dev".to_owned()],
        traits: BTreeMap::new(),
        tools: None,
        oauth_grant: oauth_grant.map(str::to_owned),
    }
}

pub(crate) fn change(kind: Kind, name: &str) -> api::Snapshot {
    let (name, cursor) = (name.to_owned(), String::new());
    let mut snapshot = api::Snapshot::default();
    snapshot.apply(&api::WatchEvent::Changed { kind, name, cursor });
    snapshot
}

#[test]
fn what_is_known_rests_on_the_user_the_roles_and_the_grant_and_on_nobody_else() {
    let (rights, basis) = (rights(Some("g1")), basis());
    for (kind, name) in [(Kind::User, "alice"), (Kind::Role, "dev"), (Kind::OauthGrant, "g1")] {
        let snapshot = change(kind, name);
        assert!(rights.differ(&snapshot.touched, &basis), "{kind:?} {name}");
        let asked_since = Basis { generation: snapshot.generation, ..basis.clone() };
        assert!(!rights.differ(&snapshot.touched, &asked_since), "{kind:?} {name}");
    }
    for (kind, name) in [
        (Kind::User, "bob"),
        (Kind::Role, "ops"),
        (Kind::Role, "alice"),
        (Kind::OauthGrant, "g2"),
        (Kind::User, "g1"),
    ] {
        assert!(!rights.differ(&change(kind, name).touched, &basis), "{kind:?} {name}");
    }
}

#[test]
fn what_is_known_rests_on_what_holds_for_everybody() {
    let now = Basis { generation: 1, ..basis() };
    assert!(now.is_same(&Basis { generation: 2, ..now.clone() }));
    for other in [
        Basis { trust: 0, ..now.clone() },
        Basis { locks: Index::default(), ..now.clone() },
        Basis { configs: Some(Index::default()), ..now.clone() },
        Basis { preference: Some(Arc::default()), ..now.clone() },
    ] {
        assert!(!now.is_same(&other));
    }
    let other_locks = Basis { locks: Index::default(), ..now.clone() };
    assert!(now.believes_as(&other_locks));
    assert!(!now.believes_as(&Basis { trust: 0, ..now.clone() }));
}
