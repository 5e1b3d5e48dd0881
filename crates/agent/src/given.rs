//! Finds what apps say their agent has: secrets in files and in its environment.
//!
//! Whoever may register an app can have the agent read any file that the agent can read, but for those by
//! which the agent proves who it is. That is no more than the commands of the servers that he registers can do.

use std::env;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use parking_lot::Mutex;
use resource::Secret;
use resource::app::Given;
use tokio::time::Instant;

/// The largest file that is a secret.
const MAX_BYTES: u64 = 64 * 1024;
/// After so long, a file is read again: secrets are replaced while everything runs.
const FRESH: Duration = Duration::from_secs(10);

/// Where this process keeps its own keys.
static OWN: OnceLock<PathBuf> = OnceLock::new();

/// Nothing in this directory is ever given to an app's server: this process keeps its own keys there. The first
/// directory that is named counts.
///
/// # Errors
/// The directory cannot be found.
pub fn withhold_from_apps(directory: &Path) -> io::Result<()> {
    let directory = std::fs::canonicalize(directory)?;
    OWN.get_or_init(|| directory);
    Ok(())
}

/// Something that is given elsewhere, and was found before.
#[derive(Debug)]
pub(crate) struct Supply {
    given: Given,
    /// Guards what was found last; held for a look or a copy.
    found: Mutex<Option<(Instant, Secret<String>)>>,
}

/// Finds a value. Blocks on files.
///
/// # Errors
/// Where it should be, and is not. What is there instead is never told.
pub(crate) fn find(given: &Given) -> Result<Secret<String>, String> {
    match given {
        Given::Here(text) => Ok(Secret::new(text.clone())),
        Given::Env(name) => match env::var(name) {
            Ok(value) => Ok(Secret::new(value)),
            Err(_absent) => Err(format!("the agent's environment has no variable {name:?}")),
        },
        Given::File(path) => read(path).map_err(|reason| format!("cannot read {path:?}: {reason}")),
    }
}

fn read(path: &str) -> Result<Secret<String>, String> {
    let path = std::fs::canonicalize(path).map_err(|error| error.kind().to_string())?;
    if OWN.get().is_some_and(|own| path.starts_with(own)) {
        return Err("it is where the agent keeps its own keys; put it somewhere else".to_owned());
    }
    // What is no file could keep a reader waiting for ever.
    let known = std::fs::metadata(&path).map_err(|error| error.kind().to_string())?;
    if !known.is_file() {
        return Err("it is not a file".to_owned());
    }
    let file = std::fs::File::open(path).map_err(|error| error.kind().to_string())?;
    let mut bytes = Vec::new();
    let read = file.take(MAX_BYTES + 1).read_to_end(&mut bytes);
    read.map_err(|error| error.kind().to_string())?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(format!("it holds more than {MAX_BYTES} bytes"));
    }
    let mut text = String::from_utf8(bytes).map_err(|_e| "it holds no text".to_owned())?;
    text.truncate(text.trim_end().len());
    if text.contains('\0') {
        return Err("it holds a NUL character".to_owned());
    }
    Ok(Secret::new(text))
}

// === impl Supply ===

impl Supply {
    pub(crate) fn new(given: Given) -> Self {
        Self { given, found: Mutex::new(None) }
    }

    /// The value, as it was at most a few seconds ago.
    pub(crate) async fn get(&self) -> Result<Secret<String>, String> {
        if let Some((at, value)) = &*self.found.lock()
            && at.elapsed() < FRESH
        {
            return Ok(value.clone());
        }
        let given = self.given.clone();
        let found = tokio::task::spawn_blocking(move || find(&given)).await;
        let value = found.map_err(|_ended| "reading it was broken off".to_owned())??;
        *self.found.lock() = Some((Instant::now(), value.clone()));
        Ok(value)
    }
}

#[cfg(test)]
mod tests;
