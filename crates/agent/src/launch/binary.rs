//! What keepers are made of.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use keeper::PROBE;
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, SealFlag, fcntl};
use nix::sys::memfd::{MFdFlags, memfd_create};

/// `MFD_EXEC` of Linux 6.3: without it some hosts let nothing be executed that is in memory only.
const EXECUTABLE: MFdFlags = MFdFlags::from_bits_retain(0x10);

/// A program that enters [`keeper::main_keeper`] when its first argument is [`keeper::KEEPER`], and
/// so on.
#[derive(Debug)]
pub struct Binary {
    path: PathBuf,
    /// What the path leads to, unless that is a file.
    _memory: Option<OwnedFd>,
}

// === impl Binary ===

impl Binary {
    /// A program that is no file: `image` is its content, and nobody can change it any more.
    ///
    /// # Errors
    /// This host keeps no programs in memory, does not execute them from there, or `image` is none.
    pub fn in_memory(image: &[u8]) -> io::Result<Self> {
        // It closes in keepers: they were executed by then.
        let flags = MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING;
        let memory = match memfd_create(c"mcp-keeper", flags | EXECUTABLE) {
            Err(Errno::EINVAL) => memfd_create(c"mcp-keeper", flags)?,
            made => made?,
        };
        let mut file = File::from(memory);
        file.write_all(image)?;
        let seals = SealFlag::F_SEAL_WRITE | SealFlag::F_SEAL_GROW | SealFlag::F_SEAL_SHRINK;
        fcntl(&file, FcntlArg::F_ADD_SEALS(seals | SealFlag::F_SEAL_SEAL))?;
        // Whoever is forked from here finds it under the same number.
        let path = PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()));
        let binary = Self { path, _memory: Some(file.into()) };
        binary.probe()?;
        Ok(binary)
    }

    /// Where to execute it.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether it can be executed here.
    fn probe(&self) -> io::Result<()> {
        let status = Command::new(&self.path)
            .arg(PROBE)
            .env_clear()
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()?;
        if status.success() { Ok(()) } else { Err(io::Error::other(status.to_string())) }
    }
}

/// The path of a program; `/proc/self/exe` outlives an update of the file.
impl From<&str> for Binary {
    fn from(path: &str) -> Self {
        Self { path: path.into(), _memory: None }
    }
}

#[cfg(test)]
mod tests;
