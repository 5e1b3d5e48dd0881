//! The product's own binaries, as built: `tessera` from the crate `server`, `tctl` and `tsh` from
//! the crate `cli`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use crate::{Argv, process};

/// Names the folder with binaries to test instead of those that belong to the test's own build: a
/// release, or a package's content.
pub const FOLDER_VARIABLE: &str = "TESSERA_BIN_DIR";

/// What builds the binaries that [`Binaries::locate`] finds.
pub const BUILD_COMMAND: &str = "cargo build -p server -p cli --bins";

/// Where the three binaries are.
#[derive(Debug, Clone)]
pub struct Binaries {
    folder: PathBuf,
}

// === impl Binaries ===

impl Binaries {
    /// Finds them: in the folder that the environment names, or next to the test's own build, where
    /// they must be as new as their sources.
    ///
    /// # Panics
    /// When one is missing or older than a file that it was built from, with the command that
    /// builds it.
    #[must_use]
    pub fn locate() -> Self {
        if let Some(folder) = std::env::var_os(FOLDER_VARIABLE) {
            let found = Self { folder: folder.into() };
            found.each(|binary| {
                assert!(
                    binary.is_file(),
                    "{} is missing; {FOLDER_VARIABLE} names its folder",
                    binary.display()
                )
            });
            return found;
        }
        let found = Self { folder: build_folder() };
        found.each(|binary| {
            assert!(
                binary.is_file(),
                "{} is missing: run `{BUILD_COMMAND}`, or `cargo xtask test`",
                binary.display()
            );
            if let Some(newer) = newer_source(binary) {
                panic!(
                    "{} is older than {}: run `{BUILD_COMMAND}`, or `cargo xtask test`",
                    binary.display(),
                    newer.display()
                );
            }
        });
        found
    }

    /// The folder, to be put in front of `PATH`.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The server.
    #[must_use]
    pub fn tessera(&self) -> Command {
        process::command(self.folder.join("tessera"))
    }

    /// The administrator's tool.
    #[must_use]
    pub fn tctl(&self) -> Command {
        process::command(self.folder.join("tctl"))
    }

    /// The user's tool, as a command that an MCP client can be given.
    #[must_use]
    pub fn tsh(&self) -> Argv {
        Argv::new(self.folder.join("tsh"))
    }

    fn each(&self, look: impl Fn(&Path)) {
        for name in ["tessera", "tctl", "tsh"] {
            look(&self.folder.join(name));
        }
    }
}

/// A test runs from `<target>/<profile>/deps`; binaries of the same build are one folder up.
fn build_folder() -> PathBuf {
    let test = std::env::current_exe()
        .unwrap_or_else(|cause| panic!("this test's own path is unknown: {cause}"));
    match test.parent().and_then(Path::parent) {
        Some(folder) => folder.to_path_buf(),
        None => panic!("{} does not lie in a build folder", test.display()),
    }
}

/// A source that changed after the binary was built from it. Cargo writes the list next to the
/// binary: `<binary>: <source> <source>…`.
fn newer_source(binary: &Path) -> Option<PathBuf> {
    let built = changed(binary)?;
    let list = fs::read_to_string(binary.with_extension("d")).ok()?;
    let (_, sources) = list.split_once(": ")?;
    // A blank in a path is written as `\ `.
    let sources = sources.trim_end().replace("\\ ", "\0");
    sources
        .split(' ')
        .map(|source| PathBuf::from(source.replace('\0', " ")))
        .find(|source| changed(source).is_some_and(|at| at > built))
}

fn changed(file: &Path) -> Option<SystemTime> {
    fs::metadata(file).and_then(|known| known.modified()).ok()
}

#[cfg(test)]
mod tests;
