//! Who is running, and what they hold: read from `/proc`, to show that nothing was left behind.

use std::collections::BTreeMap;
use std::fs;

/// A process as `/proc` tells of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Its id.
    pub pid: u32,
    /// Its parent's id.
    pub parent: u32,
    /// One letter, `Z` for a process that has ended and that nobody has waited for.
    pub state: char,
    /// Its words, separated by blanks; empty for a zombie.
    pub command: String,
}

/// What a process holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holdings {
    /// Resident memory in KiB.
    pub resident_kib: u64,
    /// Open descriptors.
    pub descriptors: usize,
    /// Threads.
    pub threads: usize,
}

/// Every process whose command line contains `needle`, this one and zombies left out. Put something
/// into a server's arguments that no other test has: a path below the test's own folder.
#[must_use]
pub fn with_argument(needle: &str) -> Vec<Seen> {
    everyone()
        .into_values()
        .filter(|seen| seen.pid != std::process::id() && seen.command.contains(needle))
        .collect()
}

/// The children of `pid`, theirs, and so on, zombies included. One that was adopted by another
/// process is not among them: see [`with_argument`].
#[must_use]
pub fn descendants(pid: u32) -> Vec<Seen> {
    let everyone = everyone();
    let below = |seen: &Seen| {
        let mut at = seen.parent;
        while at != pid {
            match everyone.get(&at) {
                Some(above) if above.pid != above.parent => at = above.parent,
                _ => return false,
            }
        }
        true
    };
    everyone.values().filter(|seen| below(seen)).cloned().collect()
}

/// What `pid` holds, or nothing when it is gone.
#[must_use]
pub fn holdings(pid: u32) -> Option<Holdings> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let number = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_whitespace().next()?.parse().ok()
    };
    Some(Holdings {
        resident_kib: number("VmRSS:")?,
        descriptors: fs::read_dir(format!("/proc/{pid}/fd")).ok()?.count(),
        threads: fs::read_dir(format!("/proc/{pid}/task")).ok()?.count(),
    })
}

fn everyone() -> BTreeMap<u32, Seen> {
    let folders =
        fs::read_dir("/proc").unwrap_or_else(|cause| panic!("/proc cannot be read: {cause}"));
    let pids = folders.flatten().filter_map(|folder| folder.file_name().to_str()?.parse().ok());
    pids.filter_map(|pid| Some((pid, look(pid)?))).collect()
}

/// A process may end between the listing and the look: that is no error.
fn look(pid: u32) -> Option<Seen> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field is the program's name in parentheses and may contain anything; what follows
    // the last one is plain.
    let (_, plain) = stat.rsplit_once(')')?;
    let mut fields = plain.split_whitespace();
    let state = fields.next()?.chars().next()?;
    let parent = fields.next()?.parse().ok()?;
    let words = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    let command = String::from_utf8_lossy(&words).replace('\0', " ").trim_end().to_owned();
    Some(Seen { pid, parent, state, command })
}
