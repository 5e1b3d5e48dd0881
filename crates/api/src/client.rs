//! A client of the auth API: one HTTP/2 connection, opened when needed and again when lost.

mod arrival;
mod bot;
mod cluster;
mod local;
mod mfa;
mod oauth;
mod services;
mod session_mfa;
mod sso;

pub use self::cluster::Visited;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use http::{Method, Request, Response};
use hyper::body::Incoming;
use resource::{Kind, Resource, Secrets};
use runtime::Tasks;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::Mutex;

use crate::body::{self, Body};
use crate::connect::Endpoint;
use crate::error::{Error, ErrorKind};
use crate::refusal::Refusal;
use crate::sender::Sender;
use crate::source::{Listing, Source, WatchEvent};
use crate::wire;
use crate::{lines, path};

/// How long an ordinary call may take.
const CALL_TIMEOUT: Duration = Duration::from_secs(30);
/// The largest answer that is read: a list of 10,000 apps of 4 KiB is 40 MiB.
const MAX_ANSWER: usize = 128 << 20;

/// A client of the auth API. Clones share the connection.
#[derive(Clone, Debug)]
pub struct Client {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    endpoint: Endpoint,
    tasks: Tasks,
    /// The open connection, if any; held only while it is looked up or opened.
    connection: Mutex<Option<(Sender, Refusal)>>,
}

/// How an existing resource is treated when one is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Write {
    /// It must exist, and be at `metadata.revision` where that is given.
    Update,
    /// It is created or replaced.
    Upsert,
}

// === impl Client ===

impl Client {
    /// A client that will connect when first used; `tasks` owns its connection and ends it when
    /// cancelled.
    #[must_use]
    pub fn new(endpoint: Endpoint, tasks: Tasks) -> Self {
        Self { inner: Arc::new(Inner { endpoint, tasks, connection: Mutex::new(None) }) }
    }

    /// Lists a kind.
    ///
    /// # Errors
    /// As the server answers, or it cannot be reached.
    pub async fn list(&self, kind: Kind, secrets: Secrets) -> Result<Listing, Error> {
        self.list_where(kind, secrets, None).await
    }

    /// Lists the apps that are served: their live records, of several agents one.
    ///
    /// # Errors
    /// As the server answers, or it cannot be reached.
    pub async fn list_served(&self) -> Result<Listing, Error> {
        self.listing(&path::list_served()).await
    }

    /// Lists a kind; of apps those that escaped selectors fit.
    pub(crate) async fn list_where(
        &self,
        kind: Kind,
        secrets: Secrets,
        apps: Option<&str>,
    ) -> Result<Listing, Error> {
        self.listing(&path::list(kind, secrets, apps)).await
    }

    async fn listing(&self, path: &str) -> Result<Listing, Error> {
        let body: wire::ListBody = self.call(Method::GET, path, None::<&()>).await?;
        read_listing(&body)
    }

    /// Reads one resource.
    ///
    /// # Errors
    /// As the server answers, or it cannot be reached.
    pub async fn get(&self, kind: Kind, name: &str, secrets: Secrets) -> Result<Resource, Error> {
        let query = match secrets {
            Secrets::Include => "?with_secrets=true",
            Secrets::Redact => "",
        };
        let path = format!("{}{query}", path::resource(kind, name));
        parse_resource(&self.raw(Method::GET, &path, body::empty()).await?)
    }

    /// Creates a resource; it must not exist.
    ///
    /// # Errors
    /// As the server answers, or it cannot be reached.
    pub async fn create(&self, resource: &Resource) -> Result<Resource, Error> {
        let path = format!("/v1/resources/{}", resource.kind().as_str());
        self.send_resource(Method::POST, &path, resource).await
    }

    /// Replaces a resource.
    ///
    /// # Errors
    /// As the server answers, or it cannot be reached.
    pub async fn put(&self, resource: &Resource, write: Write) -> Result<Resource, Error> {
        let mode = match write {
            Write::Update => "update",
            Write::Upsert => "upsert",
        };
        let path = format!("{}?mode={mode}", path::resource(resource.kind(), resource.name()));
        self.send_resource(Method::PUT, &path, resource).await
    }

    /// Deletes a resource.
    ///
    /// # Errors
    /// As the server answers, or it cannot be reached.
    pub async fn delete(&self, kind: Kind, name: &str) -> Result<(), Error> {
        self.raw(Method::DELETE, &path::resource(kind, name), body::empty()).await.map(drop)
    }

    /// The names of the tools that servers were last seen to offer.
    ///
    /// # Errors
    /// The caller may not know them, or the server cannot be reached.
    pub async fn seen_tools(&self, query: &wire::SeenQuery) -> Result<wire::SeenTools, Error> {
        let path = format!("/v1/tools?{}", path::query(query)?);
        self.call(Method::GET, &path, None::<&()>).await
    }

    /// Who the server takes the caller for.
    ///
    /// # Errors
    /// As the server answers, or it cannot be reached.
    pub async fn who_am_i(&self) -> Result<wire::WhoAmI, Error> {
        self.call(Method::GET, "/v1/whoami", None::<&()>).await
    }

    /// The cluster at a glance.
    ///
    /// # Errors
    /// As the server answers, or it cannot be reached.
    pub async fn status(&self) -> Result<wire::Status, Error> {
        self.call(Method::GET, "/v1/status", None::<&()>).await
    }

    /// What the cluster says of itself to anybody.
    ///
    /// # Errors
    /// The server cannot be reached.
    pub async fn ping(&self) -> Result<wire::Ping, Error> {
        self.call(Method::GET, "/v1/ping", None::<&()>).await
    }

