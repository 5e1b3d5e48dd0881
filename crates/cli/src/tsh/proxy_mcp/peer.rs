//! Whose process is at the other end of a connection on the loopback.
//!
//! Any user of a machine can connect to its loopback, and whoever is let in acts with the certificate of the
//! user who runs `tsh`. The kernel knows to whom the other socket belongs, and tells in `/proc/net/tcp`.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// The kernel's tables. A socket for IPv6 may speak IPv4, so both may know a connection.
const TABLES: [&str; 2] = ["/proc/net/tcp", "/proc/net/tcp6"];

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
    let (mut uid, mut untold) = (None, None);
    for table in TABLES {
        match tokio::fs::read_to_string(table).await {
            Ok(text) => uid = uid.or_else(|| owner(&text, peer, ours)),
            Err(error) => untold = Some(error),
        }
    }
    match (uid, untold) {
        (Some(uid), _) if uid == nix::unistd::geteuid().as_raw() => Ok(()),
        (Some(uid), _) => Err(Stranger::Other { peer, uid }),
        // A machine without IPv6 has one table only.
        (None, Some(error)) if peer.is_ipv6() || error.kind() != io::ErrorKind::NotFound => {
            Err(error.into())
        }
        (None, _) => Err(Stranger::Unknown(peer)),
    }
}

/// The user whose socket in a table is at `peer` and speaks to `ours`.
fn owner(table: &str, peer: SocketAddr, ours: SocketAddr) -> Option<u32> {
    table.lines().skip(1).find_map(|line| {
        let mut fields = line.split_ascii_whitespace().skip(1);
        let (local, remote) = (fields.next()?, fields.next()?);
        if address(local)? != peer || address(remote)? != ours {
            return None;
        }
        // State, queues, timer, retransmissions.
        fields.nth(4)?.parse().ok()
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
