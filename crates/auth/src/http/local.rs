//! The local socket: whoever may open it administers the cluster.
//!
//! Its mode keeps everybody out but the service's own user and root, and the system is asked again
//! for each connection who is at the other end.

use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use runtime::Tasks;
use tokio::net::{UnixListener, UnixStream};
use tokio_util::sync::CancellationToken;

use super::connection::{self, Peer};
use crate::caller::Caller;
use crate::core::Core;

/// The socket's name within the data directory.
pub const SOCKET_NAME: &str = "auth.sock";
/// The longest path of a socket: `sun_path` has 108 bytes on Linux, the last of them zero.
const MAX_PATH: usize = 107;
/// How long to wait when the system has no descriptor for another connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The local socket could not be made.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    /// Another auth service runs over the same directory.
    #[error("another auth service runs with the data directory {}", .0.display())]
    InUse(PathBuf),
    /// The system cannot name it.
    #[error(
        "the path {} is too long for a socket (at most {MAX_PATH} bytes); choose a shorter data_dir",
        .0.display()
    )]
    TooLong(PathBuf),
    /// The system refused.
    #[error("cannot {verb} {}", path.display())]
    Io {
        /// What was tried.
        verb: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
}

/// Makes the socket in `data_dir`, which is made, closed to everybody else, if it is not there. A socket
/// that nobody listens on any more is replaced.
///
/// # Errors
/// Another auth service uses the directory, or the system refuses.
pub fn bind(data_dir: &Path) -> Result<UnixListener, SocketError> {
    let failed = |verb, path: &Path| {
        let path = path.to_owned();
        move |source| SocketError::Io { verb, path, source }
    };
    // A directory that is there is the operator's: its mode is left alone, whatever it is.
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(data_dir)
        .map_err(failed("create", data_dir))?;
    let path = data_dir.join(SOCKET_NAME);
    if path.as_os_str().len() > MAX_PATH {
        return Err(SocketError::TooLong(path));
    }
    match std::os::unix::net::UnixStream::connect(&path) {
        Ok(_answered) => return Err(SocketError::InUse(data_dir.to_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(_nobody) => fs::remove_file(&path).map_err(failed("remove", &path))?,
    }
    let listener = UnixListener::bind(&path).map_err(failed("listen on", &path))?;
    fs::set_permissions(&path, Permissions::from_mode(0o600))
        .map_err(failed("restrict access to", &path))?;
    Ok(listener)
}

/// Accepts connections until the service stops, then removes the socket.
pub(crate) async fn run(
    core: Arc<Core>,
    router: axum::Router,
    listener: UnixListener,
    tasks: Tasks,
) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = tasks.cancelled() => break,
        };
        match accepted {
            Ok((stream, _unnamed)) => {
                let (core, router) = (core.clone(), router.clone());
                let tasks_of_connection = tasks.clone();
                tasks.spawn("auth.local_connection", async move {
                    let peer = Peer {
                        caller: identify(&stream),
                        chain: Arc::new([]),
                        address: None,
                        connection: CancellationToken::new(),
                    };
                    connection::serve(&core, router, stream, peer, &tasks_of_connection).await;
                });
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection to the local socket");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    if let Some(path) =
        listener.local_addr().ok().as_ref().and_then(|address| address.as_pathname())
        && let Err(error) = fs::remove_file(path)
    {
        tracing::debug!(%error, "cannot remove the local socket");
    }
}

/// Root and the service's own user are administrators; anybody else is nobody.
fn identify(stream: &UnixStream) -> Caller {
    match stream.peer_cred() {
        Ok(peer) => administrator(peer.uid(), nix::unistd::geteuid().as_raw()),
        Err(error) => {
            tracing::warn!(%error, "the system does not say who opened the local socket");
            Caller::Anonymous
        }
    }
}

fn administrator(peer: u32, own: u32) -> Caller {
    if peer == 0 || peer == own { Caller::LocalAdmin { uid: peer } } else { Caller::Anonymous }
}

#[cfg(test)]
mod tests;
