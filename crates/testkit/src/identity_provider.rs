//! A certified OpenID Connect provider, and people who sign in at it.

use serde_json::{Value, json};

use crate::http::Call;
use crate::{Argv, Cluster, HttpServer, Real};

/// What every client of the provider proves itself with: each character of it means something somewhere.
pub const CLIENT_SECRET: &str = "a secret: 50% &more+";

/// A running provider. `alice`, `bob` and `eve` are known at it; their passwords are their names.
#[derive(Debug)]
pub struct IdentityProvider {
    server: HttpServer,
}

// === impl IdentityProvider ===

impl IdentityProvider {
    /// Starts one that sends people back to the cluster's proxy.
    ///
    /// # Panics
    /// When it is not installed, or does not come up.
    #[must_use]
    #[track_caller]
    pub fn start(real: &Real, cluster: &Cluster) -> Self {
        let installed = real.modules("oidc").join("oidc-provider");
        assert!(
            installed.exists(),
            "{} is not installed: run `cargo xtask setup`",
            installed.display()
        );
        let argv = Argv::new(real.node())
            .arg(real.script("servers/identity_provider.mjs"))
            .with_env("OIDC_MODULES", real.modules("oidc").join(".."))
            .with_env("CALLBACKS", callback(cluster));
        Self { server: HttpServer::telling("", &argv) }
    }

    /// What it calls itself.
    #[must_use]
    pub fn issuer(&self) -> String {
        self.server.url()
    }

    /// A connector to it, by which members of `eng` are developers. `more` is added to the spec.
    #[must_use]
    pub fn connector(&self, name: &str, more: &Value) -> Value {
        let mut connector = json!({
            "kind": "oidc", "version": "v3", "metadata": {"name": name},
            "spec": {
                "issuer_url": self.issuer(),
                "client_id": "gateway",
                "client_secret": CLIENT_SECRET,
                "scope": ["email", "groups", "mcp"],
                "claims_to_roles": [{"claim": "groups", "value": "eng", "roles": ["developer"]}],
            },
        });
        if let (Some(spec), Some(more)) =
            (connector.pointer_mut("/spec").and_then(Value::as_object_mut), more.as_object())
        {
            spec.extend(more.clone());
        }
        connector
    }

    /// Changes what it says of somebody from the next login on.
    ///
    /// # Panics
    /// When it does not.
    pub fn change(&self, name: &str, user: &Value) {
        let reply = self.ask(Call::new("PUT", &format!("/_ctl/users/{name}")), user.to_string());
        assert_eq!(reply.get("claims"), user.get("claims"));
    }

    /// An access token of somebody for a resource: a signed JWT, as the provider makes it.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn token(&self, name: &str, resource: &str) -> String {
        let path = format!("/_ctl/token/{name}?resource={resource}");
        let reply = self.ask(Call::new("GET", &path), String::new());
        let token = reply.get("token").and_then(Value::as_str).map(str::to_owned);
        token.unwrap_or_else(|| panic!("no token: {reply}"))
    }

    fn ask(&self, call: Call, body: String) -> Value {
        let call = if body.is_empty() { call } else { call.body(body) };
        match call.send(self.server.port()) {
            Ok(reply) => reply.json(),
            Err(cause) => panic!("the provider does not answer: {cause}"),
        }
    }
}

/// Where the cluster's proxy takes people back.
#[must_use]
pub fn callback(cluster: &Cluster) -> String {
    format!("https://{}/v1/webapi/oidc/callback", cluster.proxy_addr())
}
