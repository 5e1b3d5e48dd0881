use std::io::{Read, Write};
use std::os::unix::net::UnixStream;

use nix::fcntl::{FcntlArg, OFlag, fcntl};

use super::*;

/// Longer than a pipe or a socket holds.
const LONG: usize = 4 << 20;

fn is_non_blocking(fd: impl AsFd) -> bool {
    let flags = fcntl(fd, FcntlArg::F_GETFL).unwrap();
    OFlag::from_bits_retain(flags).contains(OFlag::O_NONBLOCK)
}

/// Reads all of `input` while another thread writes, then checks that nobody else noticed.
async fn read_all(ours: OwnedFd, mut theirs: impl Write + Send + 'static) {
    let mut input = Input::of(ours.as_fd()).unwrap();
    let writer = std::thread::spawn(move || {
        theirs.write_all(b"first").unwrap();
        theirs.write_all(&vec![b'x'; LONG]).unwrap();
    });
    let mut buffer = BytesMut::new();
    while input.read(&mut buffer).await.unwrap() > 0 {}
    writer.join().unwrap();
    assert_eq!(buffer.len(), 5 + LONG);
    assert!(buffer.starts_with(b"firstx"));
    assert_eq!(input.read(&mut buffer).await.unwrap(), 0, "the end stays the end");
    assert!(!is_non_blocking(&ours), "whoever shares the descriptor must not notice");
}

/// Writes more than fits, while another thread reads.
async fn write_all(ours: OwnedFd, mut theirs: impl Read + Send + 'static) {
    let mut output = Output::of(ours.as_fd()).unwrap();
    let reader = std::thread::spawn(move || {
        let mut read = Vec::new();
        theirs.read_to_end(&mut read).unwrap();
        read
    });
    output.write(b"first").await.unwrap();
    output.write(&vec![b'x'; LONG]).await.unwrap();
    assert!(!is_non_blocking(&ours), "whoever shares the descriptor must not notice");
    drop((output, ours));
    let read = reader.join().unwrap();
    assert_eq!(read.len(), 5 + LONG);
    assert!(read.starts_with(b"firstx"));
}

#[tokio::test]
async fn a_pipe_is_read() {
    let (reader, writer) = io::pipe().unwrap();
    let input = Input::of(reader.as_fd()).unwrap();
    assert!(matches!(input, Input::Pipe(_)));
    drop(input);
    read_all(reader.into(), writer).await;
}

#[tokio::test]
async fn a_pipe_is_written() {
    let (reader, writer) = io::pipe().unwrap();
    write_all(writer.into(), reader).await;
}

#[tokio::test]
async fn a_socket_is_read() {
    let (ours, theirs) = UnixStream::pair().unwrap();
    read_all(ours.into(), theirs).await;
}

#[tokio::test]
async fn a_socket_is_written() {
    let (ours, theirs) = UnixStream::pair().unwrap();
    write_all(ours.into(), theirs).await;
}

/// As a super-server starts its servers.
#[tokio::test]
async fn one_socket_is_both() {
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    let mut input = Input::of(ours.as_fd()).unwrap();
    let mut output = Output::of(ours.as_fd()).unwrap();
    theirs.write_all(b"ping").unwrap();
    let mut buffer = BytesMut::new();
    assert_eq!(input.read(&mut buffer).await.unwrap(), 4);
    output.write(b"pong").await.unwrap();
    let mut answer = [0; 4];
    theirs.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"pong");
}

#[tokio::test]
async fn who_reads_no_more_is_noticed() {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let mut output = Output::of(ours.as_fd()).unwrap();
    drop(theirs);
    let error = output.write(b"to nobody").await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
    let (reader, writer) = io::pipe().unwrap();
    let mut output = Output::of(writer.as_fd()).unwrap();
    drop(reader);
    let error = output.write(b"to nobody").await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
}

#[tokio::test]
async fn a_file_is_left_to_a_thread() {
    let file = tempfile::tempfile().unwrap();
    assert!(Input::of(file.as_fd()).is_none());
    assert!(Output::of(file.as_fd()).is_none());
}
