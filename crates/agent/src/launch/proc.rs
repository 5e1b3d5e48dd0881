//! What the kernel says of processes, read from `/proc`.

use std::fs;

use nix::unistd::Pid;

/// What decides whose a process is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stat {
    pub(crate) pid: i32,
    pub(crate) parent: i32,
    /// A process can start a session and never enter one that exists.
    pub(crate) session: i32,
}

/// All processes that can be seen. One that ends meanwhile is left out.
pub(crate) fn all() -> Vec<Stat> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter_map(stat)
        .collect()
}

/// The processes whose parent is this one, dead ones that nobody waited for included.
pub(crate) fn children() -> Vec<Stat> {
    let own = Pid::this().as_raw();
    all().into_iter().filter(|stat| stat.parent == own).collect()
}

/// One process.
pub(crate) fn stat(pid: i32) -> Option<Stat> {
    parse(&fs::read(format!("/proc/{pid}/stat")).ok()?)
}

/// Whether a process can gain no rights by executing something; it cannot take that back.
pub(crate) fn has_no_new_privs(pid: i32) -> bool {
    field(pid, "NoNewPrivs:").is_some_and(|value| value == "1")
}

/// A line of `/proc/<pid>/status`.
pub(crate) fn field(pid: i32, name: &str) -> Option<String> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let value = status.lines().find_map(|line| line.strip_prefix(name))?;
    Some(value.trim().to_owned())
}

/// `pid (name) state parent group session …`, where the name may hold anything.
fn parse(stat: &[u8]) -> Option<Stat> {
    let open = stat.iter().position(|byte| *byte == b'(')?;
    let close = stat.iter().rposition(|byte| *byte == b')')?;
    let pid = str::from_utf8(stat.get(..open)?).ok()?.trim().parse().ok()?;
    let rest = str::from_utf8(stat.get(close + 1..)?).ok()?;
    let mut fields = rest.split_ascii_whitespace().skip(1);
    let parent = fields.next()?.parse().ok()?;
    let _group = fields.next()?;
    let session = fields.next()?.parse().ok()?;
    Some(Stat { pid, parent, session })
}

#[cfg(test)]
mod tests;
