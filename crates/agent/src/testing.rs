//! What several tests need.

pub(crate) mod http;

use std::collections::BTreeMap;
use std::sync::Arc;

use api::Snapshot;
use audit::sink::Recording as Writing;
use audit::{Event, Sink, Stamper};
use parking_lot::Mutex;
use pki::{UserIdentity, UserKind};
use policy::{AppAccess, AppRef, RoleSet, User};
use resource::{Labels, Resource, Role};
use runtime::Clock;
use time::OffsetDateTime;

use crate::record::{Recorder, Recording};

/// Keeps records in memory; full on demand.
#[derive(Debug, Default)]
pub(crate) struct Records {
    pub(crate) lines: Mutex<Vec<serde_json::Value>>,
    pub(crate) full: Mutex<bool>,
}

impl Sink for Records {
    fn append(&self, event: &Event) -> std::io::Result<()> {
        if *self.full.lock() {
            return Err(std::io::ErrorKind::StorageFull.into());
        }
        self.lines.lock().push(serde_json::from_slice(event.line()).unwrap());
        Ok(())
    }

    fn record<'a>(&'a self, event: &'a Event) -> Writing<'a> {
        Box::pin(std::future::ready(self.append(event)))
    }
}

/// The records of a session of alice's.
pub(crate) fn recorder(records: &Arc<Records>) -> Recorder {
    let recording = Recording {
        sink: records.clone(),
        stamper: Stamper::new("test", Clock::system()),
        host_id: "host-1".into(),
        hostname: "host".into(),
        tallies: Arc::default(),
    };
    let app = crate::catalog::tests::app("files", &[], "x");
    let remote = Some("192.0.2.1:4711".to_owned());
    recording.session("session-1", &identity("alice", &["r"]), &app, remote).unwrap()
}

/// An identity that never ends.
pub(crate) fn identity(name: &str, roles: &[&str]) -> UserIdentity {
    UserIdentity {
        name: name.to_owned(),
        kind: UserKind::Human,
        roles: roles.iter().map(|role| (*role).to_owned()).collect(),
        traits: BTreeMap::new(),
        cluster: "test".to_owned(),
        login_id: "login".to_owned(),
        mfa: pki::SecondFactors::default(),
        source_ip: None,
        app: None,
        visit: None,
        bot_instance_id: None,
        oauth_grant: None,
        join_token: None,
        issued: OffsetDateTime::UNIX_EPOCH,
        expires: OffsetDateTime::UNIX_EPOCH + time::Duration::days(365 * 100),
    }
}

/// A user of the cluster "root" on a visit.
pub(crate) fn visitor(name: &str, roles: &[&str]) -> UserIdentity {
    let visit = pki::Visit { cluster: "test".to_owned(), tools: pki::VisitTools::default() };
    UserIdentity {
        cluster: "root".to_owned(),
        app: Some(pki::BoundApp::Here("files".to_owned())),
        visit: Some(visit),
        ..identity(name, roles)
    }
}

/// A role that allows some tools, prompts and resources of every app.
pub(crate) fn role(name: &str, allow: &serde_json::Value) -> Role {
    let document = serde_json::json!({
        "kind": "role", "version": "v8", "metadata": {"name": name},
        "spec": {"allow": {"app_labels": {"*": "*"}, "mcp": allow}},
    });
    match Resource::from_json(document.to_string().as_bytes()).unwrap() {
        Resource::Role(role) => role,
        other => panic!("{other:?}"),
    }
}

/// What holders of a role that allows this may do.
pub(crate) fn access(allow: &serde_json::Value) -> AppAccess {
    let traits = BTreeMap::new();
    let set = RoleSet::compile(&[Arc::new(role("r", allow))], User::new("alice", &traits));
    set.access(AppRef::new("files", &Labels::new()))
}

/// A copy with these resources.
pub(crate) fn snapshot(resources: impl IntoIterator<Item = Resource>) -> Snapshot {
    let mut snapshot = Snapshot::default();
    for resource in resources {
        let cursor = String::new();
        let resource = Arc::new(resource);
        snapshot.apply(&api::WatchEvent::Put { resource, cursor });
    }
    snapshot
}
