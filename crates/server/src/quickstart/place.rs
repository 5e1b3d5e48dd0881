//! Where a quickstart keeps its state, and the configuration that it runs with.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{DirBuilderExt, symlink};
use std::path::{Path, PathBuf};

use anyhow::Context;
use resource::Source;

use crate::config::{self, Config};

/// The directories and files of a quickstart.
#[derive(Debug)]
pub(super) struct Place {
    /// Everything is below this directory.
    pub(super) root: PathBuf,
    /// This program.
    pub(super) program: PathBuf,
    port: u16,
}

// === impl Place ===

impl Place {
    /// Finds or makes the place.
    pub(super) fn prepare(given: Option<PathBuf>, port: u16) -> anyhow::Result<Self> {
        let root = match given {
            Some(root) => root,
            None => default_root()?,
        };
        let create = |path: &Path| {
            fs::DirBuilder::new().recursive(true).mode(0o700).create(path).with_context(|| {
                format!("cannot create {}: --data-dir names another place", path.display())
            })
        };
        create(&root)?;
        let root =
            root.canonicalize().with_context(|| format!("cannot find {} again", root.display()))?;
        // A directory that exists may still refuse to be written; better now than half-way.
        let probe = root.join(".writable");
        fs::write(&probe, b"").with_context(|| {
            format!("cannot write in {}: --data-dir names another place", root.display())
        })?;
        fs::remove_file(&probe).with_context(|| format!("cannot write in {}", root.display()))?;
        create(&root.join("bin"))?;
        let port = free_port(port)?;
        let program = std::env::current_exe().context("cannot tell where this program is")?;
        let place = Self { root, program, port };
        place.link_tools()?;
        pki::secret_file::write(&place.config_file(), place.config_text().as_bytes())?;
        Ok(place)
    }

    /// The configuration file, with which `tctl -c` finds the cluster.
    pub(super) fn config_file(&self) -> PathBuf {
        self.root.join("tessera.yaml")
    }

    /// Where alice's `tsh` keeps its profile.
    pub(super) fn home(&self) -> PathBuf {
        self.root.join("alice")
    }

    /// A tool of this program by its own name.
    pub(super) fn tool(&self, name: &str) -> PathBuf {
        self.root.join("bin").join(name)
    }

    /// The configuration.
    pub(super) fn config(&self) -> anyhow::Result<Config> {
        let path = self.config_file();
        config::parse(&Source::new(&path.display().to_string(), &self.config_text()))
    }

    fn config_text(&self) -> String {
        let data_dir = serde_json::Value::from(self.root.join("data").display().to_string());
        format!(
            "version: v3\n\
             tessera:\n  \
               nodename: localhost\n  \
               data_dir: {data_dir}\n\
             auth_service:\n  \
               enabled: yes\n  \
               cluster_name: quickstart\n  \
               listen_addr: 127.0.0.1:0\n\
             proxy_service:\n  \
               enabled: yes\n  \
               web_listen_addr: 127.0.0.1:{port}\n  \
               public_addr: localhost:{port}\n\
             app_service:\n  \
               enabled: yes\n  \
               mcp_demo_server: yes\n  \
               resources:\n  \
               - labels:\n      \
                   '*': '*'\n",
            port = self.port
        )
    }

    /// `tsh` and `tctl` as links to this program.
    fn link_tools(&self) -> anyhow::Result<()> {
        for name in ["tsh", "tctl"] {
            let link = self.tool(name);
            if fs::read_link(&link).is_ok_and(|target| target == self.program) {
                continue;
            }
            if link.symlink_metadata().is_ok() {
                fs::remove_file(&link)
                    .with_context(|| format!("cannot replace {}", link.display()))?;
            }
            symlink(&self.program, &link)
                .with_context(|| format!("cannot create {}", link.display()))?;
        }
        Ok(())
    }
}

fn default_root() -> anyhow::Result<PathBuf> {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let data = set("XDG_DATA_HOME").or_else(|| Some(set("HOME")?.join(".local").join("share")));
    let data = data.context("neither XDG_DATA_HOME nor HOME is set: give --data-dir")?;
    Ok(data.join("tessera").join("quickstart"))
}

/// The port itself, after a look whether it is free; for 0 one that is.
fn free_port(port: u16) -> anyhow::Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", port)).with_context(|| {
        format!(
            "cannot listen on 127.0.0.1:{port}: another quickstart may be running there; \
             --port picks another port"
        )
    })?;
    Ok(listener.local_addr().context("cannot tell which port is free")?.port())
}
