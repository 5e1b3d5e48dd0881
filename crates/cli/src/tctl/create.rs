//! `tctl create`.

use std::path::PathBuf;
use std::process::ExitCode;

use api::{Client, ErrorKind, Write};
use resource::{Kind, Resource};

use super::args::Global;
use super::cluster::Cluster;
use super::input;
use super::mistakes::{self, Mistakes};
use crate::run::Context;

/// Arguments of `tctl create`.
#[derive(Debug, clap::Args)]
pub(super) struct Create {
    /// Files of resources in YAML or JSON, and folders of them; `-`, or none, is standard input.
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Replace what exists.
    #[arg(short, long)]
    force: bool,
    /// Scripts in use pass it to replace what a configuration file set. No file sets resources
    /// here, so there is nothing to confirm.
    #[arg(long, hide = true)]
    confirm: bool,
}

/// Creates the documents in their order and stops at the first that is refused. What was created
/// before it stays.
pub(super) async fn create(
    cx: &Context,
    global: &Global,
    args: Create,
) -> anyhow::Result<ExitCode> {
    let Create { files, force, confirm: _ } = args;
    let sources = input::read_all(&files, &cx.printer)?;
    let cluster = Cluster::open(cx, global)?;
    for source in &sources {
        let mut documents = mistakes::documents(source);
        while let Some(document) = documents.next() {
            let parsed = document.map_err(|report| Mistakes::with_rest(report, &mut documents))?;
            cx.printer.data(&apply(&cluster.client, &parsed.resource, force).await?)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Creates a resource, or replaces it, and says which.
async fn apply(client: &Client, resource: &Resource, force: bool) -> Result<String, api::Error> {
    let kind = resource.kind();
    // Documents of tokens are always written whole.
    let replaces = force || kind == Kind::Token;
    match client.create(resource).await {
        Ok(created) => Ok(renamed(resource, &created) + &kind.created(&shown_name(&created))),
        Err(error) if error.kind() == ErrorKind::AlreadyExists && replaces => {
            let written = client.put(resource, Write::Upsert).await?;
            Ok(renamed(resource, &written) + &kind.updated(&shown_name(&written)))
        }
        Err(error) => Err(error),
    }
}

/// A line that tells of another name than the document's: a trusted cluster bears its own.
fn renamed(asked: &Resource, written: &Resource) -> String {
    if asked.kind() != Kind::TrustedCluster || asked.name() == written.name() {
        return String::new();
    }
    format!(
        "WARNING: the cluster's name is {:?}, so that is the resource's name too, and not {:?} as in the \
         document\n",
        written.name(),
        asked.name()
    )
}

/// A resource's name as it may be seen by whoever reads the output: a token's is its secret.
pub(super) fn shown_name(resource: &Resource) -> String {
    match resource {
        Resource::Token(token) => token.masked_name(),
        other => other.name().to_owned(),
    }
}

#[cfg(test)]
mod tests;
