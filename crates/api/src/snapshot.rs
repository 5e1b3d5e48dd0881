//! A copy of the cluster's resources at one moment, by kind and name.

use std::sync::Arc;

use resource::{
    Agent, App, AppAuthConfig, AppServer, CertAuthority, ClusterAuthPreference, GithubConnector,
    Kind, Lock, OauthGrant, OidcConnector, Proxy, RemoteCluster, Resource, Role, SamlConnector,
    Token, TrustedCluster, User,
};

use crate::index::Index;
use crate::source::WatchEvent;
use crate::touched::Touched;

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
    /// Connectors to OpenID Connect providers, without their secrets.
    pub oidc_connectors: Index<OidcConnector>,
    /// Connectors to SAML providers, without their secrets.
    pub saml_connectors: Index<SamlConnector>,
    /// Connectors to GitHub, without their secrets.
    pub github_connectors: Index<GithubConnector>,
    /// Whose tokens let clients in to which apps.
    pub app_auth_configs: Index<AppAuthConfig>,
    /// App services that are up.
    pub agents: Index<Agent>,
    /// Clusters whose users may come here, without the tokens.
    pub trusted_clusters: Index<TrustedCluster>,
    /// Clusters where users of this one may go.
    pub remote_clusters: Index<RemoteCluster>,
    /// What people granted clients without a certificate.
    pub oauth_grants: Index<OauthGrant>,
    /// Cluster-wide sign-in settings.
    pub auth_preference: Option<Arc<ClusterAuthPreference>>,
    /// Which users, roles and OAuth grants changed, and when: also where they are not read.
    pub touched: Touched,
    /// A watch from here tells of everything that is not in this copy.
    pub cursor: Arc<str>,
    /// The live records again, by the app that they are of.
    by_app: Index<Vec<Arc<AppServer>>>,
}

// === impl Snapshot ===

impl Snapshot {
    /// The live records of agents that serve an app.
    #[must_use]
    pub fn servers_of(&self, app: &str) -> &[Arc<AppServer>] {
        self.by_app.get(app).map_or(&[], |servers| servers)
    }

    /// The same for each app that has any, by the apps' names.
    pub fn served(&self) -> impl Iterator<Item = &[Arc<AppServer>]> {
        self.by_app.values().map(|servers| servers.as_slice())
    }

    /// Applies one change.
    pub fn apply(&mut self, event: &WatchEvent) {
        let (kind, name) = match event {
            WatchEvent::Put { resource, .. } => {
                self.put(resource, None);
                (resource.kind(), resource.name())
            }
            WatchEvent::Delete { kind, name, .. } => {
                self.remove(*kind, name);
                (*kind, name.as_str())
            }
            WatchEvent::Changed { kind, name, .. } => (*kind, name.as_str()),
            WatchEvent::Bookmark { .. } => return,
        };
        self.generation += 1;
        if Touched::minds(kind) {
            self.touched.mark(kind, name, self.generation);
        }
    }

    /// Replaces all resources of a kind. What was there and is the same stays what it is, so that who
    /// compares copies finds nothing changed.
    pub fn replace(&mut self, kind: Kind, items: &[Resource]) {
        let old = std::mem::take(self);
        *self = old.clone();
        match kind {
            Kind::App => self.apps = Index::default(),
            Kind::AppServer => {
                self.app_servers = Index::default();
                self.by_app = Index::default();
            }
            Kind::Role => self.roles = Index::default(),
            Kind::User => self.users = Index::default(),
            Kind::Token => self.tokens = Index::default(),
            Kind::Lock => self.locks = Index::default(),
            Kind::CertAuthority => self.authorities = Index::default(),
            Kind::Proxy => self.proxies = Index::default(),
            Kind::Oidc => self.oidc_connectors = Index::default(),
            Kind::Saml => self.saml_connectors = Index::default(),
            Kind::Github => self.github_connectors = Index::default(),
            Kind::AppAuthConfig => self.app_auth_configs = Index::default(),
            Kind::Agent => self.agents = Index::default(),
            Kind::TrustedCluster => self.trusted_clusters = Index::default(),
            Kind::RemoteCluster => self.remote_clusters = Index::default(),
            Kind::OauthGrant => self.oauth_grants = Index::default(),
            // Nobody decides by them: a bot is a user.
            Kind::Bot => {}
            Kind::ClusterAuthPreference => self.auth_preference = None,
        }
        for resource in items {
            self.put(resource, Some(&old));
        }
        self.keep(old);
        self.generation += 1;
    }

    /// Takes the indexes of an older copy in which nothing is different.
    fn keep(&mut self, old: Self) {
        fn keep<T>(new: &mut Index<T>, old: Index<T>) {
            if old.changed(new).is_empty() {
                *new = old;
            }
        }
        if old.app_servers.changed(&self.app_servers).is_empty() {
            self.by_app = old.by_app;
        }
        keep(&mut self.apps, old.apps);
        keep(&mut self.app_servers, old.app_servers);
        keep(&mut self.roles, old.roles);
        keep(&mut self.users, old.users);
        keep(&mut self.tokens, old.tokens);
        keep(&mut self.locks, old.locks);
        keep(&mut self.authorities, old.authorities);
        keep(&mut self.proxies, old.proxies);
        keep(&mut self.oidc_connectors, old.oidc_connectors);
        keep(&mut self.saml_connectors, old.saml_connectors);
        keep(&mut self.github_connectors, old.github_connectors);
        keep(&mut self.app_auth_configs, old.app_auth_configs);
        keep(&mut self.agents, old.agents);
        keep(&mut self.trusted_clusters, old.trusted_clusters);
        keep(&mut self.remote_clusters, old.remote_clusters);
        keep(&mut self.oauth_grants, old.oauth_grants);
    }

