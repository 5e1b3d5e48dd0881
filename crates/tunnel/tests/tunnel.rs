//! A tunnel over a real socket: requests flow back, a lost agent is noticed, targets come and go.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "what is not as expected ends the test"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use api::{Body, Endpoint};
use futures_util::future::BoxFuture;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use runtime::Tasks;
use tokio::net::UnixListener;
use tokio::sync::watch;
use tunnel::{Dialer, Handler, Registry, Repeat, SendError, Target, TaskExecutor};

/// Answers with the path that was asked for, and the body after it.
struct Echo;

impl Handler for Echo {
    fn call(&self, request: Request<Body>) -> BoxFuture<'static, Response<Body>> {
        Box::pin(async move {
            let path = request.uri().path().to_owned();
            let body = api::collect(request.into_body(), 1 << 20).await.unwrap();
            Response::new(api::full([path.as_bytes(), &body].concat()))
        })
    }
}

/// The same, late.
struct Slow;

impl Handler for Slow {
    fn call(&self, request: Request<Body>) -> BoxFuture<'static, Response<Body>> {
        Box::pin(async move {
            tokio::time::sleep(Duration::from_millis(1300)).await;
            Echo.call(request).await
        })
    }
}

/// A proxy's end: accepts tunnels on a Unix socket into a registry.
struct Proxy {
    registry: Registry,
    tasks: Tasks,
    target: Target,
    /// Tunnels so far.
    accepted: Arc<AtomicUsize>,
    _directory: tempfile::TempDir,
}

fn proxy(host: &'static str) -> Proxy {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("proxy.sock");
    let listener = UnixListener::bind(&path).unwrap();
    let (registry, tasks) = (Registry::default(), Tasks::new());
    let (accepting, links) = (registry.clone(), tasks.clone());
    let accepted = Arc::new(AtomicUsize::new(0));
    let count = accepted.clone();
    tasks.spawn_until_cancelled("test.accept", async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            count.fetch_add(1, Ordering::Relaxed);
            let (registry, tasks) = (accepting.clone(), links.clone());
            let is_first = count.load(Ordering::Relaxed) == 1;
            links.spawn_until_cancelled("test.tunnel", async move {
                if !is_first {
                    // A proxy looks at who is there before it uses a tunnel.
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
                _ = registry
                    .run_tunnel(host.to_owned(), stream, &tasks, std::future::pending())
                    .await;
            });
        }
    });
    let target = Target { key: "one".to_owned(), endpoint: Endpoint::Unix(path) };
    Proxy { registry, tasks, target, accepted, _directory: directory }
}

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
async fn requests_flow_back_through_the_tunnel() {
    let proxy = proxy("agent-1");
    let agent = Tasks::new();
    let (publish, targets) = watch::channel(vec![proxy.target.clone()]);
    agent.spawn("dialer", Dialer::new(agent.clone(), Arc::new(Echo), targets).run());
    eventually(|| proxy.registry.is_connected("agent-1")).await;

    let answer = proxy.registry.send("agent-1", request("/hello"), Repeat::Never).await.unwrap();
    let body = api::collect(answer.into_body(), 1024).await.unwrap();
    assert_eq!(&body[..], b"/hello!");

    publish.send(Vec::new()).unwrap();
    eventually(|| !proxy.registry.is_connected("agent-1")).await;
    publish.send(vec![proxy.target.clone()]).unwrap();
    eventually(|| proxy.registry.is_connected("agent-1")).await;

    assert_eq!(agent.shutdown(Duration::from_secs(5)).await, Vec::<String>::new());
    eventually(|| !proxy.registry.is_connected("agent-1")).await;
    proxy.tasks.shutdown(Duration::from_secs(5)).await;
}

#[tokio::test]
async fn a_request_for_nobody_comes_back_whole() {
    let registry = Registry::default();
    let Err(SendError::NotConnected(unsent)) =
        registry.send("nobody", request("/x"), Repeat::Never).await
    else {
        panic!("nobody is connected");
    };
    assert_eq!(unsent.uri().path(), "/x");
    assert_eq!(&api::collect(unsent.into_body(), 16).await.unwrap()[..], b"!");
}

