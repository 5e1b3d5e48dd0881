//! `tctl policy diff`: who gains and who loses what by an edit of roles, before it is made.
//!
//! Names are decided by the engine, before and after: those that roles spell out, the tools that servers were
//! last seen to offer, what was last used, and what the command line adds. Beyond them the patterns are
//! compared as they are written.

mod compare;
mod show;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use self::compare::{Edited, Names, compare};
use super::explain::roles_of;
use super::live;
use super::seen::Seen;
use crate::exit::Refused;
use crate::format::Format;
use crate::run::Context;
use crate::tctl::args::Global;
use crate::tctl::cluster::Cluster;

/// Arguments of `tctl policy diff`.
#[derive(Debug, clap::Args)]
pub(super) struct Diff {
    /// Files of roles as they are to be.
    #[arg(short, long = "file", value_name = "FILE", required = true, num_args = 1..)]
    files: Vec<PathBuf>,
    /// Tools to decide about, beside those that roles name and those that were last seen or used.
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    tools: Vec<String>,
    /// How to print.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Previews an edit.
pub(super) async fn diff(cx: &Context, global: &Global, args: Diff) -> anyhow::Result<ExitCode> {
    let edited = roles_of(&args.files)?;
    let cluster = Cluster::open(cx, global)?;
    let client = &cluster.client;
    let before = live::roles(client).await?;
    let mut after = before.clone();
    let mut names = BTreeSet::new();
    for role in edited {
        let name = role.name().to_owned();
        if !names.insert(name.clone()) {
            return Err(Refused::new(format!("two of the roles are named {name:?}")).into());
        }
        after.insert(name, Arc::new(role));
    }
    let (users, apps) = (live::users(client).await?, live::apps(client).await?);
    let edited = Edited { names: &names, before: &before, after: &after };
    let seen = Seen::lately(client).await?;
    if seen.is_none() {
        cx.printer.talk(
            "You may not read the audit log, so names that were last used are not looked at; \
             --tools names some.",
        );
    }
    let mut seen = seen.unwrap_or_default();
    if !seen.add_offered(client).await? {
        cx.printer.talk(
            "You may change neither apps nor roles, so the tools that servers were last seen to offer \
             are not looked at; --tools names some.",
        );
    }
    let difference = compare(&edited, &users, &apps, &Names { asked: &args.tools, seen: &seen });
    match args.format {
        Format::Text => cx.printer.data(&show::text(&difference, &edited))?,
        Format::Json | Format::Yaml => {
            cx.printer.value(&show::to_json(&difference, &edited), args.format)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests;
