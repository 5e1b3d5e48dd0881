//! As whom, and by which way, `tctl` reaches the cluster.
//!
//! An identity file goes first: whoever names one means it. On the auth service's host the local
//! socket comes next. Everywhere else it is the sign-in that `tsh` keeps.

use std::fs::File;
use std::path::{Path, PathBuf};

use api::{Client, Endpoint};
use pki::IdentityFile;

use super::args::{ConfigFile, Global};
use super::local::{self, Closed, Socket};
use crate::address::{PROXY_PORT, with_port};
use crate::environment;
use crate::exit::{Refused, Usage};
use crate::run::Context;
use crate::session::Session;

/// A cluster that can be spoken to.
#[derive(Debug)]
pub(super) struct Cluster {
    /// The auth API.
    pub(super) client: Client,
    /// `host:port` of a proxy, where the credentials name one.
    pub(super) proxy: Option<String>,
    /// Kept open because the socket's path leads through it.
    _directory: Option<File>,
}

/// The way to the cluster.
#[derive(Debug, PartialEq, Eq)]
enum Way {
    /// As the file says, at this address or at the file's own.
    Identity(PathBuf, Option<String>),
    /// As the local administrator, through the socket in this data directory.
    Socket(PathBuf),
    /// As `tsh` signed in, at this address or at the profile's proxy.
    Profile(Option<String>),
}

/// Which way the options mean. A local auth service counts only while nothing says otherwise.
fn way(
    identity: Option<PathBuf>,
    address: Option<String>,
    data_dir: impl FnOnce() -> anyhow::Result<Option<PathBuf>>,
) -> anyhow::Result<Way> {
    if let Some(file) = identity {
        return Ok(Way::Identity(file, address));
    }
    if address.is_some() {
        return Ok(Way::Profile(address));
    }
    Ok(match data_dir()? {
        Some(data_dir) => Way::Socket(data_dir),
        None => Way::Profile(None),
    })
}

// === impl Cluster ===

impl Cluster {
    /// The cluster that the options mean.
    pub(super) fn open(cx: &Context, global: &Global) -> anyhow::Result<Self> {
        let config = global.config();
        match way(global.identity(), global.auth_server(), || local::data_dir(&config))? {
            Way::Identity(file, address) => Self::by_identity(cx, &file, address),
            Way::Socket(data_dir) => Self::by_socket(cx, &data_dir),
            Way::Profile(address) => {
                let session = signed_in().map_err(|error| explain(error, &config))?;
                Self::by_session(cx, &session, address)
            }
        }
    }

    fn by_identity(cx: &Context, path: &Path, address: Option<String>) -> anyhow::Result<Self> {
        let file = IdentityFile::read(path)?;
        let proxy = file.proxy.clone();
        let Some(address) = address.or_else(|| proxy.clone()) else {
            return Err(Usage(format!(
                "{} does not say where the cluster is: give --auth-server=HOST:PORT",
                path.display()
            ))
            .into());
        };
        let session = Session::of_file(file, address.clone())?;
        session.require_valid(cx.clock.now())?;
        Ok(Self { client: session.auth_at(address, &cx.tasks)?, proxy, _directory: None })
    }

    fn by_socket(cx: &Context, data_dir: &Path) -> anyhow::Result<Self> {
        let refused = match Socket::find(data_dir) {
            Ok(socket) => {
                let client = Client::new(Endpoint::Unix(socket.path), cx.tasks.clone());
                return Ok(Self { client, proxy: None, _directory: socket.directory });
            }
            Err(Closed::Absent(refused)) => return Err(refused.into()),
            Err(Closed::NotAllowed(refused)) => refused,
        };
        // People who work on the auth service's host sign in like everybody else.
        match signed_in() {
            Ok(session) => Self::by_session(cx, &session, None),
            Err(_nobody) => Err(refused.into()),
        }
    }

    fn by_session(
        cx: &Context,
        session: &Session,
        address: Option<String>,
    ) -> anyhow::Result<Self> {
        session.require_valid(cx.clock.now())?;
        let client = match address {
            Some(address) => session.auth_at(address, &cx.tasks)?,
            None => session.auth(&cx.tasks)?,
        };
        Ok(Self { client, proxy: Some(session.proxy.clone()), _directory: None })
    }
}

/// The sign-in that `tsh` keeps.
fn signed_in() -> anyhow::Result<Session> {
    let proxy = environment::PROXY.read().map(|proxy| with_port(&proxy, PROXY_PORT));
    Session::open(None, proxy.as_deref())
}

/// Says which other ways there would have been.
fn explain(error: anyhow::Error, config: &ConfigFile) -> anyhow::Error {
    let Some(refused) = error.downcast_ref::<Refused>() else { return error };
    let here = config.path.display();
    let refused = Refused { message: refused.message.clone(), hints: refused.hints.clone() };
    let refused = if config.is_named {
        refused.hint(format!("{here} enables no auth service on this machine"))
    } else {
        refused
            .hint("on the auth service's host: tctl -c FILE, with the configuration of the service")
    };
    refused.hint("with an identity file: tctl -i FILE --auth-server=HOST:PORT").into()
}

#[cfg(test)]
mod tests;
