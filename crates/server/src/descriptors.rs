//! How many connections and files this process may have open.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// More than all limits on connections together; a table for more would only take memory.
const ENOUGH: u64 = 65_536;

/// Raises the limit as far as the system lets us. Login shells and service managers commonly start
/// with 1024, for programs that use `select`: as many idle strangers would stop every service.
pub(crate) fn raise_limit() {
    let raised = getrlimit(Resource::RLIMIT_NOFILE).and_then(|(soft, hard)| {
        let wanted = wanted(soft, hard);
        if wanted > soft { setrlimit(Resource::RLIMIT_NOFILE, wanted, hard) } else { Ok(()) }
    });
    if let Err(error) = raised {
        tracing::warn!(%error, "cannot raise the limit of open files");
    }
}

fn wanted(soft: u64, hard: u64) -> u64 {
    soft.max(hard.min(ENOUGH))
}

#[cfg(test)]
mod tests;
