use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::AsyncReadExt as _;
use tokio::task::JoinSet;

use super::*;

fn request() -> Request<Body> {
    Request::builder().uri("https://peer/").body(crate::full("?")).unwrap()
}

/// A connection to a peer of which nothing comes, and its sender.
async fn begun() -> (Sender, Running, JoinSet<()>, tokio::io::DuplexStream) {
    let (near, mut far) = tokio::io::duplex(64 << 10);
    let builder = http2::Builder::new(TokioExecutor::new()).timer(TokioTimer::new()).clone();
    let (requests, connection) = builder.handshake(TokioIo::new(near)).await.unwrap();
    let mut run = JoinSet::new();
    run.spawn(async move { drop(connection.await) });
    // Its preface has come: it is under way.
    far.read_exact(&mut [0; 24]).await.unwrap();
    let (sender, running) = Sender::new(requests);
    (sender, running, run, far)
}

#[tokio::test(start_paused = true)]
async fn who_waits_is_told_that_the_connection_has_ended() {
    let (sender, running, _run, _far) = begun().await;
    let waits = sender.send(request());
    let ends = async {
        tokio::task::yield_now().await;
        // hyper tells nobody, as when the request came to a connection that was at its end.
        running.end();
    };
    let (answer, ()) = tokio::join!(waits, ends);
    assert!(matches!(answer, Err(Unanswered::Over)), "{answer:?}");
}

#[tokio::test(start_paused = true)]
async fn nobody_is_told_so_of_a_connection_that_only_nobody_runs_any_more() {
    let (sender, running, _run, _far) = begun().await;
    drop(running);
    let long = Duration::from_secs(3600);
    assert!(timeout(long, sender.send(request())).await.is_err());
}

#[tokio::test]
async fn what_was_not_sent_comes_back() {
    let (sender, running, mut run, far) = begun().await;
    drop(far);
    run.join_next().await.unwrap().unwrap();
    running.end();
    let answer = sender.send(request()).await;
    let Err(Unanswered::Unsent { request, .. }) = answer else { panic!("{answer:?}") };
    assert_eq!(request.uri().host(), Some("peer"));
    assert!(sender.is_closed());
}
