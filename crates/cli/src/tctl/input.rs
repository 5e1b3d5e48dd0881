//! Files of resources, and standard input.

use std::fs::File;
use std::io::{self, IsTerminal as _, Read};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use resource::{Limits, Source};

use crate::printer::Printer;

/// Reads all of these; none, and `-`, mean standard input. Nothing has been done with the first
/// when the last cannot be read.
pub(super) fn read_all(files: &[PathBuf], printer: &Printer) -> anyhow::Result<Vec<Source>> {
    if files.is_empty() {
        return Ok(vec![read_stdin(printer)?]);
    }
    files
        .iter()
        .map(|path| if path == Path::new("-") { read_stdin(printer) } else { read_file(path) })
        .collect()
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
