//! What a bot keeps on disk: itself, and what its programs use.

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use pki::{IdentityFile, PrivateKey, secret_file};

use crate::exit::Refused;

/// What programs read, in the directory of an output.
const OUTPUT: &str = "identity";
/// What the bot is.
const OWN: &str = "identity.pem";
/// The key of the renewal that is under way: with it, it can be asked for again when the answer is lost.
const PENDING: &str = "renewal.key";

/// Where a bot keeps what it is.
#[derive(Debug)]
pub(super) enum Storage {
    Directory(PathBuf),
    Memory,
}

// === impl Storage ===

impl Storage {
    /// What was kept, if anything was.
    pub(super) fn own(&self) -> anyhow::Result<Option<IdentityFile>> {
        match self.existing(OWN)? {
            Some(path) => Ok(Some(IdentityFile::read(&path)?)),
            None => Ok(None),
        }
    }

    /// Keeps what the bot is from now on.
    pub(super) fn keep(&self, own: &IdentityFile) -> anyhow::Result<()> {
        if let Self::Directory(directory) = self {
            own.write(&directory.join(OWN))?;
            let pending = directory.join(PENDING);
            match std::fs::remove_file(&pending) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    Err(error).with_context(|| format!("cannot delete {}", pending.display()))?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// The key of a renewal that was begun, if there is one.
    pub(super) fn pending(&self) -> anyhow::Result<Option<PrivateKey>> {
        let Some(path) = self.existing(PENDING)? else { return Ok(None) };
        let text = secret_file::read(&path)?;
        let key = PrivateKey::from_pem(&text);
        key.map(Some).with_context(|| format!("{} holds no key", path.display()))
    }

    /// Keeps the key of a renewal before it is begun.
    pub(super) fn begin(&self, key: &PrivateKey) -> anyhow::Result<()> {
        if let Self::Directory(directory) = self {
            secret_file::write(&directory.join(PENDING), key.to_pem().as_bytes())?;
        }
        Ok(())
    }

    fn existing(&self, name: &str) -> anyhow::Result<Option<PathBuf>> {
        let Self::Directory(directory) = self else { return Ok(None) };
        let path = directory.join(name);
        let exists = path.try_exists();
        Ok(exists.with_context(|| format!("cannot look for {}", path.display()))?.then_some(path))
    }
}

/// Writes what programs use, for the owner alone; whoever reads finds the old or the new.
pub(super) fn write_output(directory: &Path, identity: &IdentityFile) -> anyhow::Result<()> {
    Ok(identity.write(&directory.join(OUTPUT))?)
}

/// Makes a directory, or sees that nobody else can put something into it.
pub(super) fn prepare(directory: &Path) -> anyhow::Result<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)
        .with_context(|| format!("cannot make the directory {}", directory.display()))?;
    let metadata = std::fs::metadata(directory)
        .with_context(|| format!("cannot look at {}", directory.display()))?;
    let mode = metadata.permissions().mode() & 0o7777;
    if mode & 0o022 != 0 {
        return Err(Refused::new(format!(
            "others can write in {} (mode {mode:04o}), so they could put an identity there",
            directory.display()
        ))
        .hint(format!("chmod go-w {}", directory.display()))
        .into());
    }
    Ok(())
}

#[cfg(test)]
mod tests;
