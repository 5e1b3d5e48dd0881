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