    /// Puts a resource in, or what `old` has if that is the same.
    fn put(&mut self, resource: &Resource, old: Option<&Self>) {
        match resource {
            Resource::App(app) => insert(&mut self.apps, app, app.name(), old.map(|old| &old.apps)),
            Resource::AppServer(server) => {
                let name = &server.metadata.name;
                self.drop_server(name);
                insert(&mut self.app_servers, server, name, old.map(|old| &old.app_servers));
                if let Some(server) = self.app_servers.get(name) {
                    add_server(&mut self.by_app, server.clone());
                }
            }
            Resource::Role(role) => {
                insert(&mut self.roles, role, role.name(), old.map(|old| &old.roles))
            }
            Resource::User(user) => {
                insert(&mut self.users, user, user.name(), old.map(|old| &old.users))
            }
            Resource::Token(token) => {
                insert(&mut self.tokens, token, &token.metadata.name, old.map(|old| &old.tokens));
            }
            Resource::Lock(lock) => {
                insert(&mut self.locks, lock, &lock.metadata.name, old.map(|old| &old.locks));
            }
            Resource::CertAuthority(authority) => {
                let name = &authority.metadata.name;
                insert(&mut self.authorities, authority, name, old.map(|old| &old.authorities));
            }
            Resource::Proxy(proxy) => {
                insert(&mut self.proxies, proxy, &proxy.metadata.name, old.map(|old| &old.proxies));
            }
            Resource::Oidc(connector) => {
                let old = old.map(|old| &old.oidc_connectors);
                insert(&mut self.oidc_connectors, connector, connector.name(), old);
            }
            Resource::Saml(connector) => {
                let old = old.map(|old| &old.saml_connectors);
                insert(&mut self.saml_connectors, connector, connector.name(), old);
            }
            Resource::Github(connector) => {
                let old = old.map(|old| &old.github_connectors);
                insert(&mut self.github_connectors, connector, connector.name(), old);
            }
            Resource::AppAuthConfig(config) => {
                let old = old.map(|old| &old.app_auth_configs);
                insert(&mut self.app_auth_configs, config, config.name(), old);
            }
            Resource::Bot(_) => {}
            Resource::Agent(agent) => {
                insert(&mut self.agents, agent, &agent.metadata.name, old.map(|old| &old.agents));
            }
            Resource::TrustedCluster(cluster) => {
                let old = old.map(|old| &old.trusted_clusters);
                insert(&mut self.trusted_clusters, cluster, cluster.name(), old);
            }
            Resource::RemoteCluster(cluster) => {
                let old = old.map(|old| &old.remote_clusters);
                insert(&mut self.remote_clusters, cluster, cluster.name(), old);
            }
            Resource::OauthGrant(grant) => {
                let old = old.map(|old| &old.oauth_grants);
                insert(&mut self.oauth_grants, grant, grant.name(), old);
            }
            Resource::ClusterAuthPreference(preference) => {
                self.auth_preference = Some(Arc::new(preference.clone()));
            }
        }
    }

    fn remove(&mut self, kind: Kind, name: &str) {
        match kind {
            Kind::App => drop(self.apps.remove(name)),
            Kind::AppServer => self.drop_server(name),
            Kind::Role => drop(self.roles.remove(name)),
            Kind::User => drop(self.users.remove(name)),
            Kind::Token => drop(self.tokens.remove(name)),
            Kind::Lock => drop(self.locks.remove(name)),
            Kind::CertAuthority => drop(self.authorities.remove(name)),
            Kind::Proxy => drop(self.proxies.remove(name)),
            Kind::Oidc => drop(self.oidc_connectors.remove(name)),
            Kind::Saml => drop(self.saml_connectors.remove(name)),
            Kind::Github => drop(self.github_connectors.remove(name)),
            Kind::AppAuthConfig => drop(self.app_auth_configs.remove(name)),
            Kind::Agent => drop(self.agents.remove(name)),
            Kind::TrustedCluster => drop(self.trusted_clusters.remove(name)),
            Kind::RemoteCluster => drop(self.remote_clusters.remove(name)),
            Kind::OauthGrant => drop(self.oauth_grants.remove(name)),
            Kind::Bot => {}
            Kind::ClusterAuthPreference => self.auth_preference = None,
        }
    }

    fn drop_server(&mut self, name: &str) {
        let Some(server) = self.app_servers.remove(name) else { return };
        let app = server.app_name();
        let left = self.servers_of(app).iter().filter(|one| one.metadata.name != name);
        let left: Vec<_> = left.cloned().collect();
        match left.is_empty() {
            true => drop(self.by_app.remove(app)),
            false => drop(self.by_app.insert(app, Arc::new(left))),
        }
    }
}

fn insert<T: Clone + PartialEq>(
    index: &mut Index<T>,
    value: &T,
    name: &str,
    old: Option<&Index<T>>,
) {
    let same = old.and_then(|old| old.get(name)).filter(|old| ***old == *value);
    index.insert(name, same.cloned().unwrap_or_else(|| Arc::new(value.clone())));
}

fn add_server(by_app: &mut Index<Vec<Arc<AppServer>>>, server: Arc<AppServer>) {
    let app = server.app_name().to_owned();
    let mut servers = by_app.get(&app).map_or_else(Vec::new, |servers| Vec::clone(servers));
    servers.push(server);
    by_app.insert(&app, Arc::new(servers));
}

#[cfg(test)]
mod tests;
