//! A proxy of a leaf that does as it likes: it keeps tunnels to the root's, and what comes by them it answers itself.

use std::sync::Arc;

use api::{Body, PROXY_SERVER_NAME};
use futures_util::future::BoxFuture;
use http::{HeaderMap, Request, Response};
use parking_lot::Mutex;
use pki::Credentials;
use testkit::wait;
use tokio::sync::watch;
use tunnel::{ALPN_CLUSTER, Dialer, Handler, Target};

use super::{Villain, endpoint};

/// Somebody's request, as it came.
#[derive(Clone, Debug)]
pub(in super::super) struct Seen {
    pub(in super::super) path: String,
    pub(in super::super) headers: HeaderMap,
}

/// The proxy, for as long as the villain is there.
pub(in super::super) struct FalseLeaf {
    seen: Arc<Mutex<Vec<Seen>>>,
    _targets: watch::Sender<Vec<Target>>,
}

/// What it answers with.
struct Answers {
    seen: Arc<Mutex<Vec<Seen>>>,
    /// What else it says.
    headers: HeaderMap,
}

// === impl FalseLeaf ===

impl FalseLeaf {
    /// What is in the body of each answer.
    pub(in super::super) const MARK: &'static str = "the villain answers";

    /// Keeps tunnels to a proxy, one for each of the certificates.
    #[track_caller]
    pub(in super::super) fn new(
        villain: &Villain,
        proxy: &str,
        who: &[Credentials],
        headers: HeaderMap,
    ) -> Self {
        let seen = Arc::default();
        let answers = Arc::new(Answers { seen: Arc::clone(&seen), headers });
        let target = |(number, credentials): (usize, &Credentials)| Target {
            key: number.to_string(),
            endpoint: endpoint(proxy, PROXY_SERVER_NAME, Some(credentials.clone()), ALPN_CLUSTER),
        };
        let (publish, targets) = watch::channel(who.iter().enumerate().map(target).collect());
        let dialer = Dialer::new(villain.tasks.clone(), answers, targets);
        let up = dialer.up();
        villain.runtime.spawn(dialer.run());
        wait::until("the tunnels", wait::PATIENCE, || {
            if up.count() == who.len() { Ok(()) } else { Err(up.count().to_string()) }
        });
        Self { seen, _targets: publish }
    }

    /// What has come.
    pub(in super::super) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().clone()
    }
}

// === impl Answers ===

impl Handler for Answers {
    fn call(&self, request: Request<Body>) -> BoxFuture<'static, Response<Body>> {
        let (path, headers) = (request.uri().path().to_owned(), request.headers().clone());
        // Not what is asked to learn whether there is anybody.
        if path.starts_with("/v1/mcp") {
            self.seen.lock().push(Seen { path, headers });
        }
        let mut response = Response::new(api::full(FalseLeaf::MARK));
        response.headers_mut().clone_from(&self.headers);
        Box::pin(async { response })
    }
}
