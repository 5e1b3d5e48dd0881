//! Those who have proved nothing get little: of memory, of time, of places.

use std::time::Duration;

use api::{ALPN_AUTH, AUTH_SERVER_NAME, Endpoint, ErrorKind};
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use http::{Method, Request, StatusCode};
use http_body_util::StreamBody;
use hyper::body::Frame;
use pki::tls::{self, ServerTrust};
use rustls::pki_types::ServerName;
use serde_json::{Value, json};

use crate::cluster::{Cluster, refused};

const PATIENCE: Duration = Duration::from_secs(5);

fn endpoint(cluster: &Cluster) -> Endpoint {
    let trust = ServerTrust::Cluster(cluster.auth.trust());
    let mut config = tls::client_config(trust, None, &[ALPN_AUTH]).unwrap();
    let clock = cluster.clock.clone();
    config.time_provider = tls::time_provider(move || clock.now());
    Endpoint::Tls {
        addresses: vec![cluster.auth.address().to_string()],
        server_name: ServerName::try_from(AUTH_SERVER_NAME).unwrap(),
        config: config.into(),
    }
}

#[tokio::test]
async fn a_strangers_request_is_small() {
    let cluster = Cluster::start().await;
    let join = async |length: usize| {
        let body = json!({
            "token": "x".repeat(length),
            "node_name": "node",
            "services": ["app"],
            "public_key": "",
            "names": [],
        });
        let answer: Result<Value, _> =
            cluster.stranger().call(Method::POST, "/v1/join", Some(&body)).await;
        answer
    };
    refused(join(60_000).await, ErrorKind::Unauthenticated);
    let error = refused(join(66_000).await, ErrorKind::InvalidArgument);
    assert!(error.message().contains("65536 bytes"), "{error}");
}

#[tokio::test]
async fn a_request_that_does_not_end_is_refused() {
    let cluster = Cluster::start().await;
    let local = Endpoint::Unix(cluster.dir.path().join("auth.sock"));
    let (sender, connection) = local.http2(&api::Refusal::default()).await.unwrap();
    cluster.tasks.spawn("test.connection", async move { drop(connection.await) });
    let start = Ok::<_, api::BoxError>(Frame::data(Bytes::from_static(b"{")));
    let (read, mut is_read) = tokio::sync::mpsc::channel(1);
    let rest = stream::once(async move {
        read.send(()).await.unwrap();
        std::future::pending().await
    });
    let body = api::boxed(StreamBody::new(stream::iter([start]).chain(rest)));
    let request = Request::post("https://auth/v1/resources/role").body(body).unwrap();
    let answer = sender.send(request);
    let time = async {
        is_read.recv().await;
        while !cluster.tasks.is_cancelled() {
            cluster.clock.advance(Duration::from_secs(1));
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    let answer = tokio::select! {
        answer = tokio::time::timeout(PATIENCE, answer) => answer.expect("no answer").unwrap(),
        () = time => panic!("the cluster ended"),
    };
    assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_strangers_connection_ends() {
    let cluster = Cluster::start().await;
    let (_sender, connection) = endpoint(&cluster).http2(&api::Refusal::default()).await.unwrap();
    let known = cluster.user("alice", &["access"]).await;
    known.who_am_i().await.unwrap();
    let ended = cluster.tasks.spawn("test.connection", connection);
    cluster.clock.advance(Duration::from_secs(59));
    tokio::task::yield_now().await;
    assert!(!ended.is_finished());
    cluster.clock.advance(Duration::from_secs(1));
    let ended = tokio::time::timeout(PATIENCE, ended).await;
    ended.expect("it stays").unwrap().unwrap();
    known.who_am_i().await.unwrap();
}
