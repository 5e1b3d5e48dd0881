//! A copy of the cluster's resources at one moment, by kind and name.

use std::collections::BTreeMap;
use std::sync::Arc;

use resource::{
    App, AppServer, CertAuthority, ClusterAuthPreference, Kind, Lock, Proxy, Resource, Role, Token,
    User,
};

use crate::source::WatchEvent;

/// The resources of one kind by name. Cloning shares; changing copies the index once.
pub type Index<T> = Arc<BTreeMap<String, Arc<T>>>;

/// Resources at one moment. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// Counts the changes applied; grows by at least one with every published snapshot.
    pub generation: u64,
    /// Registered MCP servers.
    pub apps: Index<App>,
    /// Agents' live records of the apps that they serve.
    pub app_servers: Index<AppServer>,
    /// Roles.
    pub roles: Index<Role>,
    /// Users.
    pub users: Index<User>,
    /// Locks.
    pub locks: Index<Lock>,
    /// Join tokens.
    pub tokens: Index<Token>,
    /// Certificate authorities.
    pub authorities: Index<CertAuthority>,
    /// Proxies that are up.
    pub proxies: Index<Proxy>,
    /// Cluster-wide sign-in settings.
    pub auth_preference: Option<Arc<ClusterAuthPreference>>,
}

// === impl Snapshot ===

impl Snapshot {
    /// The live records of agents that serve an app.
    pub fn servers_of<'a>(&'a self, app: &'a str) -> impl Iterator<Item = &'a Arc<AppServer>> {
        self.app_servers.values().filter(move |server| server.app_name() == app)
    }

    /// Applies one change.
    pub fn apply(&mut self, event: &WatchEvent) {
        match event {
            WatchEvent::Put { resource, .. } => self.put(resource),
            WatchEvent::Delete { kind, name, .. } => self.remove(*kind, name),
            WatchEvent::Bookmark { .. } => return,
        }
        self.generation += 1;
    }

    /// Replaces all resources of a kind.
    pub fn replace(&mut self, kind: Kind, items: &[Resource]) {
        match kind {
            Kind::App => self.apps = Index::default(),
            Kind::AppServer => self.app_servers = Index::default(),
            Kind::Role => self.roles = Index::default(),
            Kind::User => self.users = Index::default(),
            Kind::Token => self.tokens = Index::default(),
            Kind::Lock => self.locks = Index::default(),
            Kind::CertAuthority => self.authorities = Index::default(),
            Kind::Proxy => self.proxies = Index::default(),
            Kind::ClusterAuthPreference => self.auth_preference = None,
        }
        for resource in items {
            self.put(resource);
        }
        self.generation += 1;
    }

    fn put(&mut self, resource: &Resource) {
        let name = resource.name().to_owned();
        match resource {
            Resource::App(app) => insert(&mut self.apps, name, app),
            Resource::AppServer(server) => insert(&mut self.app_servers, name, server),
            Resource::Role(role) => insert(&mut self.roles, name, role),
            Resource::User(user) => insert(&mut self.users, name, user),
            Resource::Token(token) => insert(&mut self.tokens, name, token),
            Resource::Lock(lock) => insert(&mut self.locks, name, lock),
            Resource::CertAuthority(authority) => insert(&mut self.authorities, name, authority),
            Resource::Proxy(proxy) => insert(&mut self.proxies, name, proxy),
            Resource::ClusterAuthPreference(preference) => {
                self.auth_preference = Some(Arc::new(preference.clone()));
            }
        }
    }

    fn remove(&mut self, kind: Kind, name: &str) {
        match kind {
            Kind::App => drop(Arc::make_mut(&mut self.apps).remove(name)),
            Kind::AppServer => drop(Arc::make_mut(&mut self.app_servers).remove(name)),
            Kind::Role => drop(Arc::make_mut(&mut self.roles).remove(name)),
            Kind::User => drop(Arc::make_mut(&mut self.users).remove(name)),
            Kind::Token => drop(Arc::make_mut(&mut self.tokens).remove(name)),
            Kind::Lock => drop(Arc::make_mut(&mut self.locks).remove(name)),
            Kind::CertAuthority => drop(Arc::make_mut(&mut self.authorities).remove(name)),
            Kind::Proxy => drop(Arc::make_mut(&mut self.proxies).remove(name)),
            Kind::ClusterAuthPreference => self.auth_preference = None,
        }
    }
}

fn insert<T: Clone>(index: &mut Index<T>, name: String, value: &T) {
    Arc::make_mut(index).insert(name, Arc::new(value.clone()));
}
