//! cargo-deny: `deny.toml` holds what is allowed.

use anyhow::Result;

use crate::repo::Repo;
use crate::setup;

/// Checks licences, bans and sources. Advisories come from a database on the network, which a test
/// must not depend on.
pub(crate) fn run(repo: &Repo) -> Result<()> {
    setup::cargo_deny(repo)?;
    let words = ["deny", "--locked", "check", "licenses", "bans", "sources"];
    // An exception that nothing needs any more is an exception waiting for the next one.
    let strict = ["--deny", "unmatched-skip", "--deny", "unnecessary-skip"];
    repo.cargo().args(words).args(strict).run()
}
