//! A leaf joins a root, or does not, and then nothing is half done.

use std::time::Duration;

use api::ErrorKind;
use api::wire::{Authorities, ClusterJoin};
use pki::{CaKind, CertificateAuthority};
use resource::{ClusterConnection, JoinRole, Kind, Resource, Token};

use super::{
    TOKEN, assert_strangers, authorities, believed, document, friends, get, strangers, until,
    with_token,
};
use crate::cluster::{Cluster, refused};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

#[tokio::test]
async fn a_leaf_that_joins_is_known_and_knows() {
    let (root, leaf) = strangers().await;
    // Whatever the document says: the name is the root's own.
    let made = leaf.admin.create(&document(&root, "main").into()).await.unwrap();
    assert_eq!(made.name(), "root.test");
    let Resource::TrustedCluster(shown) =
        get(&leaf, Kind::TrustedCluster, "root.test").await.unwrap()
    else {
        panic!("another kind")
    };
    assert!(shown.is_masked() && shown.spec.enabled);
    let known = ["host.leaf.test", "host.root.test", "jwt.leaf.test"];
    assert_eq!(
        authorities(&leaf).await,
        [&known[..], &["user.leaf.test", "user.root.test"]].concat()
    );
    // The root believes no user of the leaf's.
    let known = ["host.leaf.test", "host.root.test", "jwt.root.test", "user.root.test"];
    assert_eq!(authorities(&root).await, known);
    assert_eq!(
        (believed(&leaf), believed(&root)),
        (vec!["root.test".into()], vec!["leaf.test".into()])
    );

    let user = root.user("alice", &["access"]).await;
    let clusters = user.clusters().await.unwrap().clusters;
    let told: Vec<_> =
        clusters.iter().map(|one| (one.name.as_str(), one.status.as_str(), one.own)).collect();
    assert_eq!(told, [("root.test", "online", true), ("leaf.test", "online", false)]);
    let Resource::RemoteCluster(remote) =
        get(&root, Kind::RemoteCluster, "leaf.test").await.unwrap()
    else {
        panic!("another kind")
    };
    assert_eq!(remote.status.connection, Some(ClusterConnection::Online));
    // Its own keys are what a cluster tells of, and changes.
    assert_eq!(root.admin.status().await.unwrap().authorities.len(), 3);
    assert_eq!(root.auth.ca_pins().unwrap().len(), 1);
    let created = root.records_of("resource.created").await;
    assert!(
        created.iter().any(|one| one["kind"] == "remote_cluster" && one["name"] == "leaf.test")
    );
    assert!(!format!("{:?}", root.records().await).contains(TOKEN));
    assert!(!format!("{:?}", leaf.records().await).contains(TOKEN));
}

#[tokio::test]
async fn joining_again_by_the_same_keys_changes_nothing() {
    let (root, leaf) = friends().await;
    let before = get(&root, Kind::RemoteCluster, "leaf.test").await.unwrap();
    leaf.admin.delete(Kind::TrustedCluster, "root.test").await.unwrap();
    leaf.admin.create(&document(&root, "root.test").into()).await.unwrap();
    let after = get(&root, Kind::RemoteCluster, "leaf.test").await.unwrap();
    assert_eq!(before.metadata().revision, after.metadata().revision);
}

