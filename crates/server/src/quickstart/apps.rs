//! The MCP servers of a quickstart.

use std::time::Duration;

use anyhow::Context;
use api::Client;
use nix::unistd::{Uid, User};

use super::people::upsert;
use super::place::Place;
use crate::process::Process;

const DEMO_DOCUMENT: &str = include_str!("../../../../examples/quickstart/demo.yaml");
const EVERYTHING_DOCUMENT: &str = include_str!("../../../../examples/quickstart/everything.yaml");

/// The name of the demo server.
pub(super) const DEMO: &str = "demo";
/// The name of the reference server.
const EVERYTHING: &str = "everything";
/// How long an agent may take to pick a registration up: it takes milliseconds.
const PICK_UP: Duration = Duration::from_secs(10);

/// Registers the servers and returns their names.
pub(super) async fn register(admin: &Client, place: &Place) -> anyhow::Result<Vec<String>> {
    upsert(admin, DEMO_DOCUMENT).await?;
    let mut names = vec![DEMO.to_owned()];
    if has_npx() {
        let user = User::from_uid(Uid::effective())
            .context("cannot look up who runs this")?
            .context("the user who runs this has no name, and servers are started by name")?;
        let document = EVERYTHING_DOCUMENT.replace("{{USER}}", &user.name);
        let path = place.root.join("everything.yaml");
        // Kept as a file, so that there is one to edit and register again.
        std::fs::write(&path, &document)
            .with_context(|| format!("cannot write {}", path.display()))?;
        upsert(admin, &document).await?;
        names.push(EVERYTHING.to_owned());
    }
    Ok(names)
}

/// Waits until an agent serves each of them.
pub(super) async fn wait_until_served(process: &Process, names: &[String]) -> anyhow::Result<()> {
    for name in names {
        tokio::time::timeout(PICK_UP, process.until_served(name))
            .await
            .with_context(|| format!("no agent serves {name:?}; --debug shows what they do"))?;
    }
    Ok(())
}

fn has_npx() -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|directory| directory.join("npx").is_file())
}
