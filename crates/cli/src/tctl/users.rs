//! `tctl users`.

mod invite;

use std::process::ExitCode;
use std::time::Duration;

use api::wire::InvitePurpose;
use api::{Client, ErrorKind, Write};
use clap::Subcommand;
use resource::{Kind, Secrets, User};

use super::args::Global;
use super::cluster::Cluster;
use super::tables::{self, Detail};
use super::{get, when};
use crate::exit::{Refused, Usage};
use crate::format::Format;
use crate::run::Context;

/// The trait that holds login names.
const LOGINS: &str = "logins";
/// How often an update is tried again when somebody else writes the same user.
const MAX_RETRIES: usize = 4;

/// Arguments of `tctl users`.
#[derive(Debug, clap::Args)]
pub(super) struct Users {
    #[command(subcommand)]
    command: UsersCommand,
}

#[derive(Debug, Subcommand)]
enum UsersCommand {
    /// Add a user and print the link by which the user sets a password and a second factor.
    ///
    /// Example: tctl users add alice --roles=developer
    Add(Add),
    /// Give a user other roles.
    ///
    /// Example: tctl users update alice --set-roles=developer,auditor
    Update(Update),
    /// List users.
    Ls(Ls),
    /// Delete users.
    ///
    /// Example: tctl users rm alice,bob
    #[command(alias = "del")]
    Rm(Rm),
    /// Take a user's credentials away and print the link by which the user sets new ones.
    Reset(Reset),
}

