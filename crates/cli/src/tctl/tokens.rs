//! `tctl tokens`.

mod instructions;

use std::process::ExitCode;
use std::time::Duration;

use api::{Client, ErrorKind};
use clap::Subcommand;
use resource::token::MAX_USES;
use resource::{JoinRole, Kind, Resource, Secrets, Token};
use serde_json::{Value, json};

use self::instructions::{App, Instructions};
use super::args::Global;
use super::cluster::Cluster;
use super::tables::{self, Detail};
use super::{get, when};
use crate::exit::{Refused, Usage};
use crate::filter::LabelFilter;
use crate::format::Format;
use crate::run::Context;

/// Arguments of `tctl tokens`.
#[derive(Debug, clap::Args)]
pub(super) struct Tokens {
    #[command(subcommand)]
    command: TokensCommand,
}

#[derive(Debug, Subcommand)]
enum TokensCommand {
    /// Make a token with which services join the cluster, and say how.
    ///
    /// Example: tctl tokens add --type=app
    Add(Add),
    /// List tokens.
    Ls(Ls),
    /// Delete tokens.
    #[command(alias = "del")]
    Rm(Rm),
}

#[derive(Debug, clap::Args)]
struct Add {
    /// The services that may join with the token: app, proxy; or trusted_cluster, for another cluster.
    #[arg(
        long = "type", alias = "roles", required = true, value_delimiter = ',',
        value_name = "SERVICES", value_parser = parse_service
    )]
    services: Vec<JoinRole>,
    /// How long the token works.
    #[arg(long, value_name = "DURATION", default_value = "30m", value_parser = when::parse_ttl)]
    ttl: Duration,
    /// How many may join with the token; as many as come if not given.
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=i64::from(MAX_USES)))]
    uses: Option<u32>,
    /// The token itself, instead of a random one.
    #[arg(long, value_name = "TOKEN")]
    value: Option<String>,
    /// Labels of the token: key=value,key=value
    #[arg(long, value_name = "LABELS")]
    labels: Option<String>,
    /// An app for the configuration that is shown.
    #[arg(long, value_name = "NAME", requires = "app_uri")]
    app_name: Option<String>,
    /// Where that app is reached.
    #[arg(long, value_name = "URI", requires = "app_name")]
    app_uri: Option<String>,
    /// Print only the token (text), or what was made of it.
    #[arg(long, value_enum)]
    format: Option<Format>,
}

#[derive(Debug, clap::Args)]
struct Ls {
    /// Labels that must all be present: key=value,key=value
    #[arg(long, value_name = "LABELS")]
    labels: Option<String>,
    /// Print the tokens themselves.
    #[arg(long)]
    with_secrets: bool,
    /// How to print; a table if not given, the bare tokens as text.
    #[arg(long, value_enum)]
    format: Option<Format>,
}

#[derive(Debug, clap::Args)]
struct Rm {
    /// The tokens, with commas between them.
    #[arg(value_name = "TOKEN", required = true, value_delimiter = ',')]
    tokens: Vec<String>,
}

