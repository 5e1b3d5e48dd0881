//! `tctl bots instances`.

use std::time::Duration;

use api::Client;
use api::wire::{BotInstance, BotInstanceQuery};
use clap::Subcommand;
use resource::bot::Bot;
use resource::{Kind, Secrets};
use serde_json::{Value, json};

use super::{show, token};
use crate::exit::Usage;
use crate::format::Format;
use crate::run::Context;
use crate::table::Table;
use crate::tctl::cluster::Cluster;
use crate::tctl::when;

#[derive(Debug, clap::Args)]
pub(super) struct Instances {
    #[command(subcommand)]
    command: InstancesCommand,
}

#[derive(Debug, Subcommand)]
enum InstancesCommand {
    /// Make another token with which the bot joins once.
    Add(Add),
    /// List the places where bots run.
    Ls(Ls),
    /// Show one place where a bot runs.
    ///
    /// Example: tctl bots instances show ci/0a1b2c3d-…
    Show(Show),
    /// End places where a bot runs: what is open there ends at once, and nothing is renewed.
    ///
    /// Example: tctl bots instances rm ci/0a1b2c3d-…
    #[command(alias = "del")]
    Rm(Rm),
}

#[derive(Debug, clap::Args)]
struct Add {
    /// The bot's name.
    name: String,
    /// How long the token works.
    #[arg(long, value_name = "DURATION", default_value = "1h", value_parser = when::parse_ttl)]
    ttl: Duration,
    /// How to print.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Debug, clap::Args)]
struct Ls {
    /// Only those of this bot.
    name: Option<String>,
    /// How to print.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Debug, clap::Args)]
struct Show {
    /// The place: BOT/INSTANCE-ID.
    #[arg(value_parser = Place::parse)]
    place: Place,
    /// How to print.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Debug, clap::Args)]
struct Rm {
    /// The places: BOT/INSTANCE-ID, with commas between them.
    #[arg(value_name = "PLACE", required = true, value_delimiter = ',', value_parser = Place::parse)]
    places: Vec<Place>,
}

/// One place where a bot runs, as it is typed.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    bot: String,
    id: String,
}

/// Does what was asked.
pub(super) async fn instances(
    cx: &Context,
    cluster: &Cluster,
    args: Instances,
) -> anyhow::Result<()> {
    let client = &cluster.client;
    match args.command {
        InstancesCommand::Add(Add { name, ttl, format }) => {
            let bot = Bot::try_from(client.get(Kind::Bot, &name, Secrets::Redact).await?)?;
            let token = token(cx, client, bot.name(), ttl).await?;
            show(cx, cluster, &bot, &token, Some(ttl), format).await
        }
        InstancesCommand::Ls(args) => list(cx, client, args).await,
        InstancesCommand::Show(Show { place, format }) => {
            let found = client.bot_instance(&place.bot, &place.id).await?;
            match format {
                Format::Text => Ok(cx.printer.data(&lines(&found))?),
                format => Ok(cx.printer.value(&value(&found), format)?),
            }
        }
        InstancesCommand::Rm(Rm { places }) => {
            for Place { bot, id } in places {
                client.remove_bot_instance(&bot, &id).await?;
                cx.printer
                    .data(&format!("Bot instance {bot}/{id} has been deleted, and is locked"))?;
            }
            Ok(())
        }
    }
}

async fn list(cx: &Context, client: &Client, args: Ls) -> anyhow::Result<()> {
    let query = BotInstanceQuery { bot: args.name };
    let mut found = client.bot_instances(&query).await?.instances;
    found.sort_by(|a, b| (&a.bot_name, a.last_seen).cmp(&(&b.bot_name, b.last_seen)));
    if args.format != Format::Text {
        let all: Vec<Value> = found.iter().map(value).collect();
        return Ok(cx.printer.value(&all.into(), args.format)?);
    }
    if found.is_empty() {
        return Ok(cx.printer.data("No bot instances found.")?);
    }
    let columns = [
        "Bot",
        "Instance ID",
        "Joined By",
        "First Seen",
        "Last Seen",
        "Generation",
        "Address",
        "Version",
    ];
    let mut table = Table::new(&columns).elastic("Joined By");
    for one in &found {
        table.row(cells(one));
    }
    Ok(cx.printer.data(&table.render(cx.printer.width()))?)
}

fn cells(one: &BotInstance) -> Vec<String> {
    let time =
        |time: Option<time::OffsetDateTime>| time.map(when::to_the_second).unwrap_or_default();
    vec![
        one.bot_name.clone(),
        one.instance_id.clone(),
        joined_by(one),
        time(one.first_seen),
        time(one.last_seen),
        one.generation.map_or_else(|| "-".to_owned(), |count| count.to_string()),
        one.address.clone().unwrap_or_default(),
        one.version.clone().unwrap_or_default(),
    ]
}

/// `github, ci-github`: how, and by which token.
fn joined_by(one: &BotInstance) -> String {
    let parts = [&one.join_method, &one.join_token];
    parts.into_iter().flatten().cloned().collect::<Vec<_>>().join(", ")
}

fn lines(one: &BotInstance) -> String {
    let names = [
        "Bot",
        "Instance ID",
        "Joined by",
        "First seen",
        "Last seen",
        "Generation",
        "Address",
        "Version",
    ];
    let mut lines: Vec<String> =
        names.iter().zip(cells(one)).map(|(name, cell)| format!("{name:<12} {cell}")).collect();
    lines.push(format!("{:<12} {}", "Expires", when::to_the_second(one.expires)));
    lines.push(format!(
        "\nTo end it:    tctl bots instances rm {}/{}",
        one.bot_name, one.instance_id
    ));
    lines.join("\n")
}

fn value(one: &BotInstance) -> Value {
    let time = |time: Option<time::OffsetDateTime>| time.map(resource::timestamp::format);
    json!({
        "bot_name": one.bot_name,
        "instance_id": one.instance_id,
        "join_method": one.join_method,
        "join_token": one.join_token,
        "first_seen": time(one.first_seen),
        "last_seen": time(one.last_seen),
        "generation": one.generation,
        "address": one.address,
        "version": one.version,
        "expires": resource::timestamp::format(one.expires),
    })
}

// === impl Place ===

impl Place {
    fn parse(text: &str) -> Result<Self, Usage> {
        match text.trim().rsplit_once('/') {
            Some((bot, id)) if !bot.is_empty() && !id.is_empty() => {
                Ok(Self { bot: bot.to_owned(), id: id.to_owned() })
            }
            _ => Err(Usage(
                "expected BOT/INSTANCE-ID, as `tctl bots instances ls` shows both".to_owned(),
            )),
        }
    }
}

#[cfg(test)]
mod tests;
