//! The question to the kernel about one connection (`sock_diag(7)`, `inet_diag_req_v2` in
//! `linux/inet_diag.h`). Its tables in `/proc` say the same, after a walk over all sockets.

use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsRawFd as _;

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, recvfrom, sendto,
    socket,
};

use super::Owner;

/// `SOCK_DIAG_BY_FAMILY`: the type of question and answer.
const BY_FAMILY: u16 = 20;
/// `NLMSG_ERROR`.
const ERROR: u16 = 2;
/// `NLM_F_REQUEST`.
const REQUEST: u16 = 1;
const TCP: u8 = 6;
/// Header of a netlink message, and question behind it.
const HEADER: usize = 16;
const QUESTION: usize = 56;
/// Where in an answer it says which socket it is, whose, and which of its inodes.
const ANSWER_ID: usize = HEADER + 4;
const ANSWER_UID: usize = HEADER + 64;
const ANSWER_INODE: usize = HEADER + 68;

/// Who has the socket at `peer` that speaks to `ours`; nothing when nobody has.
pub(super) fn owner(peer: SocketAddr, ours: SocketAddr) -> nix::Result<Option<Owner>> {
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let kernel =
        socket(AddressFamily::Netlink, SockType::Datagram, flags, SockProtocol::NetlinkSockDiag)?;
    let question = question(peer, ours);
    sendto(kernel.as_raw_fd(), &question, &NetlinkAddr::new(0, 0), MsgFlags::empty())?;
    let mut buffer = [0; 4096];
    let (length, from) = recvfrom::<NetlinkAddr>(kernel.as_raw_fd(), &mut buffer)?;
    if from.is_none_or(|from| from.pid() != 0) {
        return Err(Errno::EPROTO);
    }
    read(buffer.get(..length).unwrap_or_default(), peer, ours)
}

fn question(peer: SocketAddr, ours: SocketAddr) -> Vec<u8> {
    let family = if peer.is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 };
    let mut question = Vec::with_capacity(HEADER + QUESTION);
    question.extend(u32::try_from(HEADER + QUESTION).unwrap_or_default().to_ne_bytes());
    question.extend(BY_FAMILY.to_ne_bytes());
    question.extend(REQUEST.to_ne_bytes());
    // Number, and address of the asker: the kernel knows.
    question.extend([0; 8]);
    question.extend([u8::try_from(family as i32).unwrap_or_default(), TCP, 0, 0]);
    // In any state.
    question.extend(u32::MAX.to_ne_bytes());
    question.extend(peer.port().to_be_bytes());
    question.extend(ours.port().to_be_bytes());
    for ip in [peer.ip(), ours.ip()] {
        match ip {
            IpAddr::V4(ip) => {
                question.extend(ip.octets());
                question.extend([0; 12]);
            }
            IpAddr::V6(ip) => question.extend(ip.octets()),
        }
    }
    // On any interface, and without a cookie.
    question.extend([0; 4]);
    question.extend([0xff; 8]);
    question
}

fn read(answer: &[u8], peer: SocketAddr, ours: SocketAddr) -> nix::Result<Option<Owner>> {
    let kind = answer.get(4..6).and_then(|bytes| bytes.try_into().ok()).map(u16::from_ne_bytes);
    let word = |at: usize| {
        let bytes = answer.get(at..at + 4)?;
        bytes.try_into().ok().map(u32::from_ne_bytes)
    };
    match kind {
        Some(BY_FAMILY) => {
            // Where there is no such connection, the kernel tells of who listens at the peer's port.
            if ends(answer).ok_or(Errno::EPROTO)? != (peer, ours) {
                return Ok(None);
            }
            let uid = word(ANSWER_UID).ok_or(Errno::EPROTO)?;
            let inode = word(ANSWER_INODE).ok_or(Errno::EPROTO)?;
            Ok(Some(Owner { uid, is_held: inode != 0 }))
        }
        Some(ERROR) => {
            let code = word(HEADER).map(u32::cast_signed).ok_or(Errno::EPROTO)?;
            match Errno::from_raw(code.saturating_neg()) {
                Errno::ENOENT => Ok(None),
                error => Err(error),
            }
        }
        _ => Err(Errno::EPROTO),
    }
}

/// Both ends of the socket in an answer. One for IPv6 that speaks IPv4 has addresses of both at once.
fn ends(answer: &[u8]) -> Option<(SocketAddr, SocketAddr)> {
    let is_v4 = i32::from(*answer.get(HEADER)?) == AddressFamily::Inet as i32;
    let port = |at: usize| {
        Some(u16::from_be_bytes(answer.get(ANSWER_ID + at..ANSWER_ID + at + 2)?.try_into().ok()?))
    };
    let ip = |at: usize| {
        let bytes: [u8; 16] = answer.get(ANSWER_ID + at..ANSWER_ID + at + 16)?.try_into().ok()?;
        Some(if is_v4 {
            let [a, b, c, d, ..] = bytes;
            IpAddr::from([a, b, c, d])
        } else {
            IpAddr::from(bytes).to_canonical()
        })
    };
    Some((SocketAddr::new(ip(4)?, port(0)?), SocketAddr::new(ip(20)?, port(2)?)))
}

#[cfg(test)]
mod tests;
