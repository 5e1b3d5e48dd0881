//! `tctl apply`: makes the cluster what the files of a folder say, and says beforehand what that takes.

mod difference;
mod plan;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::ExitCode;

use api::{Client, Write};
use resource::{Kind, Resource, Secrets, Source};
use serde_json::json;

use self::plan::{Plan, Removal, Step, Wanted};
use super::args::Global;
use super::cluster::Cluster;
use super::create::shown_name;
use super::input;
use super::mistakes::{self, Mistakes};
use crate::exit::{Refused, Usage};
use crate::format::Format;
use crate::run::Context;

/// Arguments of `tctl apply`.
#[derive(Debug, clap::Args)]
pub(super) struct Apply {
    /// Files, and folders of files (`.yaml`, `.yml`, `.json`); `-` is standard input.
    #[arg(short = 'f', long = "file", value_name = "PATH", num_args = 1..)]
    files: Vec<PathBuf>,
    /// The same, without the option.
    #[arg(value_name = "PATH", conflicts_with = "files")]
    paths: Vec<PathBuf>,
    /// Delete what no file speaks of, of the kinds that the files speak of or `--kinds` names.
    #[arg(long)]
    prune: bool,
    /// The kinds of which `--prune` deletes.
    #[arg(long, value_name = "KINDS", value_delimiter = ',', requires = "prune")]
    kinds: Vec<String>,
    /// `--prune` deletes only what has all of these labels.
    #[arg(long, value_name = "KEY=VALUE", value_delimiter = ',', requires = "prune")]
    labels: Vec<String>,
    /// Say what would be done, and do nothing.
    #[arg(long)]
    dry_run: bool,
    /// How to print.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Plans, tells the plan, and carries it out unless only the plan was asked for.
pub(super) async fn apply(cx: &Context, global: &Global, args: Apply) -> anyhow::Result<ExitCode> {
    let paths = if args.files.is_empty() { &args.paths } else { &args.files };
    if paths.is_empty() {
        return Err(Usage("name the files or folders to apply".to_owned()).into());
    }
    let wanted = read(&input::read_all(paths, &cx.printer)?)?;
    let removal = args.prune.then(|| removal(&args, &wanted)).transpose()?;
    if wanted.is_empty() && removal.as_ref().is_none_or(|removal| removal.kinds.is_empty()) {
        let message = "no resources found, nothing to apply";
        let hint = "to delete all of a kind with --prune, name it with --kinds";
        return Err(Refused::new(message).hint(hint).into());
    }
    let cluster = Cluster::open(cx, global)?;
    let actual = actual(&cluster.client, &wanted, removal.as_ref()).await?;
    let plan = Plan::new(wanted, actual, removal.as_ref());
    match args.format {
        Format::Text => cx.printer.data(&plan.text())?,
        Format::Json | Format::Yaml => {
            let value = json!({"dry_run": args.dry_run, "plan": plan.to_json()});
            cx.printer.value(&value, args.format)?;
        }
    }
    if !args.dry_run {
        for step in &plan.steps {
            carry_out(&cluster.client, step).await?;
            if args.format == Format::Text {
                cx.printer.data(&step.done())?;
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The resources of all sources, or all their mistakes.
fn read(sources: &[Source]) -> anyhow::Result<Vec<Wanted>> {
    let (mut wanted, mut seen, mut mistakes) = (Vec::new(), BTreeSet::new(), Vec::new());
    for source in sources {
        for document in mistakes::documents(source) {
            match document {
                Ok(parsed) => {
                    let resource = parsed.resource;
                    let (kind, name) = (resource.kind(), resource.name().to_owned());
                    if kind.is_observed() {
                        let words = "are written by the cluster's services only";
                        let message = format!("{}: {} {words}", source.name(), kind.plural());
                        return Err(Refused::new(message).into());
                    }
                    if !seen.insert((kind, name)) {
                        let what = format!("{} {:?}", kind.display_name(), shown_name(&resource));
                        let message = format!("{}: {what} was given before", source.name());
                        return Err(Refused::new(message).into());
                    }
                    wanted.push(Wanted { resource, file: source.name().to_owned() });
                }
                Err(report) => mistakes.push(report),
            }
        }
    }
    match Mistakes::all(mistakes) {
        Some(mistakes) => Err(mistakes.into()),
        None => Ok(wanted),
    }
}

fn removal(args: &Apply, wanted: &[Wanted]) -> anyhow::Result<Removal> {
    let mut kinds = BTreeSet::new();
    for text in &args.kinds {
        let kind = Kind::parse(text).map_err(|unknown| Usage(unknown.to_string()))?;
        if kind.is_observed() || kind.is_singleton() {
            return Err(Usage(format!("{} are never pruned", kind.plural())).into());
        }
        kinds.insert(kind);
    }
    if kinds.is_empty() {
        let spoken_of = wanted.iter().map(|wanted| wanted.resource.kind());
        kinds.extend(spoken_of.filter(|kind| !kind.is_singleton()));
    }
    let mut labels = Vec::new();
    for text in &args.labels {
        let Some((key, value)) = text.split_once('=') else {
            return Err(Usage(format!("{text:?} is not a label as KEY=VALUE")).into());
        };
        labels.push((resource::canonical_label_key(key).into_owned(), value.to_owned()));
    }
    Ok(Removal { kinds, labels })
}

/// What there is of the kinds that matter, with its secrets: they may be what has changed.
async fn actual(
    client: &Client,
    wanted: &[Wanted],
    removal: Option<&Removal>,
) -> Result<Vec<Resource>, api::Error> {
    let spoken_of = wanted.iter().map(|wanted| wanted.resource.kind());
    let pruned = removal.into_iter().flat_map(|removal| removal.kinds.iter().copied());
    let mut actual = Vec::new();
    for kind in spoken_of.chain(pruned).collect::<BTreeSet<_>>() {
        actual.extend(client.list(kind, secrets_of(kind)).await?.items);
    }
    Ok(actual)
}

fn secrets_of(kind: Kind) -> Secrets {
    if kind.holds_secrets() || kind == Kind::App { Secrets::Include } else { Secrets::Redact }
}

async fn carry_out(client: &Client, step: &Step) -> Result<(), api::Error> {
    match step {
        Step::Add(wanted) => client.create(&wanted.resource).await.map(drop),
        // At the revision that was planned with: who changed it since is not overwritten.
        Step::Change { wanted, .. } => client.put(&wanted.resource, Write::Update).await.map(drop),
        Step::Remove(resource) => client.delete(resource.kind(), resource.name()).await,
    }
}

#[cfg(test)]
mod tests;
