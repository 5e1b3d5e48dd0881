//! `tctl apps`.

use std::process::ExitCode;

use clap::Subcommand;
use resource::{App, Kind, Resource, Secrets};

use super::args::Global;
use super::cluster::Cluster;
use super::get;
use super::tables::{self, Detail};
use crate::exit::Usage;
use crate::filter::{LabelFilter, Query, has_words};
use crate::format::Format;
use crate::run::Context;

/// Arguments of `tctl apps`.
#[derive(Debug, clap::Args)]
pub(super) struct Apps {
    #[command(subcommand)]
    command: AppsCommand,
}

#[derive(Debug, Subcommand)]
enum AppsCommand {
    /// List who serves which app: one row for each agent and app.
    ///
    /// Example: tctl apps ls --query='labels["env"] == "prod"'
    Ls(Ls),
}

#[derive(Debug, Default, clap::Args)]
struct Ls {
    /// Words that must all be found, or labels that must all be present (key=value).
    #[arg(value_name = "WORDS|LABELS", value_delimiter = ',')]
    keywords: Vec<String>,
    /// Words that must all be found in the name, the host, the description or the labels.
    #[arg(long, value_delimiter = ',', value_name = "WORDS")]
    search: Vec<String>,
    /// A predicate over labels, for example: labels["env"] == "prod"
    #[arg(long, value_name = "EXPRESSION")]
    query: Option<String>,
    /// Show labels in full, and those that the cluster sets itself.
    #[arg(short, long)]
    verbose: bool,
    /// How to print.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Which records are shown. All that is given must hold.
#[derive(Debug)]
struct Selection {
    words: Vec<String>,
    labels: LabelFilter,
    query: Option<Query>,
}

/// Does what was asked.
pub(super) async fn apps(cx: &Context, global: &Global, args: Apps) -> anyhow::Result<ExitCode> {
    let AppsCommand::Ls(args) = args.command;
    let selection = Selection::new(&args)?;
    let cluster = Cluster::open(cx, global)?;
    let mut found = cluster.client.list(Kind::AppServer, Secrets::Redact).await?.items;
    found.retain(|resource| match resource {
        Resource::AppServer(server) => selection.fits(&server.spec.app, &server.spec.hostname),
        _ => false,
    });
    if args.format == Format::Text {
        let mut apps = cluster.client.list(Kind::App, Secrets::Redact).await?.items;
        apps.retain(|resource| match resource {
            Resource::App(app) => is_unserved(app) && selection.fits(app, ""),
            _ => false,
        });
        let detail =
            Detail { now: cx.clock.now(), verbose: args.verbose, secrets: Secrets::Redact };
        let table = tables::served_and_not(&found, &apps, detail, cx.printer.width());
        cx.printer.data(&table)?;
    } else {
        get::print(&cx.printer, &found, args.format, Secrets::Redact)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// An MCP server that no agent serves. Others are not meant to be.
fn is_unserved(app: &App) -> bool {
    app.is_mcp() && app.status.as_ref().is_some_and(|status| status.servers.is_empty())
}

// === impl Selection ===

impl Selection {
    fn new(args: &Ls) -> Result<Self, Usage> {
        let (labels, words): (Vec<String>, Vec<String>) =
            args.keywords.iter().cloned().partition(|keyword| keyword.contains('='));
        Ok(Self {
            words: args.search.iter().cloned().chain(words).collect(),
            labels: LabelFilter::parse(&labels.join(",")).map_err(Usage)?,
            query: args.query.as_deref().map(Query::parse).transpose().map_err(Usage)?,
        })
    }

    fn fits(&self, app: &App, hostname: &str) -> bool {
        let labels = app.all_labels();
        let texts = [app.name(), &app.metadata.description, hostname];
        self.labels.fits(&labels)
            && has_words(&self.words, &texts, &labels)
            && self.query.as_ref().is_none_or(|query| query.holds(app.name(), &labels))
    }
}

#[cfg(test)]
mod tests;