#[tokio::test]
async fn what_is_wrong_with_joining_is_told_and_nothing_is_stored() {
    let (root, leaf) = strangers().await;
    root.put(Token::new("for-agents-0123456789abcdef", [JoinRole::App])).await;
    let mut ended = Token::new("that-ends-0123456789abcdef", [JoinRole::TrustedCluster]);
    ended.metadata.expires = Some(root.clock.now() + DAY);
    root.put(ended).await;
    root.clock.advance(DAY);
    leaf.clock.advance(DAY);
    let fine = || document(&root, "root.test");
    let mut wrong_pin = fine();
    wrong_pin.spec.ca_pins = leaf.auth.ca_pins().unwrap();
    let mut no_pin = fine();
    no_pin.spec.ca_pins = vec!["sha256:zz".to_owned()];
    let mut nowhere = fine();
    nowhere.spec.web_proxy_addr = "127.0.0.1:1".to_owned();
    let mut no_map = fine();
    no_map.spec.role_map.clear();
    let mut itself = fine();
    itself.spec.web_proxy_addr = leaf.auth.address().to_string();
    itself.spec.ca_pins = leaf.auth.ca_pins().unwrap();
    leaf.put(Token::new(TOKEN, [JoinRole::TrustedCluster])).await;
    let cases = [
        (with_token(fine(), "unknown-0123456789abcdef"), "the join token is not valid"),
        (with_token(fine(), "that-ends-0123456789abcdef"), "the join token is not valid"),
        (with_token(fine(), "for-agents-0123456789abcdef"), "not for trusted clusters"),
        (with_token(fine(), ""), "spec.token: missing"),
        (wrong_pin, "not the pinned one"),
        (no_pin, "spec.ca_pins"),
        (nowhere, "cannot reach 127.0.0.1:1"),
        (no_map, "missing 'role_map' parameter"),
        (itself, "this cluster is called"),
        (document(&root, "leaf.test"), "needs no trust in itself"),
    ];
    for (cluster, words) in cases {
        let error = leaf.admin.create(&cluster.into()).await.unwrap_err();
        assert!(error.message().contains(words), "{words}: {error}");
        // Whoever asks here has shown fine evidence.
        assert_ne!(error.kind(), ErrorKind::Unauthenticated, "{error}");
        assert!(!error.hints().iter().any(|hint| hint.contains("tsh login")), "{error}");
        leaf.admin.delete(Kind::Token, TOKEN).await.ok();
        assert_strangers(&root, &leaf).await;
        leaf.put(Token::new(TOKEN, [JoinRole::TrustedCluster])).await;
    }
    let refusals = root.records_of("instance.join").await;
    assert!(refusals.iter().any(|one| one["role"] == "trusted_cluster" && one["success"] == false));
}

#[tokio::test]
async fn clocks_that_differ_are_told() {
    let (root, leaf) = strangers().await;
    root.clock.advance(DAY);
    let host = root.host_credentials(&[pki::Service::Auth]).await;
    drop(host);
    // The root began a day after what the leaf takes for now.
    let late = Cluster::named("late.test").await;
    leaf.clock.set(late.clock.now() - DAY);
    let error = leaf.admin.create(&document(&late, "late.test").into()).await.unwrap_err();
    assert!(error.message().contains("are the clocks right?"), "{error}");
}

#[tokio::test]
async fn a_name_belongs_to_the_keys_that_came_first() {
    let (root, leaf) = friends().await;
    let namesake = Cluster::named("leaf.test").await;
    let error = namesake.admin.create(&document(&root, "root.test").into()).await.unwrap_err();
    assert!(error.message().contains("another cluster is known here by the name"), "{error}");
    assert_eq!(authorities(&namesake).await.len(), 3);
    let own = Cluster::named("root.test").await;
    let error = own.admin.create(&document(&root, "other.test").into()).await.unwrap_err();
    assert!(error.message().contains("this cluster is called \"root.test\" too"), "{error}");
    // The real one still can.
    leaf.admin.delete(Kind::TrustedCluster, "root.test").await.unwrap();
    leaf.admin.create(&document(&root, "root.test").into()).await.unwrap();
    // Once removed, the name is free.
    root.admin.delete(Kind::RemoteCluster, "leaf.test").await.unwrap();
    namesake.admin.create(&document(&root, "root.test").into()).await.unwrap();
}

#[tokio::test]
async fn authorities_are_the_clusters_own_and_nobody_elses() {
    let (root, leaf) = friends().await;
    let join = async |cluster: &str, authorities: Authorities| {
        let request =
            ClusterJoin { token: TOKEN.to_owned(), cluster: cluster.to_owned(), authorities };
        root.stranger().join_cluster(&request).await
    };
    let made = |kind, cluster: &str| {
        let ca = CertificateAuthority::generate(kind, cluster, root.clock.now(), DAY).unwrap();
        ca.certificate().to_pem()
    };
    let of = |user: Vec<String>, host: Vec<String>| Authorities { user, host };
    let users = vec![made(CaKind::User, "evil.test")];
    let hosts = vec![made(CaKind::Host, "evil.test")];
    let theirs = leaf.auth.authorities();
    let ours = root.auth.authorities();
    let cases = [
        (of(users.clone(), theirs.host.clone()), "of cluster \"leaf.test\" was given"),
        (of(users.clone(), ours.host.clone()), "of cluster \"root.test\" was given"),
        (of(users.clone(), users.clone()), "a user authority was given where a host authority"),
        (of(users.clone(), Vec::new()), "has an authority for its services"),
        (of(users.clone(), vec!["no certificate".to_owned()]), "evil.test"),
        (of(users.clone(), vec![hosts[0].clone(); 9]), "at most 8 authorities"),
    ];
    for (authorities, words) in cases {
        let error = join("evil.test", authorities).await.unwrap_err();
        assert!(error.message().contains(words), "{words}: {error}");
    }
    for name in ["", "../evil", "evil test", "root.test", "x".repeat(300).as_str()] {
        assert!(join(name, of(Vec::new(), vec![made(CaKind::Host, "evil.test")])).await.is_err());
    }
    assert_eq!(believed(&root), ["leaf.test"]);
    assert_eq!(root.names(&root.admin, Kind::RemoteCluster).await, ["leaf.test"]);
    join("evil.test", of(users, hosts)).await.unwrap();
    assert_eq!(believed(&root), ["evil.test", "leaf.test"]);
}

