//! How a tunnel ends that a proxy does not want any more.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "what is not as expected ends the test"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use api::Body;
use futures_util::{FutureExt as _, StreamExt as _};
use http::{Request, Response};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use runtime::Tasks;
use tunnel::{Registry, Repeat, SendError, TaskExecutor};

fn request(path: &str) -> Request<Body> {
    Request::builder().uri(format!("https://agent{path}")).body(api::full("!")).unwrap()
}

async fn eventually(condition: impl Fn() -> bool) {
    let wait = async {
        while !condition() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), wait).await.expect("it happens in ten seconds");
}

#[tokio::test]
async fn a_tunnel_that_is_over_carries_last_words_and_nothing_new() {
    let (registry, tasks) = (Registry::default(), Tasks::new());
    let (near, far) = tokio::io::duplex(1 << 16);
    let (end, ended) = tokio::sync::oneshot::channel::<()>();
    let (says, said) = tokio::sync::oneshot::channel::<()>();
    // An agent that answers when it is told to, and greets nobody back.
    let arrived = Arc::new(AtomicUsize::new(0));
    let (links, arrivals) = (tasks.clone(), arrived.clone());
    tasks.spawn_until_cancelled("test.agent", async move {
        let said = Arc::new(tokio::sync::Mutex::new(Some(said)));
        let service = service_fn(move |request: Request<Incoming>| {
            let (said, arrivals) = (said.clone(), arrivals.clone());
            async move {
                if ["/slow", "/deaf"].contains(&request.uri().path()) {
                    arrivals.fetch_add(1, Ordering::Relaxed);
                }
                if request.uri().path() != "/slow" {
                    std::future::pending::<()>().await;
                }
                if let Some(said) = said.lock().await.take() {
                    _ = said.await;
                }
                Ok::<_, std::convert::Infallible>(Response::new(api::full("last words")))
            }
        });
        let io = TokioIo::new(far);
        let executor = TaskExecutor::new(links.clone(), "test.request");
        _ = http2::Builder::new(executor).serve_connection(io, service).await;
    });
    let (own, of_tunnel) = (registry.clone(), tasks.clone());
    let tunnel = tasks.spawn("test.tunnel", async move {
        let over = async { _ = ended.await };
        own.run_tunnel("agent-10".to_owned(), near, &of_tunnel, over).await
    });
    eventually(|| registry.is_connected("agent-10")).await;
    let (asking, begun) = (registry.clone(), tokio::time::Instant::now());
    let slow = tasks.spawn("test.slow", async move {
        let answer = asking.send("agent-10", request("/slow"), Repeat::Never).await?;
        Ok::<_, SendError>(api::collect(answer.into_body(), 64).await.unwrap())
    });
    let asking = registry.clone();
    let deaf = tasks.spawn("test.deaf", async move {
        asking.send("agent-10", request("/deaf"), Repeat::Never).await
    });
    // Both are there before the tunnel is over.
    eventually(|| arrived.load(Ordering::Relaxed) == 2).await;
    end.send(()).unwrap();
    eventually(|| !registry.is_connected("agent-10")).await;
    let late = registry.send("agent-10", request("/late"), Repeat::Never).await;
    assert!(matches!(late, Err(SendError::NotConnected(_))), "{late:?}");
    says.send(()).unwrap();
    assert_eq!(&slow.await.unwrap().unwrap()[..], b"last words");
    tunnel.await.unwrap().unwrap();
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    let deaf = tokio::time::timeout(Duration::from_secs(1), deaf).await.expect("it is cut");
    assert!(deaf.unwrap().is_err(), "what is not said in time is not said");
    tasks.shutdown(Duration::from_secs(5)).await;
}

/// An agent whose answers begin, and go on for ever; gives what it is reached by.
fn endless_agent(tasks: &Tasks) -> tokio::io::DuplexStream {
    let (near, far) = tokio::io::duplex(1 << 16);
    let links = tasks.clone();
    tasks.spawn_until_cancelled("test.agent", async move {
        let service = service_fn(async |_request: Request<Incoming>| {
            let begun = futures_util::stream::once(std::future::ready(Ok::<_, api::BoxError>(
                hyper::body::Frame::data(hyper::body::Bytes::from_static(b"begun")),
            )));
            let body =
                http_body_util::StreamBody::new(begun.chain(futures_util::stream::pending()));
            Ok::<_, std::convert::Infallible>(Response::new(api::boxed(body)))
        });
        let executor = TaskExecutor::new(links, "test.request");
        _ = http2::Builder::new(executor).serve_connection(TokioIo::new(far), service).await;
    });
    near
}

/// Opens an answer that begins.
async fn open(registry: &Registry) -> Body {
    let answer = registry.send("agent-10", request("/open"), Repeat::Never).await.unwrap();
    let mut body = answer.into_body();
    assert_eq!(&body.frame().await.unwrap().unwrap().into_data().unwrap()[..], b"begun");
    body
}

#[tokio::test]
async fn what_is_open_on_a_tunnel_that_is_over_is_cut() {
    let (registry, tasks) = (Registry::default(), Tasks::new());
    let near = endless_agent(&tasks);
    let (end, ended) = tokio::sync::oneshot::channel::<()>();
    let (own, of_tunnel) = (registry.clone(), tasks.clone());
    drop(tasks.spawn("test.tunnel", async move {
        let over = async { _ = ended.await };
        own.run_tunnel("agent-10".to_owned(), near, &of_tunnel, over).await
    }));
    eventually(|| registry.is_connected("agent-10")).await;
    let mut body = open(&registry).await;
    end.send(()).unwrap();
    let last = tokio::time::timeout(Duration::from_secs(5), body.frame()).await.expect("it is cut");
    assert!(last.unwrap().is_err(), "nothing that an agent says is the end of its answer now");
    tasks.shutdown(Duration::from_secs(5)).await;
}

#[tokio::test]
async fn the_oldest_of_too_many_tunnels_of_one_host_is_cut() {
    let (registry, tasks) = (Registry::default(), Tasks::new());
    let add = |number: usize| {
        let (own, of_tunnel, near) = (registry.clone(), tasks.clone(), endless_agent(&tasks));
        drop(tasks.spawn_until_cancelled("test.tunnel", async move {
            own.run_tunnel("agent-10".to_owned(), near, &of_tunnel, std::future::pending()).await
        }));
        let registry = &registry;
        async move { eventually(|| registry.tunnels() == number).await }
    };
    add(1).await;
    let mut of_oldest = open(&registry).await;
    add(2).await;
    let mut of_next = open(&registry).await;
    for number in 3..=8 {
        add(number).await;
    }
    add(8).await;
    let last = tokio::time::timeout(Duration::from_secs(5), of_oldest.frame()).await;
    assert!(last.expect("it is cut").unwrap().is_err());
    assert!(of_next.frame().now_or_never().is_none(), "the others go on");
    tasks.shutdown(Duration::from_secs(5)).await;
}
