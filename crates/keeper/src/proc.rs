//! What the kernel says of processes, read from `/proc`.

use std::fs;

use nix::unistd::Pid;

/// What decides whose a process is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stat {
    /// Its id.
    pub pid: i32,
    /// Whose child it is.
    pub parent: i32,
    /// A process can start a session and never enter one that exists.
    pub session: i32,
}

/// All processes that can be seen. One that ends meanwhile is left out.
#[must_use]
pub fn all() -> Vec<Stat> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter_map(stat)
        .collect()
}

/// The processes whose parent is this one, dead ones that nobody waited for included.
#[must_use]
pub fn children() -> Vec<Stat> {
    let own = Pid::this().as_raw();
    all().into_iter().filter(|stat| stat.parent == own).collect()
}

/// The same in no time, but one that starts or ends meanwhile can hide another: an empty list says
/// nothing.
#[must_use]
pub fn some_children() -> Vec<Stat> {
    let Some(ids) = listed_children() else { return children() };
    let own = Pid::this().as_raw();
    // Another thread may have waited for one, and its id be somebody else's by now.
    ids.into_iter().filter_map(stat).filter(|stat| stat.parent == own).collect()
}

/// Their ids, as the kernel keeps them. To look through all processes takes so long on a busy machine
/// that a process which forks and ends, over and over, is gone whenever it is found. Nothing where the
/// kernel was built without the list.
fn listed_children() -> Option<Vec<i32>> {
    let mut children = Vec::new();
    for task in fs::read_dir("/proc/self/task").ok()? {
        // A thread that ends meanwhile leaves its children to another.
        let Ok(path) = task.map(|task| task.path()) else { continue };
        match fs::read_to_string(path.join("children")) {
            Ok(list) => children
                .extend(list.split_ascii_whitespace().filter_map(|pid| pid.parse::<i32>().ok())),
            Err(_) if path.exists() => return None,
            Err(_) => {}
        }
    }
    Some(children)
}

/// One process.
#[must_use]
pub fn stat(pid: i32) -> Option<Stat> {
    parse(&fs::read(format!("/proc/{pid}/stat")).ok()?)
}

/// Whether a process can gain no rights by executing something; it cannot take that back.
#[must_use]
pub fn has_no_new_privs(pid: i32) -> bool {
    field(pid, "NoNewPrivs:").is_some_and(|value| value == "1")
}

/// A line of `/proc/<pid>/status`.
#[must_use]
pub fn field(pid: i32, name: &str) -> Option<String> {
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
