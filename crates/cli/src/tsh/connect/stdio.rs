//! Standard input and output, waited for instead of blocked on.
//!
//! Clients start `tsh` with pipes, or with Unix sockets. Reading and writing these on a thread of
//! their own, as has to be done with files, would hand each message from thread to thread twice. The
//! descriptors are shared with whoever started us, so they must not be made non-blocking: a pipe is
//! opened once more, which gives a descriptor of our own, and a socket is asked not to block each
//! time.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use bytes::BytesMut;
use nix::sys::socket::{MsgFlags, recv, send};
use nix::sys::stat::{SFlag, fstat};
use tokio::io::unix::AsyncFd;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, Interest};
use tokio::net::unix::pipe;

/// How much is read at once.
const CHUNK: usize = 64 << 10;

/// Standard input.
#[derive(Debug)]
pub(super) enum Input {
    Pipe(pipe::Receiver),
    Socket {
        socket: AsyncFd<OwnedFd>,
        space: Vec<u8>,
    },
    /// A file or a terminal, read on a thread of its own.
    Other(tokio::io::Stdin),
}

/// Standard output.
#[derive(Debug)]
pub(super) enum Output {
    Pipe(pipe::Sender),
    Socket(AsyncFd<OwnedFd>),
    /// A file or a terminal, written on a thread of its own.
    Other(tokio::io::Stdout),
}

/// What is at the other end.
enum Kind {
    Pipe,
    Socket,
    Other,
}

// === impl Input ===

impl Input {
    /// Ours, by the way that suits what it is.
    pub(super) fn open() -> Self {
        Self::of(io::stdin().as_fd()).unwrap_or_else(|| Self::Other(tokio::io::stdin()))
    }

    /// What can be waited for. A pipe that belongs to another user, for example, cannot be opened once
    /// more.
    pub(super) fn of(fd: BorrowedFd<'_>) -> Option<Self> {
        match kind(fd) {
            Kind::Pipe => pipe::OpenOptions::new().open_receiver(path(fd)).map(Self::Pipe).ok(),
            Kind::Socket => socket(fd, Interest::READABLE)
                .map(|socket| Self::Socket { socket, space: vec![0; CHUNK] })
                .ok(),
            Kind::Other => None,
        }
    }

    /// Reads what is there into `buffer`, waiting until something is; 0 at the end. Dropped while it
    /// waits, it has read nothing.
    pub(super) async fn read(&mut self, buffer: &mut BytesMut) -> io::Result<usize> {
        match self {
            Self::Pipe(pipe) => {
                buffer.reserve(CHUNK);
                pipe.read_buf(buffer).await
            }
            Self::Socket { socket, space } => {
                let read = socket
                    .async_io(Interest::READABLE, |socket| {
                        Ok(recv(socket.as_raw_fd(), space, MsgFlags::MSG_DONTWAIT)?)
                    })
                    .await?;
                buffer.extend_from_slice(space.get(..read).unwrap_or_default());
                Ok(read)
            }
            Self::Other(stdin) => {
                buffer.reserve(CHUNK);
                stdin.read_buf(buffer).await
            }
        }
    }
}

// === impl Output ===

impl Output {
    /// Ours, by the way that suits what it is.
    pub(super) fn open() -> Self {
        Self::of(io::stdout().as_fd()).unwrap_or_else(|| Self::Other(tokio::io::stdout()))
    }

    pub(super) fn of(fd: BorrowedFd<'_>) -> Option<Self> {
        match kind(fd) {
            Kind::Pipe => pipe::OpenOptions::new().open_sender(path(fd)).map(Self::Pipe).ok(),
            Kind::Socket => socket(fd, Interest::WRITABLE).map(Self::Socket).ok(),
            Kind::Other => None,
        }
    }

    /// Writes it all.
    pub(super) async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Pipe(pipe) => pipe.write_all(bytes).await,
            Self::Socket(socket) => {
                let mut rest = bytes;
                while !rest.is_empty() {
                    let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL;
                    let written = socket
                        .async_io(Interest::WRITABLE, |socket| {
                            Ok(send(socket.as_raw_fd(), rest, flags)?)
                        })
                        .await?;
                    rest = rest.get(written..).unwrap_or_default();
                }
                Ok(())
            }
            Self::Other(stdout) => {
                stdout.write_all(bytes).await?;
                stdout.flush().await
            }
        }
    }
}

fn kind(fd: BorrowedFd<'_>) -> Kind {
    let Ok(known) = fstat(fd) else { return Kind::Other };
    match SFlag::from_bits_truncate(known.st_mode) & SFlag::S_IFMT {
        SFlag::S_IFIFO => Kind::Pipe,
        SFlag::S_IFSOCK => Kind::Socket,
        _ => Kind::Other,
    }
}

/// Opening this gives what the descriptor stands for anew, with flags of its own.
fn path(fd: BorrowedFd<'_>) -> String {
    format!("/proc/self/fd/{}", fd.as_raw_fd())
}

#[expect(
    deprecated,
    reason = "what replaced it is unsafe, for the sake of descriptors that are not owned; this one is"
)]
fn socket(fd: BorrowedFd<'_>, interest: Interest) -> io::Result<AsyncFd<OwnedFd>> {
    AsyncFd::with_interest(fd.try_clone_to_owned()?, interest)
}

#[cfg(test)]
mod tests;
