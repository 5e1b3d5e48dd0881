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
fn what_was_asked_for_after_a_change_is_asked_for_again_soon() {
    let locks = Index::default();
    let now = Basis { trust: 1, locks, configs: None };
    assert_eq!(good_for(None, &now), UNSETTLED, "nothing tells since when this is known");
    assert_eq!(good_for(Some(&now.clone()), &now), FRESH);
    for before in [
        Basis { trust: 0, ..now.clone() },
        Basis { locks: Index::default(), ..now.clone() },
        Basis { configs: Some(Index::default()), ..now.clone() },
    ] {
        assert_eq!(good_for(Some(&before), &now), UNSETTLED);
    }
}
