//! `tctl get`.

use std::process::ExitCode;

use api::Client;
use resource::{Kind, Resource, Secrets};
use serde_json::Value;

use super::args::Global;
use super::cluster::Cluster;
use super::reference::{ALL_KINDS, Reference};
use super::tables::{self, Detail};
use crate::exit::Usage;
use crate::format::Format;
use crate::printer::Printer;
use crate::run::Context;

/// Arguments of `tctl get`.
#[derive(Debug, clap::Args)]
pub(super) struct Get {
    /// What to print: KIND, KIND/NAME, several with commas between them, or `all`.
    #[arg(value_name = "KIND[/NAME]", required = true, value_delimiter = ',')]
    references: Vec<String>,
    /// How to print; yaml and json are what `tctl create -f` reads.
    #[arg(long, value_enum, default_value_t = Format::Yaml)]
    format: Format,
    /// Print what is secret: join tokens, private keys. `all` does.
    #[arg(long)]
    with_secrets: bool,
    /// Show labels in full, and those that the cluster sets itself.
    #[arg(short, long)]
    verbose: bool,
    /// There is one namespace.
    #[arg(long, hide = true)]
    namespace: Option<String>,
}

/// Prints resources.
pub(super) async fn get(cx: &Context, global: &Global, args: Get) -> anyhow::Result<ExitCode> {
    let Get { references, format, with_secrets, verbose, namespace: _ } = args;
    let references =
        references.iter().map(|text| Reference::parse(text)).collect::<Result<Vec<_>, _>>()?;
    let kind = only_kind(&references);
    if format == Format::Text && kind.is_none() {
        return Err(Usage("several kinds at once can be printed as yaml or json".to_owned()).into());
    }
    let everything = references.contains(&Reference::All);
    let secrets = if with_secrets || everything { Secrets::Include } else { Secrets::Redact };
    let cluster = Cluster::open(cx, global)?;
    let mut found = Vec::new();
    for reference in references {
        found.extend(read(&cluster.client, reference, secrets).await?);
    }
    match (format, kind) {
        (Format::Text, Some(kind)) => {
            let detail = Detail { now: cx.clock.now(), verbose, secrets };
            cx.printer.data(&tables::text(kind, &found, detail, cx.printer.width()))?;
        }
        _ => print(&cx.printer, &found, format, secrets)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Prints resources so that they can be created again.
pub(super) fn print(
    printer: &Printer,
    found: &[Resource],
    format: Format,
    secrets: Secrets,
) -> anyhow::Result<()> {
    match format {
        Format::Yaml if found.is_empty() => {}
        Format::Yaml => printer.data(yaml(found, secrets).trim_end())?,
        Format::Json | Format::Text => {
            let values: Vec<Value> = found.iter().map(|found| found.to_json(secrets)).collect();
            printer.value(&values.into(), Format::Json)?;
        }
    }
    Ok(())
}

fn yaml(found: &[Resource], secrets: Secrets) -> String {
    found.iter().map(|found| found.to_yaml(secrets)).collect::<Vec<_>>().join("---\n")
}

/// The kind that all references are of.
fn only_kind(references: &[Reference]) -> Option<Kind> {
    let mut kinds = references.iter().map(|reference| match reference {
        Reference::All => None,
        Reference::Every(kind) | Reference::One(kind, _) => Some(*kind),
    });
    let first = kinds.next().flatten()?;
    kinds.all(|kind| kind == Some(first)).then_some(first)
}

async fn read(
    client: &Client,
    reference: Reference,
    secrets: Secrets,
) -> Result<Vec<Resource>, api::Error> {
    match reference {
        Reference::All => {
            let mut found = Vec::new();
            for kind in ALL_KINDS {
                found.extend(client.list(kind, secrets).await?.items);
            }
            // They come with their bots, and nobody else can write them.
            found.retain(|one| !matches!(one, Resource::User(user) if user.bot().is_some()));
            Ok(found)
        }
        Reference::Every(kind) => Ok(client.list(kind, secrets).await?.items),
        Reference::One(kind, name) if has_short_name(kind, &name) => {
            let mut found = client.list(kind, secrets).await?.items;
            found.retain(|resource| is_called(resource, &name));
            if found.is_empty() {
                return Err(api::Error::not_found(kind.not_found(&name)));
            }
            Ok(found)
        }
        Reference::One(kind, name) => Ok(vec![client.get(kind, &name, secrets).await?]),
    }
}

/// Whether a name is only the part of the whole one that people know: an app's name stands for the
/// records of all its agents, a type for the cluster's authority of that type.
fn has_short_name(kind: Kind, name: &str) -> bool {
    match kind {
        Kind::AppServer => !name.contains('/'),
        Kind::CertAuthority => !name.contains('.'),
        _ => false,
    }
}

fn is_called(resource: &Resource, name: &str) -> bool {
    match resource {
        Resource::AppServer(server) => server.app_name() == name,
        Resource::CertAuthority(authority) => authority.spec.authority.as_str() == name,
        other => other.name() == name,
    }
}

#[cfg(test)]
mod tests;