    /// Searches the audit log.
    ///
    /// # Errors
    /// As the server answers, or it cannot be reached.
    pub async fn search_audit(&self, query: &wire::AuditQuery) -> Result<wire::AuditPage, Error> {
        let path = format!("/v1/audit/events?{}", path::query(query)?);
        self.call(Method::GET, &path, None::<&()>).await
    }

    /// Makes any call that answers one JSON document.
    ///
    /// # Errors
    /// As the server answers, or it cannot be reached.
    pub async fn call<Q, A>(
        &self,
        method: Method,
        path: &str,
        request: Option<&Q>,
    ) -> Result<A, Error>
    where
        Q: Serialize + Sync,
        A: DeserializeOwned,
    {
        let body = match request {
            Some(request) => body::full(encode(request)?),
            None => body::empty(),
        };
        let answer = self.raw(method, path, body).await?;
        serde_json::from_slice(&answer)
            .map_err(|error| Error::internal(format!("answer to {path} not understood: {error}")))
    }

    /// Follows changes; of apps those that escaped selectors fit, and of the kinds in `changed` only that there was one.
    pub(crate) async fn watch_where(
        &self,
        kinds: &[Kind],
        changed: &[Kind],
        cursor: &str,
        apps: Option<&str>,
    ) -> Result<BoxStream<'static, Result<WatchEvent, Error>>, Error> {
        let path = path::watch(kinds, changed, cursor, apps);
        let response = self.send(Method::GET, &path, body::empty()).await?;
        let status = response.status();
        if !status.is_success() {
            let bytes = body::collect(body::boxed(response.into_body()), MAX_ANSWER)
                .await
                .map_err(|error| Error::unavailable(format!("the answer broke off: {error}")))?;
            return Err(Error::from_answer(status, &bytes));
        }
        Ok(lines::watch_events(body::boxed(response.into_body())))
    }

    async fn send_resource(
        &self,
        method: Method,
        path: &str,
        resource: &Resource,
    ) -> Result<Resource, Error> {
        let body = encode(&resource.to_json(Secrets::Include))?;
        parse_resource(&self.raw(method, path, body::full(body)).await?)
    }

    async fn raw(&self, method: Method, path: &str, body: Body) -> Result<Bytes, Error> {
        let call = async {
            let response = self.send(method, path, body).await?;
            let status = response.status();
            let bytes = body::collect(body::boxed(response.into_body()), MAX_ANSWER)
                .await
                .map_err(|error| Error::unavailable(format!("the answer broke off: {error}")))?;
            if status.is_success() { Ok(bytes) } else { Err(Error::from_answer(status, &bytes)) }
        };
        match tokio::time::timeout(CALL_TIMEOUT, call).await {
            Ok(outcome) => outcome,
            Err(_elapsed) => Err(Error::unavailable(format!(
                "{} did not answer within {} seconds",
                self.inner.endpoint.describe(),
                CALL_TIMEOUT.as_secs()
            ))),
        }
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Body,
    ) -> Result<Response<Incoming>, Error> {
        let request = Request::builder()
            .method(method)
            .uri(format!("https://{}{path}", crate::connect::AUTH_SERVER_NAME))
            .header(http::header::CONTENT_TYPE, "application/json")
            .body(body)
            .map_err(|error| Error::invalid(format!("not a request: {error}")))?;
        let (sender, refusal) = self.sender().await?;
        let broke = match sender.send(request).await {
            Ok(response) => return Ok(response),
            Err(broke) => broke,
        };
        let address = self.inner.endpoint.describe();
        Err(refusal.error(&address).unwrap_or_else(|| {
            Error::unavailable(format!("the connection to {address} broke: {broke}"))
        }))
    }

    /// Lets the connection end when what is under way on it has. The next call opens another, as whoever
    /// the caller is by then.
    pub async fn renew_connection(&self) {
        *self.inner.connection.lock().await = None;
    }

    /// The open connection, or a new one.
    async fn sender(&self) -> Result<(Sender, Refusal), Error> {
        let mut slot = self.inner.connection.lock().await;
        if let Some((sender, refusal)) = slot.as_mut()
            && sender.is_ready().await
        {
            return Ok((sender.clone(), refusal.clone()));
        }
        let refusal = Refusal::default();
        let (sender, connection) = self.inner.endpoint.http2(&refusal).await?;
        self.inner.tasks.spawn_until_cancelled("api.connection", async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "connection to the auth service ended");
            }
        });
        *slot = Some((sender.clone(), refusal.clone()));
        Ok((sender, refusal))
    }
}

impl Source for Client {
    fn list(&self, kind: Kind) -> BoxFuture<'_, Result<Listing, Error>> {
        Box::pin(self.list(kind, Secrets::Redact))
    }

    fn watch(
        &self,
        kinds: Vec<Kind>,
        cursor: String,
    ) -> BoxFuture<'_, Result<BoxStream<'static, Result<WatchEvent, Error>>, Error>> {
        Box::pin(async move { self.watch_where(&kinds, &[], &cursor, None).await })
    }
}

pub(crate) fn read_listing(body: &wire::ListBody) -> Result<Listing, Error> {
    let items = body.items.iter().map(|item| parse_resource(item.get().as_bytes()));
    Ok(Listing { items: items.collect::<Result<_, _>>()?, cursor: body.cursor.clone() })
}

pub(crate) fn parse_resource(bytes: &[u8]) -> Result<Resource, Error> {
    Resource::from_json(bytes).map_err(|error| {
        Error::new(ErrorKind::Internal, "the server sent a resource that this version cannot read")
            .because(error)
    })
}

fn encode(value: &impl Serialize) -> Result<Vec<u8>, Error> {
    serde_json::to_vec(value).map_err(Error::internal)
}
