//! Files that only their owner reads: keys, certificates with keys, tokens.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::provider;

/// Why a secret file was not read or written.
#[derive(Debug, thiserror::Error)]
pub enum SecretFileError {
    /// The operating system refuses.
    #[error("{} {}", .doing, .path.display())]
    Io {
        /// What was tried, for people.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// Others can read it.
    #[error(
        "{} can be read by others (mode {mode:04o}), and it holds a secret: run chmod 600 on it",
        .path.display()
    )]
    Permissions {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Larger than any file of this kind.
    #[error("{} has more than {MAX_BYTES} bytes, which no file of this kind has", .path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
}

/// A key, a certificate with the largest identity, and a dozen authorities come to 60 KiB.
const MAX_BYTES: u64 = 256 * 1024;

/// Read and write for the owner, nothing for anybody else.
const OWNER_ONLY: u32 = 0o600;

/// Replaces the file at `path` by one with this content, as a whole: whoever reads it, even after
/// a crash, finds the old content or the new. Nobody but the owner can read it at any moment.
///
/// # Errors
///
/// When the operating system refuses; nothing is left behind then.
pub fn write(path: &Path, content: &[u8]) -> Result<(), SecretFileError> {
    let failed = |doing, source| SecretFileError::Io { doing, path: path.to_owned(), source };
    let temporary = temporary_beside(path).map_err(|e| failed("cannot write", e))?;
    let written = write_new(&temporary, content).and_then(|()| fs::rename(&temporary, path));
    if let Err(source) = written {
        // The first error is the one to tell; the file may not even be there.
        drop(fs::remove_file(&temporary));
        return Err(failed("cannot write", source));
    }
    sync_directory(path).map_err(|e| failed("cannot write to disk", e))
}

/// Reads the file at `path`, refusing one that others can read.
///
/// # Errors
///
/// When the operating system refuses, or its permissions or size are not those of a secret.
pub fn read(path: &Path) -> Result<Zeroizing<String>, SecretFileError> {
    let failed =
        |source| SecretFileError::Io { doing: "cannot read", path: path.to_owned(), source };
    let file = File::open(path).map_err(failed)?;
    // Of the opened file, not of the path: it may be another one by then.
    let metadata = file.metadata().map_err(failed)?;
    let mode = metadata.permissions().mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(SecretFileError::Permissions { path: path.to_owned(), mode });
    }
    let mut text = Zeroizing::new(String::new());
    file.take(MAX_BYTES + 1).read_to_string(&mut text).map_err(failed)?;
    if text.len() as u64 > MAX_BYTES {
        return Err(SecretFileError::TooLarge { path: path.to_owned() });
    }
    Ok(text)
}

fn write_new(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(OWNER_ONLY).open(path)?;
    file.write_all(content)?;
    file.sync_all()
}

fn temporary_beside(path: &Path) -> io::Result<PathBuf> {
    let name = path.file_name().ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
    let random: [u8; 8] = provider::random().ok_or_else(|| io::Error::other("no randomness"))?;
    let mut temporary = std::ffi::OsString::from(".");
    temporary.push(name);
    temporary.push(format!(".{}", hex::encode(random)));
    Ok(path.with_file_name(temporary))
}

/// A rename is on disk when its directory is.
fn sync_directory(path: &Path) -> io::Result<()> {
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    File::open(directory)?.sync_all()
}

#[cfg(test)]
mod tests;
