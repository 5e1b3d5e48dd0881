//! The auth service on this machine: what its configuration file says of how to reach it.
//!
//! Only two keys matter here. The rest is read by the services, and what is wrong with it is told
//! by them.

use std::fs::File;
use std::io::{self, ErrorKind, Read as _};
use std::os::fd::AsRawFd as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use resource::decode::{FromNode, Reader, decode_config};
use resource::{Node, Source};

use super::args::ConfigFile;
use crate::exit::Refused;

/// The socket's name within the data directory.
const SOCKET_NAME: &str = "auth.sock";
/// Where state is kept unless the file says otherwise.
const DATA_DIR: &str = "/var/lib/tessera";
/// The largest configuration file that is read.
const MAX_FILE: u64 = 1 << 20;
/// The longest path of a socket: `sun_path` has 108 bytes on Linux, the last of them zero.
const MAX_SOCKET_PATH: usize = 107;

/// What a configuration file says of the auth service on its machine.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Local {
    data_dir: PathBuf,
    runs_auth: bool,
}

/// The auth service's local socket.
#[derive(Debug)]
pub(super) struct Socket {
    /// A path that fits a socket's address.
    pub(super) path: PathBuf,
    /// The directory, when the path leads through its descriptor: it must stay open as long as the
    /// path is used.
    pub(super) directory: Option<File>,
}

/// Why the local socket cannot be used.
#[derive(Debug)]
pub(super) enum Closed {
    /// This user may not enter the data directory.
    NotAllowed(Refused),
    /// It is not there, or the system fails.
    Absent(Refused),
}

/// The data directory of the auth service that the configuration file enables, if it does.
pub(super) fn data_dir(file: &ConfigFile) -> anyhow::Result<Option<PathBuf>> {
    let path = &file.path;
    let text = match read(path) {
        Ok(text) => text,
        // What nobody named need not be there, nor be ours to read.
        Err(error)
            if !file.is_named
                && matches!(error.kind(), ErrorKind::NotFound | ErrorKind::PermissionDenied) =>
        {
            return Ok(None);
        }
        Err(error) => {
            return Err(error)
                .with_context(|| format!("cannot read the configuration file {}", path.display()));
        }
    };
    let source = Source::from_bytes(&path.display().to_string(), &text)?;
    let local: Local = decode_config(&source)?;
    Ok(local.runs_auth.then_some(local.data_dir))
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    File::open(path)?.take(MAX_FILE + 1).read_to_end(&mut text)?;
    if text.len() as u64 > MAX_FILE {
        return Err(io::Error::other("it is larger than 1 MiB"));
    }
    Ok(text)
}

// === impl Local ===

impl FromNode for Local {
    fn from_node(reader: Reader<'_>) -> Option<Self> {
        let mut local = Self { data_dir: PathBuf::from(DATA_DIR), runs_auth: false };
        for (name, section) in sections(reader)? {
            match name {
                "tessera" | "teleport" => {
                    if let Some(data_dir) = field(section, "data_dir") {
                        local.data_dir = PathBuf::from(data_dir.read::<String>()?);
                    }
                }
                "auth_service" => {
                    // A section that is there is on, unless it says otherwise.
                    local.runs_auth = match field(section, "enabled") {
                        Some(enabled) => enabled.read()?,
                        None => true,
                    };
                }
                _ => {}
            }
        }
        Some(local)
    }
}

/// The keys that have something behind them.
fn sections(reader: Reader<'_>) -> Option<impl Iterator<Item = (&str, Reader<'_>)>> {
    Some(reader.entries()?.filter(|(_, value)| !Node::is_null(value.node())))
}

fn field<'n>(section: Reader<'n>, name: &str) -> Option<Reader<'n>> {
    sections(section)?.find(|(key, _)| *key == name).map(|(_, value)| value)
}

// === impl Socket ===

impl Socket {
    /// Finds the socket in a data directory.
    pub(super) fn find(data_dir: &Path) -> Result<Self, Closed> {
        let path = data_dir.join(SOCKET_NAME);
        match path.try_exists() {
            Ok(true) => {}
            Ok(false) => return Err(Closed::Absent(not_running(data_dir))),
            Err(error) if error.kind() == ErrorKind::PermissionDenied => {
                return Err(Closed::NotAllowed(not_allowed(data_dir)));
            }
            Err(error) => return Err(Closed::Absent(failed(data_dir, &error))),
        }
        if path.as_os_str().len() <= MAX_SOCKET_PATH {
            return Ok(Self { path, directory: None });
        }
        let directory =
            File::open(data_dir).map_err(|error| Closed::Absent(failed(data_dir, &error)))?;
        let through = format!("/proc/self/fd/{}/{SOCKET_NAME}", directory.as_raw_fd());
        Ok(Self { path: PathBuf::from(through), directory: Some(directory) })
    }
}

fn not_running(data_dir: &Path) -> Refused {
    Refused::new(format!("no auth service runs with the data directory {}", data_dir.display()))
        .hint("start it: tessera start")
}

fn not_allowed(data_dir: &Path) -> Refused {
    Refused::new(format!("the data directory {} is closed to this user", data_dir.display()))
        .hint("run tctl as root or as the user that the auth service runs as")
        .hint("or sign in first: tsh login --proxy=HOST:PORT --user=NAME")
}

fn failed(data_dir: &Path, error: &io::Error) -> Refused {
    Refused::new(format!("cannot look into the data directory {}: {error}", data_dir.display()))
}

#[cfg(test)]
mod tests;
