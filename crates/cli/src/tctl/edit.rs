//! `tctl edit`.

mod editor;

use std::process::ExitCode;

use api::Write;
use resource::{Kind, Parsed, Resource, Secrets, Source};

use self::editor::Draft;
use super::args::Global;
use super::cluster::Cluster;
use super::create::shown_name;
use super::mistakes::{self, Mistakes};
use super::reference::Reference;
use crate::exit::Refused;
use crate::run::Context;

/// Arguments of `tctl edit`.
#[derive(Debug, clap::Args)]
pub(super) struct Edit {
    /// What to change.
    #[arg(value_name = "KIND/NAME")]
    reference: String,
}

/// Opens a resource in an editor and writes what comes back, unless somebody else changed it
/// meanwhile.
pub(super) async fn edit(cx: &Context, global: &Global, args: Edit) -> anyhow::Result<ExitCode> {
    let (kind, name) = Reference::one(&args.reference, "edit")?;
    if kind.is_observed() {
        let message = format!("{} are written by the cluster's services only", kind.plural());
        return Err(Refused::new(message).into());
    }
    let cluster = Cluster::open(cx, global)?;
    let mut before = cluster.client.get(kind, &name, secrets_of(kind)).await?;
    before.clear_status();
    let text = before.to_yaml(secrets_of(kind));
    let draft = Draft::new(&text)?;
    let Some(edited) = draft.edit(&editor::command()).await?.filter(|edited| *edited != text)
    else {
        cx.printer.data("edit canceled, no changes made")?;
        return Ok(ExitCode::SUCCESS);
    };
    // The text is read already; nothing of it stays on disk while the cluster is asked.
    drop(draft);
    let after = read(&edited, &before)?;
    cluster.client.put(&after, Write::Update).await?;
    cx.printer.data(&kind.updated(&shown_name(&after)))?;
    Ok(ExitCode::SUCCESS)
}

/// A token is known by its secret, without which it could not be written back.
fn secrets_of(kind: Kind) -> Secrets {
    if kind == Kind::Token { Secrets::Include } else { Secrets::Redact }
}

/// The one resource of an edited text, at the revision that it was read with.
fn read(text: &str, before: &Resource) -> anyhow::Result<Resource> {
    let source = Source::new("edited resource", text);
    let mut documents = mistakes::documents(&source);
    let first = documents.next().unwrap_or_else(|| Err(resource::Report::new(&source, Vec::new())));
    let Parsed { resource: mut after, .. } =
        first.map_err(|report| Mistakes::with_rest(report, &mut documents))?;
    if documents.next().is_some() {
        return Err(Refused::new("the text holds more than the one resource").into());
    }
    if after.kind() != before.kind() {
        let (was, is) = (before.kind(), after.kind());
        let message = format!("the kind cannot be changed with tctl edit, from {was} to {is}");
        return Err(Refused::new(message).into());
    }
    if after.name() != before.name() {
        return Err(Refused::new("renaming resources is not supported with tctl edit").into());
    }
    after.metadata_mut().revision.clone_from(&before.metadata().revision);
    Ok(after)
}

#[cfg(test)]
mod tests;
