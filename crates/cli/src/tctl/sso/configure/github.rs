//! A connector to GitHub.

use std::path::PathBuf;

use resource::Resource;
use serde_json::json;

use super::{Spec, Words, mappings, read_secret};

/// How entries of `teams_to_roles` are written.
const WORDS: Words =
    Words { name: "organization", value: "team", usage: "ORGANIZATION,TEAM,ROLE[,ROLE…]" };

#[derive(Debug, Default, clap::Args)]
pub(super) struct Github {
    /// The connector's name: what people say to `tsh login --auth`.
    #[arg(short, long, default_value = "github")]
    name: String,
    /// What GitHub calls this cluster: the client id of the OAuth app.
    #[arg(long, value_name = "CLIENT_ID")]
    id: String,
    /// The file with the client's secret, or `-` for standard input: an option would show it to everybody
    /// on this machine.
    #[arg(long, value_name = "FILE")]
    secret_file: PathBuf,
    /// Which teams give which roles: ORGANIZATION,TEAM,ROLE[,ROLE…]; several times for several.
    #[arg(short = 'r', long, required = true, value_name = "ORGANIZATION,TEAM,ROLE…")]
    teams_to_roles: Vec<String>,
    /// Where GitHub sends people back; the proxy's own address if not given.
    #[arg(long, value_name = "URL")]
    redirect_url: Option<String>,
    /// What the connector is called in sentences.
    #[arg(long)]
    display: Option<String>,
    /// A GitHub Enterprise Server; github.com if not given.
    #[arg(long, value_name = "URL")]
    endpoint_url: Option<String>,
    /// Where its API is; its usual place if not given.
    #[arg(long, value_name = "URL")]
    api_endpoint_url: Option<String>,
}

// === impl Github ===

impl Github {
    /// The connector, with its secret.
    pub(super) fn document(&self) -> anyhow::Result<Resource> {
        let mut spec = Spec::default();
        spec.put("client_id", json!(self.id));
        spec.put("client_secret", json!(read_secret(&self.secret_file)?.expose()));
        spec.put("redirect_url", json!(self.redirect_url));
        spec.put("display", json!(self.display));
        spec.put("endpoint_url", json!(self.endpoint_url));
        spec.put("api_endpoint_url", json!(self.api_endpoint_url));
        spec.put("teams_to_roles", mappings(&self.teams_to_roles, WORDS)?);
        spec.into_connector("github", "v3", &self.name)
    }
}

#[cfg(test)]
mod tests;
