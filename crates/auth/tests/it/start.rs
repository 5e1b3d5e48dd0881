//! How a cluster begins, and begins again.

use std::sync::Arc;

use api::ErrorKind;
use auth::{Auth, AuthConfig};
use resource::{Kind, Role, Secrets};
use runtime::{Clock, Tasks};
use store::{Backend, MemoryBackend};
use time::macros::datetime;
use tokio::net::TcpListener;

use crate::cluster::{Cluster, NAME};

fn store() -> (Arc<dyn Backend>, Clock) {
    let clock = Clock::manual(datetime!(2026-11-20 12:00:00 UTC));
    (Arc::new(MemoryBackend::new(clock.clone())), clock)
}

async fn named(name: &str, backend: Arc<dyn Backend>, clock: Clock) -> Result<Auth, api::Error> {
    let dir = tempfile::tempdir().unwrap();
    let log = ::audit::Log::open(::audit::LogOptions::new(dir.path())).unwrap();
    let config = AuthConfig {
        cluster_name: name.to_owned(),
        node_name: "node".to_owned(),
        host_id: None,
        names: Vec::new(),
        backend,
        audit_log: Arc::new(log),
        clock,
        listener: TcpListener::bind("127.0.0.1:0").await.unwrap(),
        local: None,
        kubernetes: None,
    };
    let tasks = Tasks::new();
    let started = Auth::start(config, &tasks).await;
    tasks.cancel();
    started
}

#[tokio::test]
async fn keys_are_made_once() {
    let (backend, clock) = store();
    let dir = || tempfile::tempdir().unwrap();
    let first = Cluster::over(backend.clone(), clock.clone(), dir()).await.unwrap();
    let pins = first.auth.ca_pins().unwrap();
    assert_eq!(first.admin.status().await.unwrap().ca_pins, pins);
    drop(first);
    let second = Cluster::over(backend, clock, dir()).await.unwrap();
    assert_eq!(second.auth.ca_pins().unwrap(), pins);
    let status = second.admin.status().await.unwrap();
    let kinds: Vec<&str> = status.authorities.iter().map(|entry| entry.kind.as_str()).collect();
    assert_eq!((status.cluster.as_str(), kinds), (NAME, vec!["user", "host", "jwt"]));
    let ping = second.stranger().ping().await.unwrap();
    assert_eq!((ping.ca_pins, ping.host_authorities), (pins, second.auth.authorities().host));
}

#[tokio::test]
async fn a_cluster_keeps_its_name() {
    let (backend, clock) = store();
    named("one.test", backend.clone(), clock.clone()).await.unwrap();
    let error = named("two.test", backend.clone(), clock.clone()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    assert!(error.message().contains(r#"belongs to the cluster "one.test""#), "{error}");
    named("one.test", backend, clock).await.unwrap();
}

#[tokio::test]
async fn a_name_that_cannot_be_a_clusters_is_refused_before_anything_is_written() {
    let (backend, clock) = store();
    let error = named("no spaces", backend.clone(), clock.clone()).await.unwrap_err();
    assert!(error.message().contains("no spaces"), "{error}");
    named("one.test", backend, clock).await.unwrap();
}

#[tokio::test]
async fn preset_roles_are_made_and_left_alone() {
    let (backend, clock) = store();
    let dir = || tempfile::tempdir().unwrap();
    let first = Cluster::over(backend.clone(), clock.clone(), dir()).await.unwrap();
    let presets = first.names(&first.admin, Kind::Role).await;
    for name in ["access", "auditor", "editor", "mcp-user"] {
        assert!(presets.contains(&name.to_owned()), "{name} is not in {presets:?}");
    }
    assert_eq!(first.records_of("role.created").await.len(), presets.len());
    let mut own = Role::new("access");
    own.metadata.description = "ours".to_owned();
    first.put(own).await;
    drop(first);
    let second = Cluster::over(backend, clock, dir()).await.unwrap();
    let kept = second.admin.get(Kind::Role, "access", Secrets::Redact).await.unwrap();
    assert_eq!(kept.metadata().description, "ours");
    assert!(second.records_of("role.created").await.is_empty());
}

#[tokio::test]
async fn two_services_over_one_store_are_one_cluster() {
    let (backend, clock) = store();
    let dir = || tempfile::tempdir().unwrap();
    let (one, two) = tokio::join!(
        Cluster::over(backend.clone(), clock.clone(), dir()),
        Cluster::over(backend, clock, dir()),
    );
    let (one, two) = (one.unwrap(), two.unwrap());
    assert_eq!(one.auth.ca_pins().unwrap(), two.auth.ca_pins().unwrap());
    one.put(Role::new("dev")).await;
    two.admin.get(Kind::Role, "dev", Secrets::Redact).await.unwrap();
}
