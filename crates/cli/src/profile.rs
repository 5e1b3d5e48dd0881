//! What `tsh` keeps between two commands: for each proxy a profile, and in it the user's key and
//! certificate, readable by their owner only.
//!
//! Layout of the directory (`$TESSERA_HOME`, else `~/.tessera`): `current` names the proxy in use;
//! `<proxy>/profile.json` says who is signed in where; `<proxy>/identity.pem` is an identity file.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use anyhow::Context;
use pki::{IdentityFile, UserIdentity};
use serde::{Deserialize, Serialize};

use crate::environment;
use crate::exit::Refused;

/// The directory that holds all profiles.
#[derive(Clone, Debug)]
pub struct Home {
    path: PathBuf,
}

/// One sign-in.
#[derive(Debug)]
pub struct Profile {
    /// `host:port` of the proxy.
    pub proxy: String,
    /// Key, certificate, authorities.
    pub identity: IdentityFile,
    /// Whether the proxy's certificate is checked at all.
    pub insecure: bool,
    /// The cluster whose servers commands are about that name none; the proxy's own if there is none.
    pub selected: Option<String>,
}

/// What a profile says in the open.
#[derive(Debug, Serialize, Deserialize)]
struct Stored {
    proxy: String,
    #[serde(default)]
    insecure: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cluster: Option<String>,
}

// === impl Home ===

impl Home {
    /// The directory that the environment names, or the default below the user's home.
    ///
    /// # Errors
    /// Neither variable is set.
    pub fn find() -> anyhow::Result<Self> {
        if let Some(path) = environment::HOME.read() {
            return Ok(Self { path: PathBuf::from(path) });
        }
        let home = std::env::var_os("HOME").filter(|home| !home.is_empty()).with_context(|| {
            format!("neither HOME nor {} is set: no place for profiles", environment::HOME.name())
        })?;
        Ok(Self { path: Path::new(&home).join(".tessera") })
    }

    /// This directory.
    #[must_use]
    pub fn at(path: PathBuf) -> Self {
        Self { path }
    }

    /// Keeps a profile and makes it the current one.
    ///
    /// # Errors
    /// The directory cannot be written.
    pub fn save(&self, profile: &Profile) -> anyhow::Result<()> {
        let directory = self.directory(&profile.proxy);
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&directory)
            .with_context(|| format!("cannot create {}", directory.display()))?;
        profile.identity.write(&directory.join("identity.pem"))?;
        let (proxy, cluster) = (profile.proxy.clone(), profile.selected.clone());
        let stored = Stored { proxy, insecure: profile.insecure, cluster };
        let text = serde_json::to_vec_pretty(&stored)?;
        pki::secret_file::write(&directory.join("profile.json"), &text)?;
        pki::secret_file::write(&self.path.join("current"), profile.proxy.as_bytes())?;
        Ok(())
    }

    /// The proxy in use, if there is one.
    ///
    /// # Errors
    /// The directory cannot be read.
    pub fn current(&self) -> anyhow::Result<Option<String>> {
        let path = self.path.join("current");
        match fs::read_to_string(&path) {
            Ok(text) => Ok(Some(text.trim().to_owned()).filter(|text| !text.is_empty())),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
        }
    }

    /// The profile of this proxy, or of the current one.
    ///
    /// # Errors
    /// There is none, or it cannot be read.
    pub fn load(&self, proxy: Option<&str>) -> anyhow::Result<Profile> {
        let proxy = match proxy {
            Some(proxy) => Some(proxy.to_owned()),
            None => self.current()?,
        };
        let Some(proxy) = proxy else { return Err(not_signed_in(None).into()) };
        let directory = self.directory(&proxy);
        let text = match fs::read(directory.join("profile.json")) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Err(not_signed_in(Some(&proxy)).into());
            }
            Err(error) => {
                return Err(error).with_context(|| {
                    format!("cannot read the profile in {}", directory.display())
                });
            }
        };
        let stored: Stored = serde_json::from_slice(&text)
            .with_context(|| format!("the profile in {} is damaged", directory.display()))?;
        let identity = IdentityFile::read(&directory.join("identity.pem"))?;
        let Stored { proxy, insecure, cluster: selected } = stored;
        Ok(Profile { proxy, identity, insecure, selected })
    }

    /// The proxies that there are profiles of.
    ///
    /// # Errors
    /// The directory cannot be read.
    pub fn proxies(&self) -> anyhow::Result<Vec<String>> {
        let entries = match fs::read_dir(&self.path) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => {
                return Err(error).with_context(|| format!("cannot read {}", self.path.display()));
            }
        };
        let mut proxies = Vec::new();
        for entry in entries {
            let path = entry?.path().join("profile.json");
            if let Ok(text) = fs::read(&path)
                && let Ok(stored) = serde_json::from_slice::<Stored>(&text)
            {
                proxies.push(stored.proxy);
            }
        }
        proxies.sort();
        Ok(proxies)
    }

    /// Forgets a profile.
    ///
    /// # Errors
    /// It cannot be deleted.
    pub fn forget(&self, proxy: &str) -> anyhow::Result<()> {
        let directory = self.directory(proxy);
        fs::remove_dir_all(&directory)
            .with_context(|| format!("cannot delete {}", directory.display()))?;
        if self.current()?.as_deref() == Some(proxy) {
            fs::remove_file(self.path.join("current"))
                .with_context(|| format!("cannot write in {}", self.path.display()))?;
        }
        Ok(())
    }

    /// A proxy's address as a directory name: what is no letter, digit, dot or dash is escaped.
    fn directory(&self, proxy: &str) -> PathBuf {
        let name = api::escape(proxy);
        // Escaping leaves dots alone; a name of dots only would be another directory.
        let name = if name.bytes().all(|byte| byte == b'.') { format!("_{name}") } else { name };
        self.path.join(name)
    }
}

// === impl Profile ===

impl Profile {
    /// The cluster that was selected, as far as who signs in anew is the same.
    #[must_use]
    pub fn selected_by(&self, newer: &Self) -> Option<String> {
        let is_same = self.proxy == newer.proxy
            && self.identity.cluster == newer.identity.cluster
            && self.user().ok()?.name == newer.user().ok()?.name;
        self.selected.clone().filter(|_| is_same)
    }

    /// The user whom the certificate names. It is ours, so nobody needs to verify it.
    ///
    /// # Errors
    /// The certificate is not a user's.
    pub fn user(&self) -> anyhow::Result<UserIdentity> {
        match self.identity.certificate.unverified_identity()? {
            pki::Identity::User(user) => Ok(user),
            pki::Identity::Service(_) => {
                anyhow::bail!("the certificate is a service's, not a user's")
            }
        }
    }
}

fn not_signed_in(proxy: Option<&str>) -> Refused {
    let refused = Refused::new(match proxy {
        Some(proxy) => format!("not signed in to {proxy}"),
        None => "not signed in".to_owned(),
    });
    refused.hint(format!("tsh login --proxy={} --user=NAME", proxy.unwrap_or("HOST:PORT")))
}
