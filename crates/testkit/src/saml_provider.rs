//! A SAML provider that can be told to misbehave, and people who sign in at it.

use serde_json::{Value, json};

use crate::http::{Call, Reply};
use crate::{Argv, Cluster, HttpServer, Real};

/// A running provider. `alice` and `bob` are known at it; their passwords are their names.
#[derive(Debug)]
pub struct SamlProvider {
    server: HttpServer,
    acs: String,
}

/// For whom its assertions are.
const AUDIENCE: &str = "urn:tessera:test";

// === impl SamlProvider ===

impl SamlProvider {
    /// Starts one that sends people back to the cluster's proxy.
    ///
    /// # Panics
    /// When it is not installed, or does not come up.
    #[must_use]
    #[track_caller]
    pub fn start(real: &Real, cluster: &Cluster) -> Self {
        let installed = real.modules("saml").join("samlp");
        assert!(
            installed.exists(),
            "{} is not installed: run `cargo xtask setup`",
            installed.display()
        );
        let acs = acs(cluster);
        let argv = Argv::new(real.node())
            .arg(real.script("servers/saml_provider.mjs"))
            .with_env("SAML_MODULES", real.modules("saml").join(".."))
            .with_env("AUDIENCE", AUDIENCE)
            .with_env("ACS", &acs);
        Self { server: HttpServer::telling("", &argv), acs }
    }

    /// Where people begin by themselves.
    #[must_use]
    pub fn start_url(&self) -> String {
        format!("{}/start", self.server.url())
    }

    /// Where its metadata is, which is what it calls itself.
    #[must_use]
    pub fn metadata_url(&self) -> String {
        format!("{}/metadata", self.server.url())
    }

    /// Its metadata.
    ///
    /// # Panics
    /// When it does not answer.
    #[must_use]
    pub fn metadata(&self) -> String {
        let reply = Call::new("GET", "/metadata").send(self.server.port());
        match reply.and_then(Reply::whole) {
            Ok(body) => String::from_utf8_lossy(&body).into_owned(),
            Err(cause) => panic!("the provider does not answer: {cause}"),
        }
    }

    /// A connector to it, by which members of `eng` are developers. `more` is added to the spec.
    #[must_use]
    pub fn connector(&self, name: &str, more: &Value) -> Value {
        let mut spec = json!({
            "acs": self.acs, "audience": AUDIENCE, "entity_descriptor_url": self.metadata_url(),
            "attributes_to_roles": [{"name": "groups", "value": "eng", "roles": ["developer"]}],
        });
        if let (Some(spec), Some(more)) = (spec.as_object_mut(), more.as_object()) {
            spec.extend(more.clone());
        }
        json!({"kind": "saml", "version": "v2", "metadata": {"name": name}, "spec": spec})
    }

    /// Has it misbehave, or changes what it says of somebody: see the script's head.
    ///
    /// # Panics
    /// When it does not answer.
    pub fn change(&self, change: &Value) {
        let call = Call::new("PUT", "/_ctl").header("content-type", "application/json");
        let call = call.body(change.to_string());
        if let Err(cause) = call.send(self.server.port()).map(|reply| reply.json()) {
            panic!("the provider does not answer: {cause}");
        }
    }
}

/// Where the cluster's proxy takes people back.
#[must_use]
pub fn acs(cluster: &Cluster) -> String {
    format!("https://{}/v1/webapi/saml/acs", cluster.proxy_addr())
}