#[tokio::test]
async fn a_tunnel_that_broke_hands_the_request_back_or_says_that_it_is_lost() {
    let proxy = proxy("agent-2");
    let agent = Tasks::new();
    let (_publish, targets) = watch::channel(vec![proxy.target.clone()]);
    agent.spawn("dialer", Dialer::new(agent.clone(), Arc::new(Echo), targets).run());
    eventually(|| proxy.registry.is_connected("agent-2")).await;
    agent.shutdown(Duration::from_secs(5)).await;
    assert!(proxy.registry.send("agent-2", request("/late"), Repeat::Never).await.is_err());
    proxy.tasks.shutdown(Duration::from_secs(5)).await;
}

#[tokio::test]
async fn a_local_agent_needs_no_tunnel() {
    let registry = Registry::default();
    let attachment = registry.attach("here".to_owned(), Arc::new(Echo));
    let answer = registry.send("here", request("/local"), Repeat::Never).await.unwrap();
    assert_eq!(&api::collect(answer.into_body(), 64).await.unwrap()[..], b"/local!");
    drop(attachment);
    assert!(!registry.is_connected("here"));
}

#[tokio::test]
async fn a_proxy_that_ends_every_tunnel_is_asked_less_and_less_often() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("proxy.sock");
    let listener = UnixListener::bind(&path).unwrap();
    let tasks = Tasks::new();
    let target = Target { key: "one".to_owned(), endpoint: Endpoint::Unix(path) };
    let (_publish, targets) = watch::channel(vec![target]);
    let dialer = Dialer::new(tasks.clone(), Arc::new(Echo), targets);
    tasks.spawn_until_cancelled("test.dialer", dialer.run());
    let began = tokio::time::Instant::now();
    for _ in 0..6 {
        drop(listener.accept().await.unwrap());
    }
    // At least 50, 100, 200, 400 and 800 ms; without growth at most half a second.
    assert!(began.elapsed() >= Duration::from_millis(1500), "{:?}", began.elapsed());
    tasks.cancel();
}

/// A line between an agent and a proxy that can be cut, so that neither end is told.
struct Line {
    target: Target,
    cut: watch::Sender<bool>,
    _directory: tempfile::TempDir,
}

fn line(to: &Target, tasks: &Tasks) -> Line {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("line.sock");
    let listener = UnixListener::bind(&path).unwrap();
    let (cut, state) = watch::channel(false);
    let far = to.endpoint.clone();
    tasks.spawn_until_cancelled("test.line", async move {
        let (mut near, _) = listener.accept().await.unwrap();
        let mut far = far.open(&api::Refusal::default()).await.unwrap().stream;
        let mut state = state;
        loop {
            tokio::select! {
                _ = tokio::io::copy_bidirectional(&mut near, &mut far) => return,
                _ = state.wait_for(|cut| *cut) => {}
            }
            if state.wait_for(|cut| !*cut).await.is_err() {
                return;
            }
        }
    });
    let target = Target { key: "line".to_owned(), endpoint: Endpoint::Unix(path) };
    Line { target, cut, _directory: directory }
}

