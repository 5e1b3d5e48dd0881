//! How to start a service with a new token.

use std::time::Duration;

use api::ErrorKind;
use resource::{JoinRole, Kind, Resource, Secrets, Token};

use super::super::cluster::Cluster;
use crate::exit::Refused;

/// Stands for an address that only the reader knows.
const AUTH_PLACEHOLDER: &str = "AUTH_HOST:3025";
const PROXY_PLACEHOLDER: &str = "PROXY_HOST:3080";

/// An app that the new service is to serve, from its configuration file.
#[derive(Clone, Debug)]
pub(super) struct App {
    pub(super) name: String,
    pub(super) uri: String,
}

/// What a new service must be told.
#[derive(Debug)]
pub(super) struct Instructions {
    door: Door,
    cluster: String,
    ca_pins: Vec<String>,
    app: Option<App>,
}

/// Through which address the service reaches the cluster.
#[derive(Debug)]
enum Door {
    Proxy(String),
    Auth(String),
}

// === impl Instructions ===

impl Instructions {
    /// Asks the cluster.
    pub(super) async fn gather(
        cluster: &Cluster,
        auth_server: Option<String>,
        token: &Token,
        app: Option<App>,
    ) -> anyhow::Result<Self> {
        let (client, known_proxy) = (&cluster.client, cluster.proxy.clone());
        let proxy = match client.list(Kind::Proxy, Secrets::Redact).await {
            Ok(listing) => listing.items.iter().find_map(public_addr).or(known_proxy),
            // Whoever may make tokens need not be allowed to list proxies, but came through one.
            Err(error) if error.kind() == ErrorKind::Denied => known_proxy,
            Err(error) => return Err(error.into()),
        };
        let door = match proxy {
            Some(proxy) => Door::Proxy(proxy),
            None if token.spec.roles.contains(&JoinRole::TrustedCluster) => {
                return Err(Refused::new("cluster has no proxies")
                    .hint("other clusters reach this one through a proxy: start one first")
                    .hint("--format=text makes the token all the same")
                    .into());
            }
            None if token.spec.roles.contains(&JoinRole::App) => {
                return Err(Refused::new("cluster has no proxies")
                    .hint("agents reach the cluster through a proxy: start one first")
                    .hint("--format=text makes the token all the same")
                    .into());
            }
            None => Door::Auth(auth_server.unwrap_or_else(|| AUTH_PLACEHOLDER.to_owned())),
        };
        let status = client.status().await?;
        Ok(Self { door, cluster: status.cluster, ca_pins: status.ca_pins, app })
    }

    /// The instructions.
    pub(super) fn text(&self, token: &Token, ttl: Duration) -> String {
        if token.spec.roles.contains(&JoinRole::TrustedCluster) {
            return self.trusted_cluster(token, ttl);
        }
        let services: Vec<&str> = token.spec.roles.iter().map(JoinRole::as_str).collect();
        format!(
            "The invite token: {name}\n\
             It lets {services} services join the cluster {limit}.\n\
             \n\
             Write this into /etc/tessera.yaml on the machine that is to run them:\n\
             \n\
             {config}\
             \n\
             Then start it there:\n\
             \n\
             > tessera start -c /etc/tessera.yaml\n\
             \n\
             Keep the token secret: whoever has it can join.",
            name = token.metadata.name,
            services = services.join(" and "),
            limit = limit(token, ttl),
            config = self.config(token),
        )
    }

    /// What the other cluster is told.
    fn trusted_cluster(&self, token: &Token, ttl: Duration) -> String {
        let (Door::Proxy(address) | Door::Auth(address)) = &self.door;
        format!(
            "The cluster invite token: {name}\n\
             It lets other clusters trust this one {limit}.\n\
             \n\
             Write this into trusted_cluster.yaml where the other cluster is administered, with the roles\n\
             that users of this cluster are to have there:\n\
             \n\
             kind: trusted_cluster\n\
             version: v2\n\
             metadata:\n  \
               name: {cluster}\n\
             spec:\n  \
               enabled: true\n  \
               token: {token}\n  \
               tunnel_addr: {address}\n  \
               web_proxy_addr: {address}\n  \
               ca_pins: [{pins}]\n  \
               role_map:\n  \
               - remote: access\n    \
                 local: [access]\n\
             \n\
             Then, there:\n\
             \n\
             > tctl create trusted_cluster.yaml\n\
             \n\
             Keep the token secret: whoever has it can join.",
            name = token.metadata.name,
            limit = limit(token, ttl),
            cluster = quote(&self.cluster),
            token = quote(&token.metadata.name),
            address = quote(address),
            pins = self.ca_pins.iter().map(|pin| quote(pin)).collect::<Vec<_>>().join(", "),
        )
    }

    fn config(&self, token: &Token) -> String {
        let has = |service| token.spec.roles.contains(&service);
        let (key, address) = match &self.door {
            Door::Proxy(address) => ("proxy_server", address),
            Door::Auth(address) => ("auth_server", address),
        };
        let mut out = format!(
            "version: v3\n\
             tessera:\n  \
               {key}: {address}\n  \
               join_params:\n    \
                 method: token\n    \
                 token_name: {token}\n  \
               ca_pin: {pins}\n\
             auth_service:\n  \
               enabled: no\n\
             proxy_service:\n  \
               enabled: {proxy}\n",
            address = quote(address),
            token = quote(&token.metadata.name),
            pins = self.pins(),
            proxy = yes_no(has(JoinRole::Proxy)),
        );
        if has(JoinRole::Proxy) {
            out.push_str(&format!(
                "  # Under which people and agents reach this proxy.\n  \
                   public_addr: {PROXY_PLACEHOLDER}\n"
            ));
        }
        out.push_str(&format!("app_service:\n  enabled: {}\n", yes_no(has(JoinRole::App))));
        match &self.app {
            _ if !has(JoinRole::App) => {}
            Some(App { name, uri }) => out.push_str(&format!(
                "  apps:\n  - name: {}\n    uri: {}\n",
                quote(name),
                quote(uri)
            )),
            None => out.push_str(
                "  # Which registered apps this machine serves: '*': '*' is all of them.\n  \
                   resources:\n  - labels:\n      '*': '*'\n",
            ),
        }
        out
    }

    fn pins(&self) -> String {
        match self.ca_pins.as_slice() {
            [pin] => quote(pin),
            pins => {
                format!("[{}]", pins.iter().map(|pin| quote(pin)).collect::<Vec<_>>().join(", "))
            }
        }
    }
}

fn public_addr(proxy: &Resource) -> Option<String> {
    match proxy {
        Resource::Proxy(proxy) if !proxy.spec.public_addr.is_empty() => {
            Some(proxy.spec.public_addr.clone())
        }
        _ => None,
    }
}

fn yes_no(flag: bool) -> &'static str {
    if flag { "yes" } else { "no" }
}

/// A YAML double-quoted scalar: JSON's escapes are YAML's too.
fn quote(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// `once, within 30m0s`.
fn limit(token: &Token, ttl: Duration) -> String {
    let ttl = resource::duration::format(ttl);
    match token.spec.uses {
        None => format!("for {ttl}"),
        Some(1) => format!("once, within {ttl}"),
        Some(uses) => format!("{uses} times, within {ttl}"),
    }
}

#[cfg(test)]
mod tests;
