//! Measuring what deciding costs, beside another engine that only this is built with.

use anyhow::Result;

use crate::repo::Repo;

/// Builds the program and runs it.
pub(crate) fn run(repo: &Repo) -> Result<()> {
    // The other engine is a dependency that nothing else asks for.
    let build = ["build", "--release", "--locked", "-p", "policy-bench", "--features", "compare"];
    repo.cargo().args(build).run()?;
    let out = repo.target().join("bench");
    repo.shell(repo.target().join("release/policy-bench")).args([&out]).run()
}
