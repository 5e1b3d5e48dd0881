//! The server that we use, over bytes in memory.

use std::cell::RefCell;
use std::convert::Infallible;
use std::io;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use http_body_util::{BodyExt as _, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};

use super::Seen;

/// However it is cut up, an input is read in fewer steps.
const STEPS: usize = 1_000_000;
/// How often a client that has sent everything is found silent before it is gone: the server lets go of whom it
/// finds gone, whatever it has read of them.
const SILENCE: usize = 64;

/// What comes in, in pieces; what goes out is not looked at.
struct Wire<'b> {
    left: &'b [u8],
    piece: usize,
    silence: usize,
}

/// The requests that are served whole.
pub(super) fn serve(bytes: &[u8], piece: usize) -> Vec<Seen> {
    let seen = Rc::new(RefCell::new(Vec::new()));
    let service = service_fn(|request: Request<Incoming>| {
        let seen = seen.clone();
        async move {
            let (head, body) = request.into_parts();
            let mut response = Response::new(Empty::<Bytes>::new());
            match body.collect().await {
                Ok(body) => seen.borrow_mut().push(Seen {
                    method: head.method.as_str().to_owned(),
                    target: head.uri.to_string(),
                    body: body.to_bytes().to_vec(),
                }),
                Err(_broken) => *response.status_mut() = hyper::StatusCode::BAD_REQUEST,
            }
            Ok::<_, Infallible>(response)
        }
    });
    let wire = Wire { left: bytes, piece, silence: SILENCE };
    let mut connection = pin!(http1::Builder::new().serve_connection(wire, service));
    let mut cx = Context::from_waker(Waker::noop());
    let over = (0..STEPS).any(|_| connection.as_mut().poll(&mut cx).is_ready());
    assert!(over, "it does not end");
    seen.take()
}

// === impl Wire ===

impl Read for Wire<'_> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
        mut buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        if self.left.is_empty() && self.silence > 0 {
            self.silence -= 1;
            return Poll::Pending;
        }
        let length = self.piece.min(self.left.len()).min(buffer.remaining());
        if let Some((piece, left)) = self.left.split_at_checked(length) {
            buffer.put_slice(piece);
            self.left = left;
        }
        Poll::Ready(Ok(()))
    }
}

impl Write for Wire<'_> {
    fn poll_write(
        self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
