//! A connector to an OpenID Connect provider.

use std::path::PathBuf;

use resource::Resource;
use serde_json::json;

use super::{Spec, Words, mappings, read_secret};

/// How entries of `claims_to_roles` are written.
const WORDS: Words = Words { name: "claim", value: "value", usage: "CLAIM,VALUE,ROLE[,ROLE…]" };

#[derive(Debug, Default, clap::Args)]
pub(super) struct Oidc {
    /// The connector's name: what people say to `tsh login --auth`.
    #[arg(short, long, default_value = "oidc")]
    name: String,
    /// The provider, exactly as it calls itself.
    #[arg(long, value_name = "URL")]
    issuer_url: String,
    /// What the provider calls this cluster.
    #[arg(long, value_name = "CLIENT_ID")]
    id: String,
    /// The file with the client's secret, or `-` for standard input: an option would show it to everybody
    /// on this machine.
    #[arg(long, value_name = "FILE")]
    secret_file: PathBuf,
    /// Which claims give which roles: CLAIM,VALUE,ROLE[,ROLE…]; several times for several.
    #[arg(short = 'r', long, required = true, value_name = "CLAIM,VALUE,ROLE…")]
    claims_to_roles: Vec<String>,
    /// Where the provider sends people back; the proxy's own address if not given.
    #[arg(long, value_name = "URL")]
    redirect_url: Vec<String>,
    /// What to ask the provider for besides `openid`.
    #[arg(long, value_delimiter = ',', value_name = "SCOPES")]
    scope: Vec<String>,
    /// What the connector is called in sentences.
    #[arg(long)]
    display: Option<String>,
    /// The claim with the user's name; `email` if not given.
    #[arg(long, value_name = "CLAIM")]
    username_claim: Option<String>,
    /// The authentication that must take place.
    #[arg(long)]
    acr: Option<String>,
    /// What the provider asks people: none, login, consent, select_account.
    #[arg(long)]
    prompt: Option<String>,
    /// How long ago people may have signed in at the provider.
    #[arg(long, value_name = "DURATION")]
    max_age: Option<String>,
    /// How the secret is sent: `client_secret_basic` or `client_secret_post`.
    #[arg(long, value_name = "METHOD")]
    token_endpoint_auth_method: Option<String>,
    /// Accept people whose e-mail address the provider has not verified.
    #[arg(long)]
    allow_unverified_email: bool,
}

// === impl Oidc ===

impl Oidc {
    /// The connector, with its secret.
    pub(super) fn document(&self) -> anyhow::Result<Resource> {
        let mut spec = Spec::default();
        spec.put("issuer_url", json!(self.issuer_url));
        spec.put("client_id", json!(self.id));
        spec.put("client_secret", json!(read_secret(&self.secret_file)?.expose()));
        spec.put("redirect_url", json!(self.redirect_url));
        spec.put("scope", json!(self.scope));
        spec.put("display", json!(self.display));
        spec.put("username_claim", json!(self.username_claim));
        spec.put("acr_values", json!(self.acr));
        spec.put("prompt", json!(self.prompt));
        spec.put("max_age", json!(self.max_age));
        spec.put("token_endpoint_auth_method", json!(self.token_endpoint_auth_method));
        if self.allow_unverified_email {
            spec.put("allow_unverified_email", json!(true));
        }
        spec.put("claims_to_roles", mappings(&self.claims_to_roles, WORDS)?);
        spec.into_connector("oidc", "v3", &self.name)
    }
}

#[cfg(test)]
mod tests;
