//! SimpleSAMLphp: a SAML provider that is a product, and people who sign in at it.

use serde_json::{Value, json};

use crate::saml_provider::acs;
use crate::{Argv, Cluster, HttpServer, Real, Scratch};

/// A running one. `alice` and `bob` are known at it; their passwords are their names.
#[derive(Debug)]
pub struct SimpleSamlPhp {
    server: HttpServer,
}

/// What it is to know of the cluster.
#[derive(Debug, Default)]
pub struct Known<'a> {
    /// The certificate, PEM, that requests are signed by.
    pub requests: &'a str,
    /// The certificate, PEM, for which assertions are encrypted; in the clear if there is none.
    pub encryption: Option<&'a str>,
    /// The cipher that is used; its own choice if nothing is said.
    pub cipher: &'a str,
    /// What is added to the address to which people are sent.
    pub path: &'a str,
}

// === impl SimpleSamlPhp ===

impl SimpleSamlPhp {
    /// Starts one that sends people back to the cluster's proxy, with its files in a folder of its own.
    ///
    /// # Panics
    /// When it is not installed, or does not come up.
    #[must_use]
    #[track_caller]
    pub fn start(real: &Real, cluster: &Cluster, scratch: &Scratch, known: &Known<'_>) -> Self {
        let acs = acs(cluster) + known.path;
        let server = HttpServer::told("/saml2/idp/metadata.php", |port| {
            Argv::new("bash")
                .arg(real.script("servers/simplesamlphp.sh"))
                .with_env("PORT", port.to_string())
                .with_env("HOME_DIR", scratch.join(format!("simplesamlphp-{port}")))
                .with_env("SP_ENTITY", &acs)
                .with_env("AUDIENCE_ACS", &acs)
                .with_env("REQUEST_CERT", bare(known.requests))
                .with_env("ENCRYPT_CERT", bare(known.encryption.unwrap_or_default()))
                .with_env("CIPHER", known.cipher)
        });
        Self { server }
    }

    /// A connector to one, by which members of `eng` are developers. `more` is added to the spec.
    #[must_use]
    pub fn connector(cluster: &Cluster, metadata: &str, more: &Value) -> Value {
        let mut spec = json!({
            "acs": acs(cluster), "entity_descriptor_url": metadata,
            "attributes_to_roles": [{"name": "groups", "value": "eng", "roles": ["developer"]}],
        });
        if let (Some(spec), Some(more)) = (spec.as_object_mut(), more.as_object()) {
            spec.extend(more.clone());
        }
        json!({"kind": "saml", "version": "v2", "metadata": {"name": "ssp"}, "spec": spec})
    }

    /// Where people begin by themselves, who are to go to the cluster.
    #[must_use]
    pub fn start_url(&self, cluster: &Cluster, known: &Known<'_>) -> String {
        let metadata = self.metadata_url();
        let base = metadata.strip_suffix("metadata.php").unwrap_or(&metadata);
        format!("{base}SSOService.php?spentityid={}{}", acs(cluster), known.path)
    }

    /// Where its metadata is.
    #[must_use]
    pub fn metadata_url(&self) -> String {
        self.server.url()
    }
}

/// A certificate as metadata has it.
fn bare(pem: &str) -> String {
    pem.lines().filter(|line| !line.starts_with('-')).collect()
}
