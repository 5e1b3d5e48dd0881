//! cargo-deny: `deny.toml` holds what is allowed.

use anyhow::Result;

use crate::repo::Repo;
use crate::setup;

/// Checks licences, bans and sources. Advisories come from a database on the network, which a test
/// must not depend on.
pub(crate) fn run(repo: &Repo) -> Result<()> {
    setup::cargo_deny(repo)?;
    repo.cargo().args(["deny", "--locked", "check", "licenses", "bans", "sources"]).run()
}
