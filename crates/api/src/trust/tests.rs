//! Which other clusters a copy of the resources makes a service believe.

use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use pki::{CertificateAuthority, TrustStore};
use resource::{
    CaKey, CertAuthority, Kind, RemoteCluster, Resource, Secret, TrustedCluster, TrustedClusterSpec,
};
use time::OffsetDateTime;
use time::macros::datetime;

use super::*;
use crate::source::{Listing, Source, WatchEvent};

const NOW: OffsetDateTime = datetime!(2026-11-20 12:00 UTC);
const DAY: Duration = Duration::from_secs(86_400);

fn authority(kind: CaKind, cluster: &str) -> CertAuthority {
    let made = CertificateAuthority::generate(kind, cluster, NOW, DAY).unwrap();
    let key = CaKey {
        certificate: Some(made.certificate().to_pem()),
        public_key: None,
        private_key: None,
        created: Some(NOW),
    };
    let kind = match kind {
        CaKind::User => AuthorityType::User,
        CaKind::Host => AuthorityType::Host,
    };
    CertAuthority::new(kind, cluster, vec![key])
}

fn put(snapshot: &mut Snapshot, resource: impl Into<Resource>) {
    let resource = std::sync::Arc::new(resource.into());
    snapshot.apply(&WatchEvent::Put { resource, cursor: String::new() });
}

fn delete(snapshot: &mut Snapshot, kind: Kind, name: &str) {
    let (name, cursor) = (name.to_owned(), String::new());
    snapshot.apply(&WatchEvent::Delete { kind, name, cursor });
}

fn trusted(name: &str, enabled: bool) -> TrustedCluster {
    let spec = TrustedClusterSpec {
        enabled,
        token: Secret::new(String::new()),
        tunnel_addr: String::new(),
        web_proxy_addr: "root.example.com:443".to_owned(),
        role_map: Vec::new(),
        ca_pins: Vec::new(),
    };
    TrustedCluster::new(name, spec)
}

fn believed(snapshot: &Snapshot) -> Vec<String> {
    let trust = read(snapshot, "here", NOW).unwrap().unwrap();
    trust.foreign_clusters().map(str::to_owned).collect()
}

/// A copy with our own authorities, and those of another cluster.
fn copy_with(cluster: &str) -> Snapshot {
    let mut snapshot = Snapshot::default();
    for name in ["here", cluster] {
        for kind in [CaKind::User, CaKind::Host] {
            put(&mut snapshot, authority(kind, name));
        }
    }
    snapshot
}

#[test]
fn authorities_count_only_beside_the_resource_that_says_so() {
    let mut snapshot = copy_with("root");
    assert_eq!(believed(&snapshot), [""; 0]);
    put(&mut snapshot, trusted("root", false));
    assert_eq!(believed(&snapshot), [""; 0]);
    put(&mut snapshot, trusted("root", true));
    assert_eq!(believed(&snapshot), ["root"]);
    put(&mut snapshot, trusted("without-authorities", true));
    assert_eq!(believed(&snapshot), ["root"]);
    delete(&mut snapshot, Kind::TrustedCluster, "root");
    assert_eq!(believed(&snapshot), [""; 0]);
    put(&mut snapshot, RemoteCluster::new("root"));
    assert_eq!(believed(&snapshot), ["root"]);
    for (end, counts) in [(NOW, false), (NOW + DAY, true)] {
        let mut remote = RemoteCluster::new("root");
        remote.metadata.expires = Some(end);
        put(&mut snapshot, remote);
        assert_eq!(believed(&snapshot).len(), usize::from(counts), "{end}");
    }
}

/// The auth service would say so, if it were there.
#[tokio::test]
async fn trust_ends_at_its_time_whoever_says_so() {
    let clock = Clock::manual(NOW);
    let mut snapshot = copy_with("root");
    let mut brief = trusted("root", true);
    brief.metadata.expires = Some(NOW + DAY);
    put(&mut snapshot, brief);
    let store = TrustStore::new(read(&snapshot, "here", NOW).unwrap().unwrap());
    let tasks = Tasks::new();
    let source = Silent(snapshot.clone());
    let kinds = [Kind::CertAuthority, Kind::TrustedCluster];
    let replica = Replica::follow(&tasks, std::sync::Arc::new(source), &kinds);
    let mut told = follow_trust(&tasks, &replica, store.clone(), clock.clone());
    replica.ready().await;
    let before = store.generation();
    assert_eq!(store.trust().foreign_clusters().count(), 1);
    clock.advance(DAY);
    let is_newer = |generation: &u64| *generation > before;
    let heard = tokio::time::timeout(Duration::from_secs(10), told.wait_for(is_newer)).await;
    assert!(heard.unwrap().is_ok());
    assert_eq!(store.trust().foreign_clusters().count(), 0);
    tasks.shutdown(Duration::from_secs(5)).await;
}

