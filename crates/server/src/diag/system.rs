//! What the operating system knows of this process.

use std::fs;

use nix::sys::resource::{Resource, UsageWho, getrlimit, getrusage};
use nix::sys::time::TimeValLike as _;

/// This process as the operating system sees it; nothing where it does not say.
#[derive(Debug, Default)]
pub(super) struct System {
    pub(super) resident_bytes: Option<u64>,
    pub(super) virtual_bytes: Option<u64>,
    pub(super) open_fds: Option<u64>,
    pub(super) max_fds: Option<u64>,
    pub(super) threads: Option<u64>,
    pub(super) cpu_seconds: Option<f64>,
}

// === impl System ===

impl System {
    pub(super) fn look() -> Self {
        let (virtual_bytes, resident_bytes) = memory().unzip();
        Self {
            resident_bytes,
            virtual_bytes,
            open_fds: count("/proc/self/fd"),
            max_fds: getrlimit(Resource::RLIMIT_NOFILE).ok().map(|(soft, _hard)| soft),
            threads: count("/proc/self/task"),
            cpu_seconds: cpu(),
        }
    }
}

/// Virtual and resident memory: proc(5), `/proc/pid/status`, in kilobytes.
fn memory() -> Option<(u64, u64)> {
    let text = fs::read_to_string("/proc/self/status").ok()?;
    let bytes = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_whitespace().next()?.parse::<u64>().ok()?.checked_mul(1024)
    };
    Some((bytes("VmSize:")?, bytes("VmRSS:")?))
}

fn count(directory: &str) -> Option<u64> {
    u64::try_from(fs::read_dir(directory).ok()?.count()).ok()
}

fn cpu() -> Option<f64> {
    let usage = getrusage(UsageWho::RUSAGE_SELF).ok()?;
    let millis = usage.user_time().num_milliseconds() + usage.system_time().num_milliseconds();
    // A process that has worked for fifty days on end says so no more.
    Some(f64::from(u32::try_from(millis).ok()?) / 1_000.0)
}