#[tokio::test]
async fn who_tells_a_clusters_keys_and_one_more_does_not_take_its_name() {
    let (root, leaf) = friends().await;
    let known = get(&root, Kind::CertAuthority, "host.leaf.test").await.unwrap();
    let own = CertificateAuthority::generate(CaKind::Host, "leaf.test", root.clock.now(), DAY);
    let own = own.unwrap().certificate().to_pem();
    let real = leaf.auth.authorities().host;
    let join = async |host: Vec<String>| {
        let authorities = Authorities { user: Vec::new(), host };
        let (token, cluster) = (TOKEN.to_owned(), "leaf.test".to_owned());
        root.stranger().join_cluster(&ClusterJoin { token, cluster, authorities }).await
    };
    for host in [vec![own.clone()], [real.clone(), vec![own]].concat()] {
        let error = join(host).await.unwrap_err();
        assert!(error.message().contains("another cluster is known here by the name"), "{error}");
    }
    // What everybody may know of it changes nothing.
    join(real).await.unwrap();
    assert_eq!(get(&root, Kind::CertAuthority, "host.leaf.test").await.unwrap(), known);
}

#[tokio::test]
async fn no_cluster_takes_the_name_of_another_that_is_trusted() {
    let (root, leaf) = friends().await;
    let namesake = Cluster::named("root.test").await;
    namesake.put(Token::new(TOKEN, [JoinRole::TrustedCluster])).await;
    let known = get(&leaf, Kind::CertAuthority, "user.root.test").await.unwrap();
    let evil = document(&namesake, "another.test");
    let error =
        refused(leaf.admin.put(&evil.into(), api::Write::Upsert).await, ErrorKind::InvalidArgument);
    assert!(error.message().contains("calls itself \"root.test\""), "{error}");
    assert_eq!(get(&leaf, Kind::CertAuthority, "user.root.test").await.unwrap(), known);
    assert_eq!(leaf.names(&leaf.admin, Kind::TrustedCluster).await, ["root.test"]);
    drop(root);
}

#[tokio::test]
async fn disabling_drops_the_trust_at_once_and_enabling_joins_again() {
    let (root, leaf) = friends().await;
    let mut cluster = document(&root, "root.test");
    cluster.spec.enabled = false;
    // The token that was kept, as somebody who edits what is shown writes it back.
    cluster = with_token(cluster, resource::secret::MASK);
    leaf.put(cluster.clone()).await;
    assert_eq!(believed(&leaf), [""; 0]);
    assert_eq!(authorities(&leaf).await.len(), 3);
    cluster.spec.enabled = true;
    leaf.put(cluster.clone()).await;
    assert_eq!(believed(&leaf), ["root.test"]);
    assert_eq!(authorities(&leaf).await.len(), 5);
    // A change of the map needs nobody.
    drop(root);
    cluster.spec.role_map[0].local = vec!["other".to_owned()];
    leaf.put(cluster.clone()).await;
    leaf.admin.delete(Kind::TrustedCluster, "root.test").await.unwrap();
    assert_eq!(believed(&leaf), [""; 0]);
    assert_eq!(authorities(&leaf).await.len(), 3);
}

#[tokio::test]
async fn trust_is_not_left_on_by_who_switches_it_off_under_another_name() {
    let (root, leaf) = friends().await;
    let mut cluster = document(&root, "our-root");
    cluster.spec.enabled = false;
    let error = refused(
        leaf.admin.put(&cluster.into(), api::Write::Upsert).await,
        ErrorKind::InvalidArgument,
    );
    assert!(error.message().contains("is \"root.test\""), "{error}");
    assert_eq!(leaf.names(&leaf.admin, Kind::TrustedCluster).await, ["root.test"]);
    assert_eq!(believed(&leaf), ["root.test"]);
}