/// Lists what is in a copy, and says nothing more.
struct Silent(Snapshot);

impl Source for Silent {
    fn list(&self, kind: Kind) -> BoxFuture<'_, Result<Listing, Error>> {
        let items = match kind {
            Kind::CertAuthority => {
                self.0.authorities.values().map(|one| CertAuthority::clone(one).into()).collect()
            }
            _ => self
                .0
                .trusted_clusters
                .values()
                .map(|one| TrustedCluster::clone(one).into())
                .collect(),
        };
        Box::pin(std::future::ready(Ok(Listing { items, cursor: String::new() })))
    }

    fn watch(
        &self,
        _kinds: Vec<Kind>,
        _cursor: String,
    ) -> BoxFuture<'_, Result<BoxStream<'static, Result<WatchEvent, Error>>, Error>> {
        Box::pin(std::future::pending())
    }
}

#[test]
fn users_are_believed_of_trusted_clusters_alone() {
    let mut snapshot = copy_with("there");
    // Whoever is certified by its user authority is believed, or not.
    let user = CertificateAuthority::generate(CaKind::User, "there", NOW, DAY).unwrap();
    let key = CaKey {
        certificate: Some(user.certificate().to_pem()),
        public_key: None,
        private_key: None,
        created: None,
    };
    put(&mut snapshot, CertAuthority::new(AuthorityType::User, "there", vec![key]));
    let visitor = pki::UserIdentity {
        name: "alice".to_owned(),
        kind: pki::UserKind::Human,
        roles: Vec::new(),
        traits: Default::default(),
        cluster: "there".to_owned(),
        login_id: "login".to_owned(),
        mfa: pki::SecondFactors::default(),
        source_ip: None,
        app: None,
        bot_instance_id: None,
        oauth_grant: None,
        join_token: None,
        visit: Some(pki::Visit { cluster: "here".to_owned(), tools: Default::default() }),
        issued: NOW,
        expires: NOW + DAY,
    };
    let public = pki::PrivateKey::generate().unwrap().public();
    let shown = user.issue_user(&public, &visitor).unwrap().der().clone();
    let users = |snapshot: &Snapshot| {
        let store = TrustStore::new(read(snapshot, "here", NOW).unwrap().unwrap());
        store.verify_foreign(std::slice::from_ref(&shown), NOW).is_ok()
    };
    put(&mut snapshot, RemoteCluster::new("there"));
    assert!(!users(&snapshot));
    put(&mut snapshot, trusted("there", true));
    assert!(users(&snapshot));
    put(&mut snapshot, trusted("there", false));
    assert!(!users(&snapshot));
}

#[test]
fn one_cluster_that_cannot_be_trusted_does_not_touch_the_others() {
    let mut snapshot = copy_with("root");
    put(&mut snapshot, trusted("root", true));
    put(&mut snapshot, RemoteCluster::new("broken"));
    let mut broken = authority(CaKind::Host, "broken");
    broken.spec.active_keys[0].certificate = Some("no certificate".to_owned());
    put(&mut snapshot, broken);
    // One that says that our own key is its own.
    put(&mut snapshot, RemoteCluster::new("thief"));
    let mut thief = authority(CaKind::Host, "thief");
    let ours = &snapshot.authorities.get("host.here").unwrap().spec.active_keys;
    thief.spec.active_keys.clone_from(ours);
    put(&mut snapshot, thief);
    put(&mut snapshot, trusted("here", true));
    assert_eq!(believed(&snapshot), ["root"]);
}

#[test]
fn what_follows_changes_is_told_of_other_clusters() {
    let mut snapshot = copy_with("root");
    let store = TrustStore::new(read(&snapshot, "here", NOW).unwrap().unwrap());
    let before = store.generation();
    put(&mut snapshot, trusted("root", true));
    store.replace(read(&snapshot, "here", NOW).unwrap().unwrap());
    assert_ne!(store.generation(), before, "live connections are decided again");
}
