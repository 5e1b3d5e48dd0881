//! What visits are known by.

use super::*;

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
fn what_is_known_rests_on_the_user_and_the_roles_and_on_nobody_else() {
    let rights = Rights {
        user: "alice".to_owned(),
        roles: vec!["dev".to_owned()],
        traits: BTreeMap::new(),
        tools: None,
    };
    let basis =
        Basis { trust: 1, locks: Index::default(), configs: None, preference: None, generation: 0 };
    let change = |kind: Kind, name: &str| {
        let (name, cursor) = (name.to_owned(), String::new());
        let mut snapshot = api::Snapshot::default();
        snapshot.apply(&api::WatchEvent::Changed { kind, name, cursor });
        snapshot
    };
    for (kind, name) in [(Kind::User, "alice"), (Kind::Role, "dev")] {
        let snapshot = change(kind, name);
        assert!(rights.differ(&snapshot.touched, &basis), "{kind:?} {name}");
        let asked_since = Basis { generation: snapshot.generation, ..basis.clone() };
        assert!(!rights.differ(&snapshot.touched, &asked_since), "{kind:?} {name}");
    }
    for (kind, name) in [(Kind::User, "bob"), (Kind::Role, "ops"), (Kind::Role, "alice")] {
        assert!(!rights.differ(&change(kind, name).touched, &basis), "{kind:?} {name}");
    }
}

#[test]
fn what_is_known_rests_on_what_holds_for_everybody() {
    let now =
        Basis { trust: 1, locks: Index::default(), configs: None, preference: None, generation: 1 };
    assert!(now.is_same(&Basis { generation: 2, ..now.clone() }));
    for other in [
        Basis { trust: 0, ..now.clone() },
        Basis { locks: Index::default(), ..now.clone() },
        Basis { configs: Some(Index::default()), ..now.clone() },
        Basis { preference: Some(Arc::default()), ..now.clone() },
    ] {
        assert!(!now.is_same(&other));
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
