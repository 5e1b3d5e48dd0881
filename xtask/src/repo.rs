//! Where the repository is and which files belong to it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::shell::Shell;

/// The checked-out repository.
#[derive(Debug)]
pub(crate) struct Repo {
    root: PathBuf,
}

// === impl Repo ===

impl Repo {
    /// Finds it from this package's own place: cargo tells it at run time, so that a moved checkout
    /// with an old build still finds itself.
    pub(crate) fn locate() -> Result<Self> {
        let package = std::env::var_os("CARGO_MANIFEST_DIR")
            .unwrap_or_else(|| OsString::from(env!("CARGO_MANIFEST_DIR")));
        let root = Path::new(&package).join("..");
        let root = root.canonicalize().with_context(|| format!("find {}", root.display()))?;
        if !root.join("layers.toml").is_file() {
            bail!("{} is not this repository: it has no layers.toml", root.display());
        }
        Ok(Self { root })
    }

    /// Its top folder.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// A path inside.
    pub(crate) fn join(&self, path: impl AsRef<Path>) -> PathBuf {
        self.root.join(path)
    }

    /// Where `setup` installs.
    pub(crate) fn real(&self) -> PathBuf {
        self.join(".real")
    }

    /// Where cargo builds.
    pub(crate) fn target(&self) -> PathBuf {
        self.join(std::env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into()))
    }

    /// A program started at the top folder, which finds what `setup` installed before anything
    /// else.
    pub(crate) fn shell(&self, program: impl Into<OsString>) -> Shell {
        let mut folders = vec![self.real().join("cargo/bin")];
        folders.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()));
        let shell = Shell::new(program).within(&self.root);
        match std::env::join_paths(folders) {
            Ok(path) => shell.env("PATH", path),
            Err(_) => shell,
        }
    }

    /// Cargo, the one that runs this.
    pub(crate) fn cargo(&self) -> Shell {
        self.shell(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
    }

    /// Every file that is or would be committed, as paths from the top folder.
    pub(crate) fn files(&self) -> Result<Vec<String>> {
        let words = ["ls-files", "--cached", "--others", "--exclude-standard", "-z"];
        let listed = self.shell("git").args(words).output()?;
        let mut files: Vec<String> =
            listed.split('\0').filter(|file| !file.is_empty()).map(str::to_owned).collect();
        // A file that is deleted and not yet committed is still listed.
        files.retain(|file| self.join(file).is_file());
        if files.is_empty() {
            bail!("git lists no files in {}", self.root.display());
        }
        Ok(files)
    }

    /// Reads a file.
    pub(crate) fn read(&self, path: impl AsRef<Path>) -> Result<String> {
        let path = self.join(path);
        std::fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))
    }
}
