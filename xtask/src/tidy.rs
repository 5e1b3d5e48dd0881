//! What holds for the files of the repository: how long they are, what they are called, what stands
//! at their top, and where dependencies come from.

use std::path::Path;

use anyhow::{Result, bail};
use toml::{Table, Value};

use crate::repo::Repo;

/// A file is one thought; what is longer has a split waiting.
const LONGEST_FILE: usize = 500;
/// Written by people, and so held to [`LONGEST_FILE`].
const SOURCES: [&str; 7] = ["rs", "py", "sh", "js", "mjs", "ts", "tsx"];
/// Folders of data that tests read: how long it is says nothing.
const DATA: [&str; 4] = ["testdata", "vectors", "snapshots", "corpus"];
/// The one place that npm's lock files may name.
const NPM_REGISTRY: &str = "https://registry.npmjs.org/";
/// Folders so general that their neighbours' names stand in any text.
const GENERAL: [&str; 8] = ["/", "/tmp", "/home", "/root", "/usr", "/opt", "/var", "/srv"];

/// Checks every file, and fails with every problem.
pub(crate) fn run(repo: &Repo) -> Result<()> {
    let machine = machine_paths(repo.root());
    let files = repo.files()?;
    let mut problems = Vec::new();
    for file in &files {
        // What is not text has nothing to check.
        let Ok(text) = repo.read(file) else { continue };
        problems.extend(check(file, &text, &machine));
    }
    for problem in &problems {
        println!("{problem}");
    }
    if !problems.is_empty() {
        bail!("{} problems in {} files", problems.len(), files.len());
    }
    println!("{} files are tidy", files.len());
    Ok(())
}

/// Every problem of one file, each starting with its place.
fn check(file: &str, text: &str, machine: &[String]) -> Vec<String> {
    let path = Path::new(file);
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let end = path.extension().and_then(|end| end.to_str()).unwrap_or_default();
    let data = path.components().any(|part| DATA.iter().any(|data| part.as_os_str() == *data));
    let mut problems = Vec::new();
    let lines = text.lines().count();
    if SOURCES.contains(&end) && !data && lines > LONGEST_FILE {
        problems.push(format!("{file}: {lines} lines; the most is {LONGEST_FILE}: split it"));
    }
    if end == "rs" && !data {
        problems.extend(rust(file, name, text));
    }
    problems.extend(match name {
        "Cargo.toml" => manifest(file, text),
        "Cargo.lock" => git_sources(file, text),
        "package-lock.json" => npm_sources(file, text),
        "requirements.txt" => pip_sources(file, text),
        _ => Vec::new(),
    });
    for (number, line) in text.lines().enumerate() {
        for machine in machine.iter().filter(|machine| names_path(line, machine)) {
            problems
                .push(format!("{file}:{}: names a path of this machine: {machine}", number + 1));
        }
    }
    problems
}

fn rust(file: &str, name: &str, text: &str) -> Vec<String> {
    let mut problems = Vec::new();
    if name == "mod.rs" {
        problems.push(format!("{file}: a module is `name.rs` beside its folder, not `mod.rs`"));
    }
    // Put together here, so that this file does not find itself.
    let refused = [
        (["todo", "!("].concat(), "is not finished"),
        (["unimplemented", "!("].concat(), "is not finished"),
        (["#[", "ignore"].concat(), "a test that does not run shows nothing"),
    ];
    for (number, line) in text.lines().enumerate() {
        for (word, why) in refused.iter().filter(|(word, _)| line.contains(word.as_str())) {
            problems.push(format!("{file}:{}: `{word}`: {why}", number + 1));
        }
    }
    let tests = name == "tests.rs" || file.contains("/tests/") || file.contains("/benches/");
    if !tests && !text.trim_start().starts_with("//!") {
        problems.push(format!("{file}: does not begin with `//!` and what it is for"));
    }
    problems
}

/// A member inherits the workspace's lints, and no dependency comes from git.
fn manifest(file: &str, text: &str) -> Vec<String> {
    let table: Table = match text.parse() {
        Ok(table) => table,
        Err(cause) => return vec![format!("{file}: {cause}")],
    };
    let mut problems = Vec::new();
    let lints = table.get("lints").and_then(|lints| lints.get("workspace"));
    if table.contains_key("package") && lints.and_then(Value::as_bool) != Some(true) {
        problems.push(format!("{file}: does not inherit the workspace's lints"));
    }
    if names_git(&Value::Table(table)) {
        problems.push(format!("{file}: a dependency comes from git; registries only"));
    }
    problems
}

fn names_git(value: &Value) -> bool {
    match value {
        Value::Table(table) => {
            table.iter().any(|(key, value)| (key == "git" && value.is_str()) || names_git(value))
        }
        Value::Array(list) => list.iter().any(names_git),
        _ => false,
    }
}

fn git_sources(file: &str, text: &str) -> Vec<String> {
    let foreign = text.lines().filter(|line| {
        line.strip_prefix("source = ").is_some_and(|source| {
            source != "\"registry+https://github.com/rust-lang/crates.io-index\""
        })
    });
    foreign.map(|line| format!("{file}: not from crates.io: {line}")).collect()
}

fn npm_sources(file: &str, text: &str) -> Vec<String> {
    let named = text.lines().filter_map(|line| line.trim().strip_prefix("\"resolved\": \""));
    let foreign = named.filter(|host| !host.starts_with(NPM_REGISTRY));
    foreign.map(|host| format!("{file}: not from npm's registry: {host}")).collect()
}

/// Every line is a name and its one version.
fn pip_sources(file: &str, text: &str) -> Vec<String> {
    let lines = text.lines().map(str::trim).enumerate();
    let entries = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    let foreign = entries.filter(|(_, line)| !line.contains("==") || line.contains(['/', ' ']));
    foreign
        .map(|(number, line)| format!("{file}:{}: is not NAME==VERSION: {line}", number + 1))
        .collect()
}

/// The checkout's own path and those of its neighbours: what a file must not know.
fn machine_paths(root: &Path) -> Vec<String> {
    let mut paths = vec![root.display().to_string()];
    if let Some(parent) =
        root.parent().filter(|parent| !GENERAL.iter().any(|one| *parent == Path::new(one)))
    {
        let neighbours = std::fs::read_dir(parent).into_iter().flatten().flatten();
        paths.extend(neighbours.map(|one| one.path().display().to_string()));
    }
    paths.sort();
    paths.dedup();
    paths
}

/// Whether `line` contains `path` as a path of its own and not as a part of a longer one.
fn names_path(line: &str, path: &str) -> bool {
    let word = |one: char| one.is_alphanumeric() || "_-.".contains(one);
    line.match_indices(path).any(|(at, _)| {
        let before = line.get(..at).and_then(|before| before.chars().next_back());
        let after = line.get(at + path.len()..).and_then(|after| after.chars().next());
        !before.is_some_and(|one| word(one) || one == '/') && !after.is_some_and(word)
    })
}

#[cfg(test)]
mod tests;