#[derive(Debug, clap::Args)]
struct Add {
    /// The user's name.
    name: String,
    /// The user's roles; each must exist.
    #[arg(long, required = true, value_delimiter = ',', value_name = "ROLES")]
    roles: Vec<String>,
    /// Values of the trait "logins".
    #[arg(long, value_delimiter = ',', value_name = "LOGINS")]
    logins: Vec<String>,
    /// How long the link works, at most 48h [default: 1h].
    #[arg(long, value_name = "DURATION", value_parser = when::parse_ttl)]
    ttl: Option<Duration>,
    /// How to print.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Debug, clap::Args)]
struct Update {
    /// The user's name.
    name: String,
    /// The roles that the user has from now on; each must exist.
    #[arg(long, value_delimiter = ',', value_name = "ROLES")]
    set_roles: Option<Vec<String>>,
    /// The values that the trait "logins" has from now on.
    #[arg(long, value_delimiter = ',', value_name = "LOGINS")]
    set_logins: Option<Vec<String>>,
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

#[derive(Debug, clap::Args)]
struct Reset {
    /// The user's name.
    name: String,
    /// How long the link works, at most 24h [default: 8h].
    #[arg(long, value_name = "DURATION", value_parser = when::parse_ttl)]
    ttl: Option<Duration>,
    /// How to print.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Does what was asked.
pub(super) async fn users(cx: &Context, global: &Global, args: Users) -> anyhow::Result<ExitCode> {
    if let UsersCommand::Update(update) = &args.command {
        update.check()?;
    }
    let cluster = Cluster::open(cx, global)?;
    let client = &cluster.client;
    match args.command {
        UsersCommand::Add(args) => add(cx, client, args).await?,
        UsersCommand::Update(args) => update(cx, client, args).await?,
        UsersCommand::Ls(args) => list(cx, client, args).await?,
        UsersCommand::Rm(args) => remove(cx, client, args).await?,
        UsersCommand::Reset(args) => {
            let wish = invite::Wish { purpose: InvitePurpose::Reset, ttl: args.ttl };
            let link = invite::create(client, &args.name, wish).await?;
            invite::print(cx, &link, wish.purpose, args.format)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn add(cx: &Context, client: &Client, args: Add) -> anyhow::Result<()> {
    let Add { name, roles, logins, ttl, format } = args;
    let mut user = User::new(&name, non_empty(roles));
    set_logins(&mut user, logins);
    client.create(&user.into()).await.map_err(|error| exists_already(error, &name))?;
    let wish = invite::Wish { purpose: InvitePurpose::Invite, ttl };
    let link = invite::create(client, &name, wish).await.map_err(|error| {
        // The user is there; trying the same again would say only that.
        error.hint(format!(
            "user {name:?} has been created without a link; `tctl users reset {name}` makes one"
        ))
    })?;
    invite::print(cx, &link, wish.purpose, format)
}

fn exists_already(error: api::Error, name: &str) -> anyhow::Error {
    if error.kind() != ErrorKind::AlreadyExists {
        return error.into();
    }
    Refused::new(error.message())
        .hint(format!("`tctl users update {name} --set-roles=…` gives the user other roles"))
        .hint(format!("`tctl users reset {name}` makes a new link"))
        .into()
}

async fn update(cx: &Context, client: &Client, args: Update) -> anyhow::Result<()> {
    let mut tries = 0;
    let user = loop {
        let found = client.get(Kind::User, &args.name, Secrets::Redact).await?;
        let mut user = User::try_from(found)?;
        args.apply(&mut user);
        match client.put(&user.clone().into(), Write::Update).await {
            // Only the lists that were asked for are replaced, so the other change is kept.
            Err(error) if error.kind() == ErrorKind::Conflict && tries < MAX_RETRIES => tries += 1,
            Err(error) => return Err(error.into()),
            Ok(_written) => break user,
        }
    };
    let mut lines = vec![Kind::User.updated(user.name())];
    if args.set_roles.is_some() {
        lines.push(format!("  roles: {}", user.spec.roles.join(", ")));
    }
    if args.set_logins.is_some() {
        let logins = user.spec.traits.get(LOGINS).map(|logins| logins.join(", "));
        lines.push(format!("  logins: {}", logins.unwrap_or_default()));
    }
    Ok(cx.printer.data(&lines.join("\n"))?)
}

async fn list(cx: &Context, client: &Client, args: Ls) -> anyhow::Result<()> {
    let found = client.list(Kind::User, Secrets::Redact).await?.items;
    if args.format != Format::Text {
        return get::print(&cx.printer, &found, args.format, Secrets::Redact);
    }
    if found.is_empty() {
        return Ok(cx.printer.data("No users found.")?);
    }
    let detail = Detail { now: cx.clock.now(), verbose: false, secrets: Secrets::Redact };
    Ok(cx.printer.data(&tables::text(Kind::User, &found, detail, cx.printer.width()))?)
}

async fn remove(cx: &Context, client: &Client, args: Rm) -> anyhow::Result<()> {
    for name in args.names {
        client.delete(Kind::User, &name).await?;
        cx.printer.data(&format!("User '{name}' has been deleted"))?;
    }
    Ok(())
}

/// `--set-logins=` is an empty list, not a list of an empty name.
fn non_empty(list: Vec<String>) -> Vec<String> {
    list.into_iter().map(|item| item.trim().to_owned()).filter(|item| !item.is_empty()).collect()
}

fn set_logins(user: &mut User, logins: Vec<String>) {
    let logins = non_empty(logins);
    if logins.is_empty() {
        user.spec.traits.remove(LOGINS);
    } else {
        user.spec.traits.insert(LOGINS.to_owned(), logins);
    }
}

// === impl Update ===

impl Update {
    fn check(&self) -> Result<(), Usage> {
        if self.set_roles.is_none() && self.set_logins.is_none() {
            let what = "nothing to update: give --set-roles or --set-logins";
            return Err(Usage(what.to_owned()));
        }
        Ok(())
    }

    fn apply(&self, user: &mut User) {
        if let Some(roles) = &self.set_roles {
            user.spec.roles = non_empty(roles.clone());
        }
        if let Some(logins) = &self.set_logins {
            set_logins(user, logins.clone());
        }
    }
}

#[cfg(test)]
mod tests;