#[tokio::test]
async fn an_agent_that_gives_no_sign_of_life_is_passed_over_until_it_does() {
    let proxy = proxy("agent-3");
    let line = line(&proxy.target, &proxy.tasks);
    let agent = Tasks::new();
    let (_publish, targets) = watch::channel(vec![line.target.clone()]);
    agent.spawn("dialer", Dialer::new(agent.clone(), Arc::new(Echo), targets).run());
    eventually(|| proxy.registry.is_connected("agent-3")).await;
    proxy.registry.send("agent-3", request("/before"), Repeat::Never).await.unwrap();
    line.cut.send(true).unwrap();
    // What goes out in the first moment cannot be told from what takes long, and may arrive yet.
    let sent = proxy.registry.send("agent-3", request("/lost"), Repeat::Never);
    assert!(tokio::time::timeout(Duration::from_secs(1), sent).await.is_err());
    let unsent = proxy.registry.send("agent-3", request("/late"), Repeat::Never);
    let unsent = tokio::time::timeout(Duration::from_secs(3), unsent).await.unwrap();
    let Err(SendError::NotConnected(unsent)) = unsent else { panic!("it was sent: {unsent:?}") };
    assert_eq!(unsent.uri().path(), "/late", "and another agent may be asked");
    let unsent = proxy.registry.send("agent-3", request("/at-once"), Repeat::Never);
    let unsent = tokio::time::timeout(Duration::from_millis(300), unsent).await.unwrap();
    assert!(matches!(unsent, Err(SendError::NotConnected(_))), "it is known by now");
    assert!(proxy.registry.is_connected("agent-3"), "what runs in the tunnel is not ended");
    line.cut.send(false).unwrap();
    let again = async {
        while proxy.registry.send("agent-3", request("/again"), Repeat::Never).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), again).await.unwrap();
    agent.cancel();
    proxy.tasks.shutdown(Duration::from_secs(5)).await;
}

#[tokio::test]
async fn what_only_asks_does_not_wait_for_an_agent_that_falls_silent() {
    let proxy = proxy("agent-4");
    let line = line(&proxy.target, &proxy.tasks);
    let agent = Tasks::new();
    let (_publish, targets) = watch::channel(vec![line.target.clone()]);
    agent.spawn("dialer", Dialer::new(agent.clone(), Arc::new(Slow), targets).run());
    eventually(|| proxy.registry.is_connected("agent-4")).await;
    // Who is slow is there: the answer takes longer than silence may.
    let slow = proxy.registry.send("agent-4", request("/slow"), Repeat::Harmless);
    let answer = slow.await.unwrap();
    assert_eq!(&api::collect(answer.into_body(), 64).await.unwrap()[..], b"/slow!");
    line.cut.send(true).unwrap();
    let sent = proxy.registry.send("agent-4", request("/lost"), Repeat::Harmless);
    let sent = tokio::time::timeout(Duration::from_secs(3), sent).await.unwrap();
    assert!(matches!(sent, Err(SendError::Silent)), "it was on its way: {sent:?}");
    assert!(proxy.registry.is_connected("agent-4"), "what runs in the tunnel is not ended");
    agent.cancel();
    proxy.tasks.shutdown(Duration::from_secs(5)).await;
}

/// Answers with a header as long as the number in the path, when told to.
struct Wordy(watch::Receiver<bool>);

impl Handler for Wordy {
    fn call(&self, request: Request<Body>) -> BoxFuture<'static, Response<Body>> {
        let length = request.uri().path().trim_start_matches('/').parse().unwrap_or_default();
        let mut told = self.0.clone();
        Box::pin(async move {
            if length == 0 {
                told.wait_for(|told| *told).await.unwrap();
            }
            let value = "x".repeat(length);
            Response::builder().header("mcp-x", value).body(api::full("fine")).unwrap()
        })
    }
}

#[tokio::test]
async fn headers_that_are_too_long_end_nothing_else_in_the_tunnel() {
    let proxy = proxy("agent-5");
    let agent = Tasks::new();
    let (tell, told) = watch::channel(false);
    let (_publish, targets) = watch::channel(vec![proxy.target.clone()]);
    agent.spawn("dialer", Dialer::new(agent.clone(), Arc::new(Wordy(told)), targets).run());
    eventually(|| proxy.registry.is_connected("agent-5")).await;
    let other = proxy.registry.send("agent-5", request("/other"), Repeat::Never);
    let meanwhile = async {
        let fits = proxy.registry.send("agent-5", request("/50000"), Repeat::Never).await;
        assert_eq!(fits.unwrap().status(), 200);
        for length in ["/70000", "/1000000"] {
            let sent = proxy.registry.send("agent-5", request(length), Repeat::Never).await;
            assert_eq!(sent.unwrap().status(), 502, "{length}");
        }
        for length in [140_000, 400_000] {
            let mut long = request("/1");
            long.headers_mut().insert("mcp-x", "x".repeat(length).parse().unwrap());
            let sent = proxy.registry.send("agent-5", long, Repeat::Never).await;
            assert!(matches!(sent, Err(SendError::TooLong)), "{length}: {sent:?}");
        }
        tell.send(true).unwrap();
    };
    let (other, ()) = tokio::join!(other, meanwhile);
    assert_eq!(other.unwrap().status(), 200, "it was there all the time");
    agent.cancel();
    proxy.tasks.shutdown(Duration::from_secs(5)).await;
}

