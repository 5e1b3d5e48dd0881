//! A connector to a SAML provider.

use std::path::PathBuf;

use resource::Resource;
use serde_json::{Value, json};

use super::{Spec, Words, mappings, read_file, read_secret};

/// How entries of `attributes_to_roles` are written.
const WORDS: Words = Words { name: "name", value: "value", usage: "NAME,VALUE,ROLE[,ROLE…]" };

#[derive(Debug, Default, clap::Args)]
pub(super) struct Saml {
    /// The connector's name: what people say to `tsh login --auth`.
    #[arg(short, long, default_value = "saml")]
    name: String,
    /// Where the provider sends people back: https://PROXY/v1/webapi/saml/acs.
    #[arg(long, value_name = "URL")]
    acs: String,
    /// The provider's metadata: an address, or a file.
    #[arg(short, long, value_name = "URL|FILE")]
    entity_descriptor: Option<String>,
    /// The provider's name; of several in the metadata, the one that is meant.
    #[arg(long, value_name = "NAME")]
    issuer: Option<String>,
    /// The provider's page, where there is no metadata.
    #[arg(long, value_name = "URL")]
    sso: Option<String>,
    /// The file with the certificates by which the provider signs, where there is no metadata.
    #[arg(long, value_name = "FILE")]
    cert: Option<PathBuf>,
    /// Which attributes give which roles: NAME,VALUE,ROLE[,ROLE…]; several times for several.
    #[arg(short = 'r', long, required = true, value_name = "NAME,VALUE,ROLE…")]
    attributes_to_roles: Vec<String>,
    /// For whom assertions are; the acs if not given.
    #[arg(long)]
    audience: Option<String>,
    /// What the provider calls this cluster; the acs if not given.
    #[arg(long, value_name = "NAME")]
    service_provider_issuer: Option<String>,
    /// What the connector is called in sentences.
    #[arg(long)]
    display: Option<String>,
    /// Have people sign in at the provider anew each time.
    #[arg(long)]
    force_authn: bool,
    /// The file with the private key that signs requests; one is made if not given.
    #[arg(long, value_name = "FILE", requires = "signing_cert_file")]
    signing_key_file: Option<PathBuf>,
    /// The file with its certificate.
    #[arg(long, value_name = "FILE", requires = "signing_key_file")]
    signing_cert_file: Option<PathBuf>,
    /// The file with the private key that decrypts assertions.
    #[arg(long, value_name = "FILE", requires = "assertion_cert_file")]
    assertion_key_file: Option<PathBuf>,
    /// The file with its certificate.
    #[arg(long, value_name = "FILE", requires = "assertion_key_file")]
    assertion_cert_file: Option<PathBuf>,
}

// === impl Saml ===

impl Saml {
    /// The connector, with its secrets.
    pub(super) fn document(&self) -> anyhow::Result<Resource> {
        let mut spec = Spec::default();
        spec.put("acs", json!(self.acs));
        match &self.entity_descriptor {
            Some(url) if url.contains("://") => spec.put("entity_descriptor_url", json!(url)),
            Some(file) => spec.put("entity_descriptor", json!(read_file(file.as_ref())?)),
            None => {}
        }
        spec.put("issuer", json!(self.issuer));
        spec.put("sso", json!(self.sso));
        if let Some(file) = &self.cert {
            spec.put("cert", json!(read_file(file)?));
        }
        spec.put("audience", json!(self.audience));
        spec.put("service_provider_issuer", json!(self.service_provider_issuer));
        spec.put("display", json!(self.display));
        spec.put("force_authn", json!(self.force_authn.then_some(true)));
        spec.put("attributes_to_roles", mappings(&self.attributes_to_roles, WORDS)?);
        let signing = key_pair(self.signing_key_file.as_ref(), self.signing_cert_file.as_ref())?;
        spec.put("signing_key_pair", signing);
        let decrypting =
            key_pair(self.assertion_key_file.as_ref(), self.assertion_cert_file.as_ref())?;
        spec.put("assertion_key_pair", decrypting);
        spec.into_connector("saml", "v2", &self.name)
    }
}

/// A key with its certificate; nothing if there is none.
fn key_pair(key: Option<&PathBuf>, certificate: Option<&PathBuf>) -> anyhow::Result<Value> {
    let (Some(key), Some(certificate)) = (key, certificate) else { return Ok(Value::Null) };
    Ok(json!({"private_key": read_secret(key)?.expose(), "cert": read_file(certificate)?}))
}

#[cfg(test)]
mod tests;
