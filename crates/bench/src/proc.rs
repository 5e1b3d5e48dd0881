//! What the kernel tells of processes: time on a processor, and memory.

use std::fs;
use std::time::Duration;

use anyhow::Context;
use nix::unistd::{SysconfVar, sysconf};
use testkit::census;

/// Memory of some processes in KiB.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Memory {
    /// How many processes.
    pub(crate) processes: u64,
    /// Resident, what they share counted in each.
    pub(crate) resident: u64,
    /// Of these, what is no part of a file: what they allocated.
    pub(crate) anonymous: u64,
    /// Resident, what they share counted once: pages divided by how many processes have them.
    pub(crate) proportional: u64,
}

/// How long the processes have run on a processor, in the kernel and outside. The kernel tells it in
/// steps of a hundredth of a second.
pub(crate) fn processor_time(pids: &[u32]) -> anyhow::Result<Duration> {
    let mut ticks = 0_u64;
    for pid in pids {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat"))
            .with_context(|| format!("process {pid} has ended"))?;
        // What follows the program's name, the second field: see proc_pid_stat(5).
        let (_, fields) = stat.rsplit_once(')').context("read /proc/PID/stat")?;
        let fields = fields.split_whitespace().skip(11).take(2);
        ticks += fields.filter_map(|field| field.parse::<u64>().ok()).sum::<u64>();
    }
    let per_second = sysconf(SysconfVar::CLK_TCK)?.and_then(|ticks| u32::try_from(ticks).ok());
    let second = Duration::from_secs(1);
    Ok(second.mul_f64(ticks as f64 / f64::from(per_second.unwrap_or(100))))
}

/// The memory of some processes. One that has ended has none.
pub(crate) fn memory(pids: impl IntoIterator<Item = u32>) -> Memory {
    let mut sum = Memory::default();
    for pid in pids {
        let Ok(text) = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")) else { continue };
        let number = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name));
            line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0)
        };
        sum.processes += 1;
        sum.resident += number("Rss:");
        sum.anonymous += number("Anonymous:");
        sum.proportional += number("Pss:");
    }
    sum
}

/// What was started below a process: those that watch, and the servers that they watch over.
pub(crate) fn below(pid: u32) -> (Vec<u32>, Vec<u32>) {
    let all = census::descendants(pid).into_iter().filter(|seen| seen.state != 'Z');
    let (keepers, servers): (Vec<_>, Vec<_>) =
        all.partition(|seen| seen.command.contains(" __keeper "));
    let pids = |seen: Vec<census::Seen>| seen.into_iter().map(|seen| seen.pid).collect();
    (pids(keepers), pids(servers))
}
