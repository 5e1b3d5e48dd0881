//! `tctl bots`.

mod instances;

use std::process::ExitCode;
use std::time::Duration;

use api::{Client, ErrorKind, Write};
use clap::Subcommand;
use resource::bot::Bot;
use resource::{JoinRole, Kind, Secrets, Token};
use serde_json::json;

use super::args::Global;
use super::cluster::Cluster;
use super::tables::{self, Detail};
use super::{get, tokens, when};
use crate::exit::Usage;
use crate::format::Format;
use crate::run::Context;

/// How often an update is tried again when somebody else writes the same bot.
const MAX_RETRIES: usize = 4;

/// Arguments of `tctl bots`.
#[derive(Debug, clap::Args)]
pub(super) struct Bots {
    #[command(subcommand)]
    command: BotsCommand,
}

#[derive(Debug, Subcommand)]
enum BotsCommand {
    /// Make a bot, and a token with which it joins once.
    ///
    /// Example: tctl bots add ci --roles=reader
    Add(Add),
    /// Give a bot other roles.
    ///
    /// Example: tctl bots update ci --add-roles=writer
    Update(Update),
    /// List bots.
    Ls(Ls),
    /// Delete bots: what they have open ends at once.
    #[command(alias = "del")]
    Rm(Rm),
    /// The places where a bot runs.
    Instances(instances::Instances),
}

