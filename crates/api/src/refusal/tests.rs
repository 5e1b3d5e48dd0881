use std::collections::VecDeque;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;

/// Takes nothing; gives what the script says, a moment later each.
struct Broken {
    script: VecDeque<io::Result<&'static [u8]>>,
    is_late: bool,
}

impl Broken {
    fn saying(script: impl IntoIterator<Item = io::Result<&'static [u8]>>) -> Self {
        Self { script: script.into_iter().collect(), is_late: true }
    }
}

impl AsyncRead for Broken {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if std::mem::replace(&mut self.is_late, false) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        self.is_late = true;
        match self.script.pop_front() {
            Some(Ok(said)) => buf.put_slice(said),
            Some(Err(error)) => return Poll::Ready(Err(error)),
            None => {
                self.is_late = true;
                return Poll::Pending;
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Broken {
    fn poll_write(
        self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
        _buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()))
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

fn alert(alert: AlertDescription) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, rustls::Error::AlertReceived(alert))
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_heard_that_comes_after_a_write_has_failed() {
    let refusal = Refusal::default();
    let said = [Ok(&b"an answer"[..]), Err(alert(AlertDescription::UnknownCA))];
    let mut stream = Listening::new(Broken::saying(said), refusal.clone());
    let error = stream.write_all(b"a request").await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
    assert!(refusal.error("here").unwrap().message().contains("authorities"));
    // What it said before is still the reader's.
    let mut answer = [0; 9];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"an answer");
}

#[tokio::test(start_paused = true)]
async fn who_says_nothing_is_not_waited_for_long() {
    let refusal = Refusal::default();
    let mut stream = Listening::new(Broken::saying([]), refusal.clone());
    let begun = tokio::time::Instant::now();
    stream.write_all(b"a request").await.unwrap_err();
    assert!(begun.elapsed() <= LATE * 2 && refusal.error("here").is_none());
}

#[tokio::test(start_paused = true)]
async fn so_much_is_listened_to() {
    let said = std::iter::repeat_n(&[b'x'; 1024][..], MOST / 1024 + 8).map(Ok);
    let mut stream = Listening::new(Broken::saying(said), Refusal::default());
    stream.write_all(b"a request").await.unwrap_err();
    assert!(stream.heard.len() <= MOST && stream.heard.len() >= 1024);
}
