//! Files of resources, and standard input.

use std::fs::File;
use std::io::{self, IsTerminal as _, Read};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use resource::{Limits, Source};

use crate::printer::Printer;

/// How the names of files end that are read of a folder.
const EXTENSIONS: [&str; 3] = ["yaml", "yml", "json"];
/// Folders in folders; a link that leads back has no end.
const MAX_DEPTH: usize = 32;

/// Reads all of these; none, and `-`, mean standard input, and a folder all its files. Nothing has been done with the first
/// when the last cannot be read.
pub(super) fn read_all(files: &[PathBuf], printer: &Printer) -> anyhow::Result<Vec<Source>> {
    if files.is_empty() {
        return Ok(vec![read_stdin(printer)?]);
    }
    let mut sources = Vec::new();
    for path in files {
        if path == Path::new("-") {
            sources.push(read_stdin(printer)?);
        } else if path.is_dir() {
            let mut found = Vec::new();
            find(path, 0, &mut found)?;
            let read = found.iter().map(|file| read_file(file));
            sources.extend(read.collect::<anyhow::Result<Vec<_>>>()?);
        } else {
            sources.push(read_file(path)?);
        }
    }
    Ok(sources)
}

/// The files of resources in a folder and the folders in it, in the order of their names. What is
/// hidden is none: a checked-out repository has its own folders.
fn find(folder: &Path, depth: usize, found: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    if depth > MAX_DEPTH {
        anyhow::bail!("{} is deeper than {MAX_DEPTH} folders", folder.display());
    }
    let cannot = || format!("cannot read {}", folder.display());
    let entries = std::fs::read_dir(folder).with_context(cannot)?;
    let paths = entries.map(|entry| entry.map(|entry| entry.path()));
    let mut paths = paths.collect::<Result<Vec<_>, _>>().with_context(cannot)?;
    paths.sort();
    for path in paths {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
        if name.is_none_or(|name| name.starts_with('.')) {
            continue;
        }
        if path.is_dir() {
            find(&path, depth + 1, found)?;
        } else if path.extension().is_some_and(|end| EXTENSIONS.iter().any(|one| end == *one)) {
            found.push(path);
        }
    }
    Ok(())
}

/// Reads a file.
pub(super) fn read_file(path: &Path) -> anyhow::Result<Source> {
    let bytes = File::open(path)
        .and_then(read)
        .with_context(|| format!("cannot read {}", path.display()))?;
    Ok(Source::from_bytes(&path.display().to_string(), &bytes)?)
}

fn read_stdin(printer: &Printer) -> anyhow::Result<Source> {
    let stdin = io::stdin();
    if stdin.is_terminal() {
        printer.talk("Reading resources from standard input; Ctrl-D ends it.");
    }
    let bytes = read(stdin.lock()).context("cannot read standard input")?;
    Ok(Source::from_bytes("stdin", &bytes)?)
}

/// Reads no more than what is accepted, and a byte by which too much is noticed.
fn read(from: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.take(Limits::default().source_bytes as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests;
