//! Whose process is at the other end of a connection on the loopback.
//!
//! Any user of a machine can connect to its loopback, and whoever is let in acts with the certificate of the
//! user who runs `tsh`. The kernel knows to whom the other socket belongs, and tells.

mod diag;

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// The kernel's tables. A socket for IPv6 may speak IPv4, so both may know a connection.
const TABLES: [&str; 2] = ["/proc/net/tcp", "/proc/net/tcp6"];

/// Whose a socket is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Owner {
    uid: u32,
    /// Whether a process still holds it. What was closed belongs to nobody, and the kernel says root.
    is_held: bool,
}

/// Why somebody was not let in.
#[derive(Debug, thiserror::Error)]
pub(super) enum Stranger {
    /// It is somebody else's.
    #[error("the process at {peer} is of the user with id {uid}, not yours")]
    Other {
        /// Where it is.
        peer: SocketAddr,
        /// Whose it is.
        uid: u32,
    },
    /// The connection is in no table: it may be over already.
    #[error("nobody knows whose process is at {0}")]
    Unknown(SocketAddr),
    /// There is no such table, on other systems than Linux.
    #[error("the kernel does not tell whose process is at the other end ({0})")]
    Untold(#[from] io::Error),
}

/// Refuses connections of other users' processes.
pub(super) async fn check(peer: SocketAddr, ours: SocketAddr) -> Result<(), Stranger> {
    let owner = match diag::owner(peer, ours) {
        Ok(owner) => owner,
        Err(error) => {
            tracing::debug!(%error, "the kernel was not to be asked; reading its tables");
            look_up(peer, ours).await?
        }
    };
    let me = nix::unistd::geteuid().as_raw();
    match owner.filter(|owner| owner.is_held) {
        Some(Owner { uid, .. }) if uid == me => Ok(()),
        Some(Owner { uid, .. }) => Err(Stranger::Other { peer, uid }),
        None => Err(Stranger::Unknown(peer)),
    }
}

async fn look_up(peer: SocketAddr, ours: SocketAddr) -> io::Result<Option<Owner>> {
    let mut untold = None;
    let mut told = false;
    for table in TABLES {
        match tokio::fs::read_to_string(table).await {
            Ok(text) => {
                told = true;
                if let Some(owner) = find(&text, peer, ours) {
                    return Ok(Some(owner));
                }
            }
            // A machine without IPv6 has one table only.
            Err(error) => untold = Some(error),
        }
    }
    untold.filter(|_| !told).map_or(Ok(None), Err)
}

/// The user whose socket in a table is at `peer` and speaks to `ours`.
fn find(table: &str, peer: SocketAddr, ours: SocketAddr) -> Option<Owner> {
    table.lines().skip(1).find_map(|line| {
        let mut fields = line.split_ascii_whitespace().skip(1);
        let (local, remote) = (fields.next()?, fields.next()?);
        if address(local)? != peer || address(remote)? != ours {
            return None;
        }
        // State, queues, timer, retransmissions; then a timeout.
        let uid = fields.nth(4)?.parse().ok()?;
        Some(Owner { uid, is_held: fields.nth(1)? != "0" })
    })
}

/// An address as the kernel prints it: the words of the IP as numbers of this machine, in hexadecimal.
fn address(text: &str) -> Option<SocketAddr> {
    let (ip, port) = text.split_once(':')?;
    let word = |at: usize| {
        let digits = ip.get(at * 8..at * 8 + 8)?;
        Some(u32::from_str_radix(digits, 16).ok()?.to_ne_bytes())
    };
    let ip = match ip.len() {
        8 => IpAddr::V4(Ipv4Addr::from(word(0)?)),
        32 => {
            let words = [word(0)?, word(1)?, word(2)?, word(3)?];
            let bytes: [u8; 16] = words.as_flattened().try_into().ok()?;
            IpAddr::V6(Ipv6Addr::from(bytes)).to_canonical()
        }
        _ => return None,
    };
    Some(SocketAddr::new(ip, u16::from_str_radix(port, 16).ok()?))
}

#[cfg(test)]
mod tests;