#[tokio::test]
async fn another_address_must_lead_to_the_same_cluster() {
    let (root, leaf) = friends().await;
    let other = Cluster::named("other.test").await;
    other.put(Token::new(TOKEN, [JoinRole::TrustedCluster])).await;
    let mut cluster = document(&other, "root.test");
    cluster.spec.role_map[0].local = vec!["admin".to_owned()];
    let error = refused(
        leaf.admin.put(&cluster.into(), api::Write::Upsert).await,
        ErrorKind::InvalidArgument,
    );
    assert!(error.message().contains("leads to cluster \"other.test\""), "{error}");
    let Resource::TrustedCluster(kept) =
        get(&leaf, Kind::TrustedCluster, "root.test").await.unwrap()
    else {
        panic!("another kind")
    };
    assert_eq!(kept.spec.role_map[0].local, ["guest"]);
    assert_eq!(believed(&leaf), ["root.test"]);
    drop(root);
}

#[tokio::test]
async fn a_root_that_is_away_is_offline_and_a_leaf_that_is_gone_too() {
    let (root, leaf) = friends().await;
    let status = async || {
        let found = root.admin.clusters().await.unwrap().clusters;
        found.iter().find(|one| one.name == "leaf.test").unwrap().status.clone()
    };
    assert_eq!(status().await, "online");
    leaf.tasks.cancel();
    root.clock.advance(Duration::from_secs(36));
    until("offline", [&root, &leaf], async || status().await == "offline").await;
}

#[tokio::test]
async fn a_name_is_free_again_when_the_cluster_that_had_it_has_ended() {
    let (root, leaf) = friends().await;
    let mut remote = get(&root, Kind::RemoteCluster, "leaf.test").await.unwrap();
    remote.metadata_mut().expires = Some(root.clock.now() + DAY);
    root.put(remote).await;
    let namesake = Cluster::named("leaf.test").await;
    for cluster in [&root, &leaf, &namesake] {
        cluster.clock.advance(DAY + Duration::from_secs(1));
    }
    // It is not let in any more, nor anybody on to it, even before the store has noticed.
    let (_, credentials) = leaf.host_credentials(&[pki::Service::Auth]).await;
    let address = root.auth.address().to_string();
    let trust = root.auth.trust();
    let client =
        crate::cluster::client_of(&address, &trust, &leaf.clock, Some(credentials), &leaf.tasks);
    let exchange = api::wire::ClusterExchange { authorities: leaf.auth.authorities() };
    let error = client.exchange_cluster(&exchange).await.unwrap_err();
    // Once the store has, not even its certificate is believed.
    let is_told = error.kind() == ErrorKind::Denied && error.message().contains("has not joined");
    assert!(is_told || error.kind() == ErrorKind::Unauthenticated, "{error}");
    namesake.admin.create(&document(&root, "root.test").into()).await.unwrap();
    let told = get(&root, Kind::CertAuthority, "host.leaf.test").await.unwrap();
    let Resource::CertAuthority(told) = told else { panic!("another kind") };
    let kept: Vec<_> =
        told.spec.active_keys.into_iter().filter_map(|key| key.certificate).collect();
    assert_eq!(kept, namesake.auth.authorities().host);
}

#[tokio::test]
async fn whoever_may_write_one_name_does_not_get_another_by_joining() {
    let (root, leaf) = strangers().await;
    let mut may = crate::cluster::rule(&["trusted_cluster"], &["create", "update"]);
    may.where_clause = Some("equals(resource.metadata.name, \"other.test\")".to_owned());
    leaf.put(crate::cluster::role_with("some", |allow| allow.rules.push(may.clone()))).await;
    let user = leaf.user("carol", &["some"]).await;
    let as_other = || document(&root, "other.test").into();
    refused(user.create(&as_other()).await, ErrorKind::Denied);
    refused(user.put(&as_other(), api::Write::Upsert).await, ErrorKind::Denied);
    assert_eq!(believed(&leaf), [""; 0]);
    assert_eq!(authorities(&leaf).await.len(), 3);
}

#[tokio::test]
async fn a_token_for_one_cluster_lets_one_in_and_that_one_again() {
    let root = Cluster::named("root.test").await;
    let mut token = Token::new(TOKEN, [JoinRole::TrustedCluster]);
    token.spec.uses = Some(1);
    root.put(token).await;
    let (first, second) = (Cluster::named("leaf.test").await, Cluster::named("other.test").await);
    let trusts = document(&root, "root.test");
    first.admin.create(&trusts.clone().into()).await.unwrap();
    let refusal = second.admin.create(&trusts.clone().into()).await.unwrap_err();
    assert!(refusal.to_string().contains("used up"), "{refusal}");
    assert_eq!(root.names(&root.admin, Kind::RemoteCluster).await, ["leaf.test"]);
    // It was let in before, and may have lost the answer.
    first.admin.delete(Kind::TrustedCluster, "root.test").await.unwrap();
    first.admin.create(&trusts.into()).await.unwrap();
}
