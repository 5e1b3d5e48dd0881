//! The lock file that keeps two auth services from sharing one embedded store.
//!
//! SQLite's own locks let processes take turns, which is not enough: each would have a feed of its
//! own, and neither would see what the other writes.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use super::open::{OWNER_ONLY, OpenError, beside};

/// The exclusive right to a store, until dropped. The operating system takes it back from a
/// process that dies.
#[derive(Debug)]
pub(super) struct StoreLock {
    _file: File,
}

// === impl StoreLock ===

impl StoreLock {
    /// Takes the lock for the store in the file `store`.
    pub(super) fn acquire(store: &Path) -> Result<Self, OpenError> {
        let path = beside(store, ".lock");
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(OWNER_ONLY);
        let mut file = options.open(&path).map_err(|e| OpenError::from_create(&path, e))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                // Who holds it is a courtesy; the refusal stands without it.
                file.read_to_string(&mut holder).ok();
                let holder = holder.trim().parse().ok();
                return Err(OpenError::InUse { path: store.to_owned(), holder });
            }
            Err(TryLockError::Error(source)) => return Err(OpenError::Io { path, source }),
        }
        let named = file
            .set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| writeln!(file, "{}", std::process::id()));
        named.map_err(|e| OpenError::from_create(&path, e))?;
        Ok(Self { _file: file })
    }
}
