//! `tctl sso configure`: a connector from options, printed as a document.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Subcommand;
use resource::{Resource, Secret, Secrets};
use serde_json::{Map, Value, json};

use crate::exit::Usage;
use crate::run::Context;

#[derive(Debug, clap::Args)]
pub(super) struct Configure {
    #[command(subcommand)]
    command: ConfigureCommand,
}

#[derive(Debug, Subcommand)]
enum ConfigureCommand {
    /// A connector to an OpenID Connect provider.
    Oidc(Box<Oidc>),
}

#[derive(Debug, Default, clap::Args)]
struct Oidc {
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

/// Prints the connector, with its secret: it is to be created.
pub(super) fn configure(cx: &Context, args: Configure) -> anyhow::Result<ExitCode> {
    let ConfigureCommand::Oidc(oidc) = args.command;
    let secret = read_secret(&oidc.secret_file)?;
    let connector = document(&oidc, &secret)?;
    cx.printer.data(connector.to_yaml(Secrets::Include).trim_end())?;
    Ok(ExitCode::SUCCESS)
}

fn document(oidc: &Oidc, secret: &Secret<String>) -> anyhow::Result<Resource> {
    let mut spec = Map::new();
    let mut put = |name: &str, value: Value| {
        let is_empty = value.is_null() || value.as_array().is_some_and(Vec::is_empty);
        if !is_empty {
            spec.insert(name.to_owned(), value);
        }
    };
    put("issuer_url", json!(oidc.issuer_url));
    put("client_id", json!(oidc.id));
    put("client_secret", json!(secret.expose()));
    put("redirect_url", json!(oidc.redirect_url));
    put("scope", json!(oidc.scope));
    put("display", json!(oidc.display));
    put("username_claim", json!(oidc.username_claim));
    put("acr_values", json!(oidc.acr));
    put("prompt", json!(oidc.prompt));
    put("max_age", json!(oidc.max_age));
    put("token_endpoint_auth_method", json!(oidc.token_endpoint_auth_method));
    if oidc.allow_unverified_email {
        put("allow_unverified_email", json!(true));
    }
    let mappings = oidc.claims_to_roles.iter().map(|text| mapping(text));
    put("claims_to_roles", mappings.collect::<Result<Vec<_>, _>>()?.into());
    let document = json!({
        "kind": "oidc", "version": "v3", "metadata": {"name": oidc.name}, "spec": spec,
    });
    // Read as a cluster would: what cannot be created is not printed.
    Resource::from_json(document.to_string().as_bytes()).map_err(|report| {
        let problems: Vec<String> = report.problems().iter().map(ToString::to_string).collect();
        Usage(problems.join("; ")).into()
    })
}

fn mapping(text: &str) -> Result<Value, Usage> {
    let mut parts = text.split(',').map(str::trim);
    let (claim, value) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let roles: Vec<&str> = parts.collect();
    if claim.is_empty()
        || value.is_empty()
        || roles.is_empty()
        || roles.iter().any(|role| role.is_empty())
    {
        return Err(Usage(format!("{text:?} is not CLAIM,VALUE,ROLE[,ROLE…]")));
    }
    Ok(json!({"claim": claim, "value": value, "roles": roles}))
}

fn read_secret(path: &Path) -> anyhow::Result<Secret<String>> {
    let text = if path == Path::new("-") {
        std::io::read_to_string(std::io::stdin()).context("cannot read standard input")?
    } else {
        std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?
    };
    Ok(Secret::new(text.trim_end_matches(['\r', '\n']).to_owned()))
}

#[cfg(test)]
mod tests;
