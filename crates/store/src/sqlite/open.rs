//! Opening the file: who may read it, whether it is ours and sound, and what to say when it is not.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::schema;

/// The store holds the keys of the certificate authority.
pub(super) const OWNER_ONLY: u32 = 0o600;

/// How long to wait for a process that looks into the file, a backup for example.
const BUSY: Duration = Duration::from_secs(5);

/// The size of a page, and so of the smallest store: the engine's default since 2016.
const PAGE: u64 = 4096;

/// Why the embedded store could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The directory is not there.
    #[error("the directory {directory:?} does not exist; create it, or name another data_dir")]
    NoDirectory {
        /// The directory.
        directory: PathBuf,
    },
    /// Files cannot be created or written where the store is.
    #[error("{path:?} cannot be written; give this user write access, or name another data_dir")]
    NotWritable {
        /// The file that could not be written.
        path: PathBuf,
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
    /// Another process has the store open.
    #[error("the store {path:?} is in use by another process{}; stop that one first, or name another data_dir", holder_text(*.holder))]
    InUse {
        /// The store.
        path: PathBuf,
        /// The process that has it, if it could be found out.
        holder: Option<u32>,
    },
    /// The file is not a database, or only the beginning of one.
    #[error(
        "{path:?} is not a store of Tessera, or was only half written; restore it from a backup, or move it away to begin with an empty one"
    )]
    NotAStore {
        /// The file.
        path: PathBuf,
    },
    /// The file is a database in which something is wrong.
    #[error(
        "the store {path:?} is damaged ({finding}); restore it from a backup, or move it away to begin with an empty one"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What the check found first.
        finding: String,
    },
    /// The write-ahead log is there without its store.
    #[error(
        "{log:?} is there, but the store it belongs to is not; restore both from a backup, or move it away to begin with an empty one"
    )]
    OrphanedLog {
        /// The log.
        log: PathBuf,
    },
    /// The file is a sound database of another program.
    #[error("{path:?} is a database of another program; name another data_dir")]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// The file was written by a later version.
    #[error(
        "the store {path:?} has schema version {found}, this version of Tessera knows versions up to {known}; install the version that wrote it, or a later one"
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// The version in the file.
        found: i64,
        /// The newest version that is understood.
        known: i64,
    },
    /// The file system cannot keep a write-ahead log.
    #[error(
        "the store {path:?} cannot use a write-ahead log where it is (journal mode {mode:?}); use a local file system"
    )]
    NoWriteAheadLog {
        /// The file.
        path: PathBuf,
        /// What the engine offered instead.
        mode: String,
    },
    /// The operating system refused something else.
    #[error("the store {path:?} could not be opened")]
    Io {
        /// The file.
        path: PathBuf,
        /// What it said.
        #[source]
        source: io::Error,
    },
    /// The engine refused something else.
    #[error("the store {path:?} could not be opened")]
    Engine {
        /// The file.
        path: PathBuf,
        /// What it said.
        #[source]
        source: rusqlite::Error,
    },
}

// === impl OpenError ===

impl OpenError {
    /// Why `path` could not be created or opened for writing.
    pub(super) fn from_create(path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        match source.kind() {
            ErrorKind::NotFound | ErrorKind::NotADirectory => {
                Self::NoDirectory { directory: directory(&path).to_owned() }
            }
            ErrorKind::PermissionDenied
            | ErrorKind::ReadOnlyFilesystem
            | ErrorKind::StorageFull
            | ErrorKind::QuotaExceeded => Self::NotWritable { path, source },
            _ => Self::Io { path, source },
        }
    }
}

fn holder_text(holder: Option<u32>) -> String {
    holder.map(|pid| format!(" (process {pid})")).unwrap_or_default()
}

/// Says what an engine's error means for a file that is being opened.
pub(super) fn explain(path: &Path, source: rusqlite::Error) -> OpenError {
    let path = path.to_owned();
    match source.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => OpenError::NotAStore { path },
        Some(ErrorCode::DatabaseCorrupt) => {
            OpenError::Damaged { path, finding: source.to_string() }
        }
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            OpenError::InUse { path, holder: None }
        }
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::CannotOpen) => {
            OpenError::NotWritable { path, source: io::Error::other(source) }
        }
        _ => OpenError::Engine { path, source },
    }
}

/// Makes an empty store where no file is. It is made under another name and renamed when it is
/// whole, so that a file which is not whole was always damaged by someone else.
pub(super) fn create_if_absent(path: &Path) -> Result<(), OpenError> {
    let io_error = |source| OpenError::from_create(path, source);
    if path.try_exists().map_err(io_error)? {
        return Ok(());
    }
    let log = beside(path, "-wal");
    if log.try_exists().map_err(io_error)? {
        return Err(OpenError::OrphanedLog { log });
    }
    let new = beside(path, ".new");
    for leftover in [new.clone(), beside(&new, "-journal")] {
        match fs::remove_file(&leftover) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(io_error(error)),
            _ => {}
        }
    }
    // Created before the engine opens it: the engine would use the umask.
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(OWNER_ONLY).open(&new).map_err(io_error)?;
    let mut connection = open_file(&new).map_err(|e| explain(&new, e))?;
    schema::create(&mut connection).map_err(|e| explain(&new, e))?;
    connection.close().map_err(|(_, e)| explain(&new, e))?;
    fs::rename(&new, path).map_err(io_error)?;
    File::open(directory(path)).and_then(|dir| dir.sync_all()).map_err(io_error)
}

/// Opens the writing connection.
pub(super) fn connect(path: &Path) -> Result<Connection, OpenError> {
    for file in [path.to_owned(), beside(path, "-wal"), beside(path, "-shm")] {
        restrict(&file).map_err(|e| OpenError::from_create(&file, e))?;
    }
    let size = fs::metadata(path).map_err(|e| OpenError::from_create(path, e))?.len();
    if size < PAGE {
        // The engine would take it for a new database.
        return Err(OpenError::NotAStore { path: path.to_owned() });
    }
    let connection = open_file(path).map_err(|e| explain(path, e))?;
    schema::recognise(&connection, path)?;
    let mode: String = connection
        .pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))
        .map_err(|e| explain(path, e))?;
    if mode.eq_ignore_ascii_case("wal") {
        Ok(connection)
    } else {
        Err(OpenError::NoWriteAheadLog { path: path.to_owned(), mode })
    }
}

/// Looks whether the whole file is sound.
pub(super) fn check(connection: &Connection, path: &Path) -> Result<(), OpenError> {
    let finding: String = connection
        .pragma_query_value(None, "quick_check", |row| row.get(0))
        .map_err(|e| explain(path, e))?;
    if finding == "ok" {
        Ok(())
    } else {
        Err(OpenError::Damaged { path: path.to_owned(), finding: first_line(&finding) })
    }
}

/// A connection to a file that exists, with what every connection needs.
pub(super) fn open_file(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY)?;
    // What was answered must survive a loss of power.
    connection.pragma_update(None, "synchronous", "FULL")?;
    // Join tokens and keys do not stay behind in free pages.
    connection.pragma_update(None, "secure_delete", true)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    Ok(connection)
}

/// The path with `suffix` appended to its name.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn directory(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// Takes a file away from everyone but its owner; a restored backup may be open to all.
fn restrict(path: &Path) -> io::Result<()> {
    match fs::metadata(path) {
        Ok(metadata) if metadata.permissions().mode() & 0o077 != 0 => {
            tracing::warn!(path = %path.display(), "the store was open to others; now owner only");
            fs::set_permissions(path, Permissions::from_mode(OWNER_ONLY))
        }
        Ok(_) => Ok(()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}