#[derive(Debug, clap::Args)]
struct Add {
    /// The bot's name.
    name: String,
    /// The bot's roles; each must exist.
    #[arg(long, required = true, value_delimiter = ',', value_name = "ROLES")]
    roles: Vec<String>,
    /// Values of the trait "logins".
    #[arg(long, value_delimiter = ',', value_name = "LOGINS")]
    logins: Vec<String>,
    /// A token for the bot that exists already, instead of a new one.
    #[arg(long, value_name = "TOKEN", conflicts_with = "ttl")]
    token: Option<String>,
    /// How long the new token works.
    #[arg(long, value_name = "DURATION", default_value = "1h", value_parser = when::parse_ttl)]
    ttl: Duration,
    /// How to print.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Debug, clap::Args)]
struct Update {
    /// The bot's name.
    name: String,
    /// Roles that the bot has besides from now on.
    #[arg(long, value_delimiter = ',', value_name = "ROLES")]
    add_roles: Option<Vec<String>>,
    /// The roles that the bot has from now on.
    #[arg(long, value_delimiter = ',', value_name = "ROLES")]
    set_roles: Option<Vec<String>>,
}

#[derive(Debug, clap::Args)]
struct Ls {
    /// How to print.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Debug, clap::Args)]
struct Rm {
    /// The names, with commas between them.
    #[arg(value_name = "NAME", required = true, value_delimiter = ',')]
    names: Vec<String>,
}

/// Does what was asked.
pub(super) async fn bots(cx: &Context, global: &Global, args: Bots) -> anyhow::Result<ExitCode> {
    if let BotsCommand::Update(Update { add_roles: None, set_roles: None, .. }) = &args.command {
        return Err(Usage("nothing to update: give --add-roles or --set-roles".to_owned()).into());
    }
    let cluster = Cluster::open(cx, global)?;
    match args.command {
        BotsCommand::Add(args) => add(cx, &cluster, args).await?,
        BotsCommand::Update(args) => update(cx, &cluster.client, args).await?,
        BotsCommand::Ls(args) => list(cx, &cluster.client, args).await?,
        BotsCommand::Rm(args) => {
            for name in args.names {
                cluster.client.delete(Kind::Bot, &name).await?;
                cx.printer.data(&format!("Bot {name:?} has been deleted"))?;
            }
        }
        BotsCommand::Instances(args) => instances::instances(cx, &cluster, args).await?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn add(cx: &Context, cluster: &Cluster, args: Add) -> anyhow::Result<()> {
    let Add { name, roles, logins, token: given, ttl, format } = args;
    if !logins.is_empty() {
        cx.printer.talk("NOTE: no MCP server has logins; --logins is a trait like others here.");
    }
    let mut bot = Bot::new(&name, roles);
    if !logins.is_empty() {
        bot.spec.traits.insert("logins".to_owned(), logins);
    }
    cluster.client.create(&bot.clone().into()).await?;
    if format == Format::Text {
        cx.printer.data(&Kind::Bot.created(&name))?;
    }
    let (token, ttl) = match given {
        Some(token) => (token, None),
        None => {
            let made = token(cx, &cluster.client, &name, ttl).await.map_err(|error| {
                error.context(format!(
                    "the bot is there, without a token: `tctl bots instances add {name}` makes one"
                ))
            })?;
            (made, Some(ttl))
        }
    };
    show(cx, cluster, &bot, &token, ttl, format).await
}

async fn token(cx: &Context, client: &Client, bot: &str, ttl: Duration) -> anyhow::Result<String> {
    let mut token = Token::new(tokens::random(), [JoinRole::Bot]);
    token.spec.bot_name = Some(bot.to_owned());
    token.metadata.expires = Some(when::after(cx.clock.now(), ttl)?);
    client.create(&token.clone().into()).await?;
    Ok(token.metadata.name)
}

async fn show(
    cx: &Context,
    cluster: &Cluster,
    bot: &Bot,
    token: &str,
    ttl: Option<Duration>,
    format: Format,
) -> anyhow::Result<()> {
    if format != Format::Text {
        let value = json!({
            "bot_name": bot.name(),
            "user_name": bot.user_name(),
            "roles": bot.spec.roles,
            "token_id": token,
            "token_ttl": ttl.map(|ttl| ttl.as_secs()),
        });
        return Ok(cx.printer.value(&value, format)?);
    }
    let pins = cluster.client.status().await?.ca_pins;
    let proxy = match &cluster.proxy {
        Some(proxy) => Some(proxy.clone()),
        None => super::sign::public_proxy(&cluster.client).await,
    };
    let proxy = proxy.unwrap_or_else(|| "HOST:PORT-OF-THE-PROXY".to_owned());
    let pins: Vec<String> = pins.iter().map(|pin| format!("  - {pin}\n")).collect();
    let validity = ttl.map_or_else(String::new, |ttl| {
        format!("The token works once, within {}.\n", resource::duration::format(ttl))
    });
    cx.printer.data(&format!(
        "The bot token: {token}\n{validity}\nWrite this to tbot.yaml on the machine of the bot:\n\n\
         version: v2\nproxy_server: {proxy}\nonboarding:\n  join_method: token\n  token: {token}\n  \
         ca_pins:\n{}storage:\n  type: directory\n  path: /var/lib/tessera/bot\nservices:\n- type: \
         identity\n  destination:\n    type: directory\n    path: /opt/machine-id\n\nand run there:\n\n\
         > tbot start -c tbot.yaml\n\nPrograms then use /opt/machine-id/identity:\n\n\
         > tsh mcp connect -i /opt/machine-id/identity --proxy {proxy} APP",
        pins.concat()
    ))?;
    Ok(())
}

async fn update(cx: &Context, client: &Client, args: Update) -> anyhow::Result<()> {
    let mut tries = 0;
    let bot = loop {
        let mut bot = Bot::try_from(client.get(Kind::Bot, &args.name, Secrets::Redact).await?)?;
        if let Some(roles) = &args.set_roles {
            bot.spec.roles = non_empty(roles);
        }
        for role in args.add_roles.iter().flat_map(|roles| non_empty(roles)) {
            if !bot.spec.roles.contains(&role) {
                bot.spec.roles.push(role);
            }
        }
        match client.put(&bot.clone().into(), Write::Update).await {
            Err(error) if error.kind() == ErrorKind::Conflict && tries < MAX_RETRIES => tries += 1,
            Err(error) => return Err(error.into()),
            Ok(_written) => break bot,
        }
    };
    let roles = bot.spec.roles.join(", ");
    Ok(cx.printer.data(&format!("{}\n  roles: {roles}", Kind::Bot.updated(bot.name())))?)
}

async fn list(cx: &Context, client: &Client, args: Ls) -> anyhow::Result<()> {
    let found = client.list(Kind::Bot, Secrets::Redact).await?.items;
    if args.format != Format::Text {
        return get::print(&cx.printer, &found, args.format, Secrets::Redact);
    }
    if found.is_empty() {
        return Ok(cx.printer.data("No bots found.")?);
    }
    let detail = Detail { now: cx.clock.now(), verbose: false, secrets: Secrets::Redact };
    Ok(cx.printer.data(&tables::text(Kind::Bot, &found, detail, cx.printer.width()))?)
}

fn non_empty(list: &[String]) -> Vec<String> {
    list.iter().map(|item| item.trim().to_owned()).filter(|item| !item.is_empty()).collect()
}
