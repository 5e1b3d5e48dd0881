//! A folder of a test's own, gone when it ends and kept when it fails.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// A temporary folder. When the test panics it stays, and its path is printed.
#[derive(Debug)]
pub struct Scratch {
    folder: Option<TempDir>,
    path: PathBuf,
}

// === impl Scratch ===

impl Scratch {
    /// A new, empty folder. The path is short, because Unix sockets may be put into it.
    ///
    /// # Panics
    /// When the folder cannot be made.
    #[must_use]
    pub fn new() -> Self {
        let made = tempfile::Builder::new().prefix("tessera-").tempdir();
        let folder =
            made.unwrap_or_else(|cause| panic!("a temporary folder could not be made: {cause}"));
        Self { path: folder.path().to_path_buf(), folder: Some(folder) }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A path inside; nothing is created.
    #[must_use]
    pub fn join(&self, name: impl AsRef<Path>) -> PathBuf {
        self.path.join(name)
    }

    /// A folder inside, created.
    ///
    /// # Panics
    /// When it cannot be made.
    #[must_use]
    pub fn folder(&self, name: impl AsRef<Path>) -> PathBuf {
        let path = self.join(name);
        fs::create_dir_all(&path)
            .unwrap_or_else(|cause| panic!("{} could not be made: {cause}", path.display()));
        path
    }

    /// A file inside, written; folders on the way are created.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn write(&self, name: impl AsRef<Path>, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.join(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)
                .unwrap_or_else(|cause| panic!("{} could not be made: {cause}", parent.display()));
        }
        fs::write(&path, content)
            .unwrap_or_else(|cause| panic!("{} could not be written: {cause}", path.display()));
        path
    }
}

impl Default for Scratch {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let Some(folder) = self.folder.take() else { return };
        if std::thread::panicking() {
            eprintln!("the test's folder is kept: {}", folder.keep().display());
        }
    }
}