/// An agent that refuses the first question whether it is there, when it is told to, and answers all others.
async fn reluctant(proxy: &Proxy, tasks: &Tasks) -> watch::Sender<bool> {
    let opened = proxy.target.endpoint.open(&api::Refusal::default()).await.unwrap();
    let (tell, told) = watch::channel(false);
    let first = Arc::new(AtomicBool::new(true));
    let service = service_fn(move |request: Request<Incoming>| {
        let (mut told, first) = (told.clone(), first.clone());
        async move {
            if request.uri().path() == "/tunnel/alive" && first.swap(false, Ordering::Relaxed) {
                told.wait_for(|told| *told).await.unwrap();
                return Err(std::io::Error::other("this stream is reset"));
            }
            Ok(Response::new(api::full("fine")))
        }
    });
    let executor = TaskExecutor::new(tasks.clone(), "test.stream");
    tasks.spawn_until_cancelled("test.agent", async move {
        let server = http2::Builder::new(executor);
        _ = server.serve_connection(TokioIo::new(opened.stream), service).await;
    });
    tell
}

#[tokio::test]
async fn an_agent_that_refuses_to_say_that_it_is_there_is_asked_again() {
    let proxy = proxy("agent-6");
    let agent = Tasks::new();
    let tell = reluctant(&proxy, &agent).await;
    eventually(|| proxy.registry.is_connected("agent-6")).await;
    let send = |path| proxy.registry.send("agent-6", request(path), Repeat::Never);
    // A tunnel in which nothing was heard for a moment is asked; any request makes one be heard of.
    tokio::time::sleep(Duration::from_millis(600)).await;
    assert!(matches!(send("/unsent").await, Err(SendError::NotConnected(_))));
    assert!(send("/still").await.is_err(), "the answer is waited for");
    tell.send(true).unwrap();
    let again = async {
        while send("/again").await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), again).await.unwrap();
    agent.cancel();
    proxy.tasks.shutdown(Duration::from_secs(5)).await;
}

#[tokio::test]
async fn a_renewed_tunnel_is_up_before_the_old_one_ends_and_loses_nothing() {
    let proxy = proxy("agent-9");
    let agent = Tasks::new();
    let (_publish, targets) = watch::channel(vec![proxy.target.clone()]);
    let (renew, renewals) = watch::channel(0_u64);
    let dialer = Dialer::new(agent.clone(), Arc::new(Echo), targets).renewed_by(renewals);
    agent.spawn("dialer", dialer.run());
    eventually(|| proxy.registry.is_connected("agent-9")).await;
    let mut calls = Vec::new();
    for renewal in 1..=3 {
        renew.send(u64::try_from(renewal).unwrap()).unwrap();
        // Sent by the old tunnel, between both, and by the new one.
        while proxy.accepted.load(Ordering::Relaxed) <= renewal || calls.len() < renewal * 20 {
            assert!(proxy.registry.is_connected("agent-9"));
            let registry = proxy.registry.clone();
            calls.push(proxy.tasks.spawn("test.call", async move {
                let answer = registry.send("agent-9", request("/x"), Repeat::Never).await?;
                Ok::<_, SendError>(api::collect(answer.into_body(), 64).await.unwrap())
            }));
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
    for call in calls {
        assert_eq!(&call.await.unwrap().unwrap()[..], b"/x!");
    }
    assert_eq!(agent.shutdown(Duration::from_secs(5)).await, Vec::<String>::new());
    proxy.tasks.shutdown(Duration::from_secs(5)).await;
}
