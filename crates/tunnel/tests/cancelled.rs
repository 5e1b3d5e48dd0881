//! Requests that are taken back before an agent has looked at them: others use the same tunnel.
#![expect(clippy::unwrap_used, reason = "what is not as expected ends the test")]

use std::sync::Arc;
use std::time::Duration;

use api::{Body, Endpoint};
use futures_util::future::BoxFuture;
use http::{Request, Response};
use runtime::Tasks;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixListener;
use tokio::sync::watch;
use tunnel::{Dialer, Handler, Target};

/// So many clients may leave at once: a gateway's, of one client that cancels everything.
const LEAVING: u32 = 1_000;

/// Types of frames (RFC 9113, section 6), and the flags of those that are sent here.
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const ACK: u8 = 1;
const END_HEADERS: u8 = 4;

struct Silent;

impl Handler for Silent {
    fn call(&self, _request: Request<Body>) -> BoxFuture<'static, Response<Body>> {
        Box::pin(std::future::pending())
    }
}

#[tokio::test]
async fn in_any_number_they_end_nothing_else() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("proxy.sock");
    let listener = UnixListener::bind(&path).unwrap();
    let agent = Tasks::new();
    let target = Target { key: "one".to_owned(), endpoint: Endpoint::Unix(path) };
    let (_publish, targets) = watch::channel(vec![target]);
    agent.spawn("dialer", Dialer::new(agent.clone(), Arc::new(Silent), targets).run());
    let (mut tunnel, _) = listener.accept().await.unwrap();
    // In one piece: the agent has read the end of each when it comes to look at it.
    let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    bytes.extend(frame(SETTINGS, 0, 0, &[]));
    for number in 0..LEAVING {
        let stream = 2 * number + 1;
        // GET https://agent/ (RFC 7541, appendix A).
        let fields = [&[0x82, 0x87, 0x84, 0x41, 5][..], b"agent"].concat();
        bytes.extend(frame(HEADERS, END_HEADERS, stream, &fields));
        bytes.extend(frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes()));
    }
    bytes.extend(frame(PING, 0, 0, b"is it on"));
    tunnel.write_all(&bytes).await.unwrap();
    let answered = async {
        loop {
            let mut head = [0; 9];
            tunnel.read_exact(&mut head).await.unwrap();
            let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
            let mut payload = vec![0; usize::try_from(length).unwrap()];
            tunnel.read_exact(&mut payload).await.unwrap();
            assert_ne!(head[3], GOAWAY, "{}", String::from_utf8_lossy(&payload));
            if head[3] == PING && head[4] & ACK == ACK && payload == b"is it on" {
                return;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(10), answered).await.unwrap();
    drop(tunnel);
    assert_eq!(agent.shutdown(Duration::from_secs(5)).await, Vec::<String>::new());
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let head = [length[1], length[2], length[3], kind, flags];
    [&head, &stream.to_be_bytes()[..], payload].concat()
}
