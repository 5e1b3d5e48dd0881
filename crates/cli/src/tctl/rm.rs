//! `tctl rm`.

use std::process::ExitCode;

use super::args::Global;
use super::cluster::Cluster;
use super::reference::Reference;
use crate::run::Context;

/// Arguments of `tctl rm`.
#[derive(Debug, clap::Args)]
pub(super) struct Rm {
    /// What to delete: KIND/NAME, several with commas between them.
    #[arg(value_name = "KIND/NAME", required = true, value_delimiter = ',')]
    references: Vec<String>,
}

/// Deletes one after another and stops at the first that is refused.
pub(super) async fn remove(cx: &Context, global: &Global, args: Rm) -> anyhow::Result<ExitCode> {
    let references = args
        .references
        .iter()
        .map(|text| Reference::one(text, "delete"))
        .collect::<Result<Vec<_>, _>>()?;
    let cluster = Cluster::open(cx, global)?;
    for (kind, name) in references {
        cluster.client.delete(kind, &name).await?;
        cx.printer.data(&kind.deleted(&name))?;
    }
    Ok(ExitCode::SUCCESS)
}
