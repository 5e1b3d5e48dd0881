//! Opening a journal: its directory, its lock, its segments.

use std::collections::VecDeque;
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use super::heal::{sound, whole_lines};
use super::segment::{create, first_of, path_of, reopen};
use super::tail::Tail;

/// In the names of files that are not whole yet.
const NEW: &str = ".new-";

/// Why a spool or a log could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Files cannot be created or written where the records are.
    #[error("{path:?} cannot be written; give this user write access, or name another data_dir")]
    NotWritable {
        /// The file or directory.
        path: PathBuf,
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
    /// Another process has the records open.
    #[error(
        "the audit records in {directory:?} are in use by another process; stop that one first, or name another data_dir"
    )]
    InUse {
        /// The directory.
        directory: PathBuf,
    },
    /// Something else went wrong.
    #[error("the audit records in {path:?} could not be opened")]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
}

// === impl OpenError ===

impl OpenError {
    pub(crate) fn new(path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        match source.kind() {
            ErrorKind::PermissionDenied
            | ErrorKind::ReadOnlyFilesystem
            | ErrorKind::NotADirectory
            | ErrorKind::StorageFull
            | ErrorKind::QuotaExceeded => Self::NotWritable { path, source },
            _ => Self::Io { path, source },
        }
    }
}

/// Makes the directory if there is none, closes it to others, and takes its lock.
pub(super) fn prepare(directory: &Path) -> Result<File, OpenError> {
    let error = |source| OpenError::new(directory, source);
    DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(error)?;
    let mode = fs::metadata(directory).map_err(error)?.permissions().mode();
    if mode & 0o077 != 0 {
        fs::set_permissions(directory, Permissions::from_mode(0o700)).map_err(error)?;
    }
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false).mode(0o600);
    let lock = options.open(directory.join("lock")).map_err(error)?;
    match lock.try_lock() {
        Ok(()) => {
            remove_leftovers(directory).map_err(error)?;
            Ok(lock)
        }
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse { directory: directory.to_owned() }),
        Err(TryLockError::Error(source)) => Err(error(source)),
    }
}

/// Finds the segments, repairs them, and opens the last one to continue it.
pub(super) fn load(directory: &Path) -> Result<Tail, OpenError> {
    let mut firsts = find(directory).map_err(|e| OpenError::new(directory, e))?;
    firsts.sort_unstable();
    let Some(last) = firsts.pop() else {
        let file = create(directory, 1).map_err(|e| OpenError::new(directory, e))?;
        sync_directory(directory).map_err(|e| OpenError::new(directory, e))?;
        return Ok(Tail::new(VecDeque::from([(1, 0)]), file, 1));
    };
    let mut segments = VecDeque::new();
    for first in firsts {
        let path = path_of(directory, first);
        let bytes = heal_complete(&path).map_err(|e| OpenError::new(&path, e))?;
        segments.push_back((first, bytes));
    }
    let path = path_of(directory, last);
    let (file, lines, bytes) = heal_last(directory, last).map_err(|e| OpenError::new(&path, e))?;
    segments.push_back((last, bytes));
    Ok(Tail::new(segments, file, last.saturating_add(lines)))
}

/// Writes a small file whole or not at all, also when another thread writes it too.
pub(crate) fn write_whole(path: &Path, content: &[u8]) -> io::Result<()> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let mut name = path.as_os_str().to_owned();
    name.push(format!("{NEW}{}", COUNT.fetch_add(1, Ordering::Relaxed)));
    let new = PathBuf::from(name);
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let mut file = options.open(&new)?;
    file.write_all(content)?;
    file.sync_data()?;
    fs::rename(&new, path)
}

/// Removes what [`write_whole`] left when the process died in it.
fn remove_leftovers(directory: &Path) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if entry.file_name().to_str().is_some_and(|name| name.contains(NEW)) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// Forces the names of new files to disk.
pub(super) fn sync_directory(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

fn find(directory: &Path) -> io::Result<Vec<u64>> {
    let mut firsts = Vec::new();
    for entry in fs::read_dir(directory)? {
        firsts.extend(entry?.file_name().to_str().and_then(first_of));
    }
    Ok(firsts)
}

fn heal_complete(path: &Path) -> io::Result<u64> {
    let mut file = OpenOptions::new().read(true).write(true).open(path)?;
    let size = file.metadata()?.len();
    let whole = whole_lines(&mut file)?;
    cut(&file, path, size, whole)?;
    // What a killed process left to the operating system counts as being on disk from here on.
    file.sync_all()?;
    Ok(whole)
}

fn heal_last(directory: &Path, first: u64) -> io::Result<(File, u64, u64)> {
    let path = path_of(directory, first);
    let content = fs::read(&path)?;
    let sound = sound(&content);
    let file = reopen(directory, first)?;
    cut(&file, &path, u64::try_from(content.len()).unwrap_or(u64::MAX), sound.bytes)?;
    file.sync_all()?;
    sync_directory(directory)?;
    Ok((file, sound.lines, sound.bytes))
}

fn cut(file: &File, path: &Path, size: u64, sound: u64) -> io::Result<()> {
    if sound < size {
        let bytes = size.saturating_sub(sound);
        tracing::warn!(path = %path.display(), bytes, "cut off an audit record that was torn");
        file.set_len(sound)?;
        file.sync_all()?;
    }
    Ok(())
}