/// Does what was asked.
pub(super) async fn tokens(
    cx: &Context,
    global: &Global,
    args: Tokens,
) -> anyhow::Result<ExitCode> {
    match args.command {
        TokensCommand::Add(args) => add(cx, global, args).await?,
        TokensCommand::Ls(args) => list(cx, global, args).await?,
        TokensCommand::Rm(args) => remove(cx, global, args).await?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn add(cx: &Context, global: &Global, args: Add) -> anyhow::Result<()> {
    let labels = args.labels.as_deref().map(LabelFilter::parse).transpose().map_err(Usage)?;
    if args.services.len() > 1 && args.services.contains(&JoinRole::TrustedCluster) {
        return Err(
            Usage("a token is for services or for trusted_cluster, not for both".into()).into()
        );
    }
    let mut token = Token::new(args.value.unwrap_or_else(random), args.services);
    token.metadata.labels = labels.map(LabelFilter::into_labels).unwrap_or_default();
    token.metadata.expires = Some(when::after(cx.clock.now(), args.ttl)?);
    token.spec.uses = args.uses;
    let cluster = Cluster::open(cx, global)?;
    let client = &cluster.client;
    let Some(format) = args.format else {
        let app = args.app_name.zip(args.app_uri).map(|(name, uri)| App { name, uri });
        // Nothing is made that could not be told how to use.
        let found = Instructions::gather(&cluster, global.auth_server(), &token, app).await?;
        create(client, &token).await?;
        return Ok(cx.printer.data(&found.text(&token, args.ttl))?);
    };
    create(client, &token).await?;
    match format {
        Format::Text => cx.printer.data(&token.metadata.name)?,
        Format::Json | Format::Yaml => cx.printer.value(&value(&token), format)?,
    }
    Ok(())
}

async fn create(client: &Client, token: &Token) -> anyhow::Result<()> {
    match client.create(&token.clone().into()).await {
        Ok(_created) => Ok(()),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            let exists = Kind::Token.already_exists(&token.masked_name());
            let message = format!("failed to create token ({exists}), please use another name");
            Err(Refused::new(message).into())
        }
        Err(error) => Err(error.into()),
    }
}

fn value(token: &Token) -> Value {
    let services: Vec<&str> = token.spec.roles.iter().map(JoinRole::as_str).collect();
    let mut value = json!({
        "token": token.metadata.name,
        "roles": services,
        "expires": token.metadata.expires.map(resource::timestamp::format),
    });
    if let (Some(uses), Some(fields)) = (token.spec.uses, value.as_object_mut()) {
        fields.insert("uses".to_owned(), uses.into());
    }
    value
}

async fn list(cx: &Context, global: &Global, args: Ls) -> anyhow::Result<()> {
    let labels = args.labels.as_deref().map(LabelFilter::parse).transpose().map_err(Usage)?;
    let labels = labels.unwrap_or_default();
    let secrets = if args.with_secrets { Secrets::Include } else { Secrets::Redact };
    let cluster = Cluster::open(cx, global)?;
    let mut found = cluster.client.list(Kind::Token, secrets).await?.items;
    found.retain(|token| labels.fits(&token.metadata().labels));
    match args.format {
        Some(format @ (Format::Json | Format::Yaml)) => {
            get::print(&cx.printer, &found, format, secrets)?;
        }
        None | Some(Format::Text) if found.is_empty() => {
            cx.printer.data("No active tokens found.")?;
        }
        Some(Format::Text) => cx.printer.data(&names(&found).join("\n"))?,
        None => {
            let detail = Detail { now: cx.clock.now(), verbose: false, secrets };
            cx.printer.data(&tables::text(Kind::Token, &found, detail, cx.printer.width()))?;
        }
    }
    Ok(())
}

fn names(found: &[Resource]) -> Vec<&str> {
    found.iter().map(Resource::name).collect()
}

async fn remove(cx: &Context, global: &Global, args: Rm) -> anyhow::Result<()> {
    let cluster = Cluster::open(cx, global)?;
    for token in args.tokens {
        cluster.client.delete(Kind::Token, &token).await?;
        cx.printer.data(&format!("Token {token} has been deleted"))?;
    }
    Ok(())
}

/// 128 bits that nobody guesses.
pub(super) fn random() -> String {
    format!("{:032x}", rand::random::<u128>())
}

fn parse_service(text: &str) -> Result<JoinRole, String> {
    match JoinRole::parse(text) {
        Some(service @ (JoinRole::App | JoinRole::Proxy | JoinRole::TrustedCluster)) => Ok(service),
        Some(JoinRole::Auth | JoinRole::Bot | JoinRole::Other(_)) | None => {
            Err("services join as app or proxy, clusters as trusted_cluster (and bots by `tctl bots add`)"
                .to_owned())
        }
    }
}

#[cfg(test)]
mod tests;
