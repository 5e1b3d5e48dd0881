//! The HTTP client for upstreams.
//!
//! One [`Dialler`] serves one app as it is registered: its connections are pooled, and shared between
//! the users of that app; nothing on a connection says whose it is. Redirections are not followed,
//! proxies of the environment not used: where requests go is what the app and the operator say.

mod caller;
mod connect;
mod error;
mod headers;
mod inflate;

use std::sync::Arc;
use std::time::Duration;

use api::{Body, Brought};
use http::header::{AUTHORIZATION, LOCATION};
use http::{Request, Response, StatusCode, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioTimer;
use pki::{Credentials, CredentialsSlot, ServerTrust};
use policy::Permit;
use resource::app::{Given, UpstreamTls};
use resource::{App, Transport};
use runtime::Tasks;
use tokio::time::{Instant, timeout};
use tunnel::TaskExecutor;
use url::Url;

pub(crate) use self::caller::Caller;
use self::connect::{Connector, Target};
pub(crate) use self::error::DialError;
pub(crate) use self::headers::Confidences;
use self::headers::{Rewriting, carried};
use crate::given;
use crate::limits::Limits;
pub use fetch::egress::{self, Egress};

/// So many connections are kept that nobody uses.
const IDLE_CONNECTIONS: usize = 64;
/// How often a quiet HTTP/2 connection is checked, and how long the answer may take.
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(20);
const KEEP_ALIVE_TIMEOUT: Duration = Duration::from_secs(20);
/// Certificates and keys in files are read again after so long.
const FILES_FRESH: Duration = Duration::from_mins(5);

/// Makes requests to the server of one app.
#[derive(Debug)]
pub(crate) struct Dialler {
    app: String,
    url: Url,
    /// The same, as requests have it.
    uri: Uri,
    client: Client<Connector, Body>,
    target: Arc<Target>,
    rewriting: Rewriting,
    /// How long the server may take to begin its answer.
    answer_timeout: Duration,
    /// When files that the client is made of are to be read again.
    stale: Option<Instant>,
}

/// What allows a request.
#[derive(Debug)]
pub(crate) enum Leave<'p> {
    /// A client wants it and may. The permit is spent.
    Permit(Permit<'p>),
    /// The same, and the permit was spent when the message was handed over.
    Permitted,
    /// The protocol wants it; it carries nothing of a client's.
    Housekeeping,
}

/// Marks an answer to a request in which the client, not the app, says who asks: that it is refused is the
/// client's business.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ClientsCredentials {
    /// Whether the client brought anything.
    pub(crate) brings: bool,
}

// === impl Dialler ===

impl Dialler {
    /// A client for an app. Blocks on files.
    ///
    /// # Errors
    /// What is wrong with the app, for its administrator.
    pub(crate) fn new(
        app: &App,
        egress: &Arc<Egress>,
        limits: &Limits,
        tasks: &Tasks,
    ) -> Result<Self, String> {
        let url = match app.transport() {
            Some(Transport::StreamableHttp { url } | Transport::Sse { url }) => url,
            Some(Transport::Stdio) | None => {
                return Err("the app's server is not dialled".to_owned());
            }
        };
        let headers = app.spec.rewrite.as_ref().map_or(&[][..], |rewrite| &rewrite.headers);
        let rewriting = Rewriting::new(headers)?;
        let uri = uri_of(&url).ok_or("the app's URI is none for HTTP")?;
        let host = url.host().ok_or("the app's URI names no host")?.to_owned();
        let port = url.port_or_known_default().ok_or("the app's URI names no port")?;
        let tls = match url.scheme() {
            "https" => Some(secure(app, &host.to_string(), !rewriting.sets_host())?),
            _ => None,
        };
        let target = Arc::new(Target {
            host,
            port,
            tls,
            egress: egress.clone(),
            timeout: limits.connect_timeout,
        });
        let client = Client::builder(TaskExecutor::new(tasks.clone(), "agent.dial"))
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(limits.server_idle_timeout)
            .pool_max_idle_per_host(IDLE_CONNECTIONS)
            .http2_keep_alive_interval(KEEP_ALIVE_INTERVAL)
            .http2_keep_alive_timeout(KEEP_ALIVE_TIMEOUT)
            .build(Connector { target: target.clone() });
        let from_files = app.spec.tls.as_ref().is_some_and(UpstreamTls::has_files);
        let stale = from_files.then(|| Instant::now() + FILES_FRESH);
        Ok(Self {
            app: app.name().to_owned(),
            url,
            uri,
            client,
            target,
            rewriting,
            answer_timeout: limits.answer_timeout,
            stale,
        })
    }

    /// Whether another one should be made, because of what its files may hold by now.
    pub(crate) fn is_stale(&self) -> bool {
        self.stale.is_some_and(|stale| Instant::now() >= stale)
    }

    /// Connects to the app's server and says nothing.
    pub(crate) async fn reach(&self) -> Result<(), DialError> {
        self.target.open().await.map(drop)
    }

    /// How long the server may take to begin its answer, and to send one that is no stream.
    pub(crate) const fn answer_timeout(&self) -> Duration {
        self.answer_timeout
    }

    /// What keeps a request of nobody's from being one that a server must believe: headers that are filled in
    /// for users, or that the app leaves it to the client to say who asks.
    pub(crate) fn leaves_to_users(&self) -> Option<String> {
        let mut names: Vec<String> =
            self.rewriting.of_users().map(|name| format!("{:?}", name.as_str())).collect();
        names.dedup();
        match names.as_slice() {
            [] if self.rewriting.sets(&AUTHORIZATION) => None,
            [] => Some("the app sets no \"authorization\"".to_owned()),
            [one] => Some(format!("the header {one} is filled in for a user")),
            many => Some(format!("the headers {} are filled in for a user", many.join(", "))),
        }
    }

    /// Where the app's server is.
    pub(crate) fn url(&self) -> &Url {
        &self.url
    }

    /// Sends a request to the app's server for a user, and waits for the beginning of the answer.
    ///
    /// Of the request's headers only those travel that servers understand; its URI is replaced. An
    /// answer is whatever HTTP status the server gave, but no redirection.
    pub(crate) async fn send(
        &self,
        leave: Leave<'_>,
        request: Request<Body>,
        caller: &Caller,
    ) -> Result<Response<Body>, DialError> {
        let place = (&self.url, self.uri.clone());
        self.send_there(leave, place, request, caller).await
    }

    /// The same, to another address at the same server.
    pub(crate) async fn send_to(
        &self,
        leave: Leave<'_>,
        url: &Url,
        request: Request<Body>,
        caller: &Caller,
    ) -> Result<Response<Body>, DialError> {
        if url.origin() != self.url.origin() {
            return Err(wrong("it leads to another server than the app's"));
        }
        let uri = uri_of(url).ok_or_else(|| wrong("the app's URI is none for HTTP"))?;
        self.send_there(leave, (url, uri), request, caller).await
    }

    async fn send_there(
        &self,
        leave: Leave<'_>,
        (url, uri): (&Url, Uri),
        request: Request<Body>,
        caller: &Caller,
    ) -> Result<Response<Body>, DialError> {
        if let Leave::Permit(permit) = &leave
            && permit.app() != self.app
        {
            tracing::error!(app = self.app, ?permit, "a permit for another app; nothing was sent");
            return Err(wrong("it is allowed for another app"));
        }
        let (parts, body) = request.into_parts();
        let mut headers = carried(&parts.headers);
        let brought = parts.extensions.get::<Brought>();
        if let Some(brought) = brought {
            self.rewriting.bring(&mut headers, brought);
        }
        self.rewriting.apply(&mut headers, caller.user()?, &caller.tokens().await).await?;
        let confidences = Confidences::of(&headers);
        let mut request = Request::new(body);
        *request.method_mut() = parts.method;
        *request.uri_mut() = uri;
        *request.headers_mut() = headers;
        drop(leave);
        let after = self.answer_timeout;
        let answer = match timeout(after, self.client.request(request)).await {
            Ok(answer) => answer.map_err(|error| DialError::of(&error))?,
            Err(_elapsed) => return Err(DialError::Timeout { what: "answer", after }),
        };
        check_redirect(&answer, url)?;
        let (mut parts, body) = answer.into_parts();
        let body = inflate::inflate(&mut parts.headers, body)?;
        parts.extensions.insert(confidences);
        if !self.rewriting.sets(&AUTHORIZATION) {
            let brings = brought.is_some_and(|brought| !brought.is_empty());
            parts.extensions.insert(ClientsCredentials { brings });
        }
        Ok(Response::from_parts(parts, body))
    }
}

fn uri_of(url: &Url) -> Option<Uri> {
    Uri::try_from(url.as_str()).ok()
}

fn wrong(reason: &str) -> DialError {
    DialError::Request { reason: reason.to_owned() }
}

/// Says where a redirection leads, as far as that is no secret.
fn check_redirect<B>(answer: &Response<B>, from: &Url) -> Result<(), DialError> {
    let status = answer.status();
    if !status.is_redirection() || status == StatusCode::NOT_MODIFIED {
        return Ok(());
    }
    let location = answer.headers().get(LOCATION).and_then(|value| value.to_str().ok());
    let to = location.and_then(|text| from.join(text).ok());
    let to = match &to {
        Some(to) if to.origin() == from.origin() => "another path of the same host".to_owned(),
        Some(to) => format!("{}://{}", to.scheme(), to.host_str().unwrap_or("?")),
        None => "somewhere".to_owned(),
    };
    Err(DialError::Redirect { to })
}

/// How the server's certificate is checked, and what it is shown.
fn secure(
    app: &App,
    host: &str,
    speaks_http2: bool,
) -> Result<(Arc<rustls::ClientConfig>, rustls_pki_types::ServerName<'static>), String> {
    let none = UpstreamTls::default();
    let tls = app.spec.tls.as_ref().unwrap_or(&none);
    let trust = if app.spec.insecure_skip_verify {
        ServerTrust::InsecureAnything
    } else if !tls.ca.is_empty() {
        ServerTrust::Authorities(tls.ca.clone())
    } else if !tls.ca_file.is_empty() {
        ServerTrust::Authorities(file(&tls.ca_file)?)
    } else {
        ServerTrust::SystemRoots
    };
    let slot = if tls.cert_file.is_empty() {
        None
    } else {
        let credentials = Credentials::from_pem(&file(&tls.cert_file)?, &file(&tls.key_file)?);
        let unusable = |error| {
            format!("the client certificate {:?} cannot be used: {}", tls.cert_file, words(&error))
        };
        Some(CredentialsSlot::new(credentials.map_err(unusable)?))
    };
    let alpn: &[&[u8]] = if speaks_http2 { &[b"h2", b"http/1.1"] } else { &[b"http/1.1"] };
    let config = pki::tls::client_config(trust, slot.as_ref(), alpn).map_err(|e| words(&e))?;
    let name = if tls.server_name.is_empty() { host } else { &tls.server_name };
    let name = pki::tls::server_name(name).map_err(|e| words(&e))?;
    Ok((Arc::new(config), name))
}

fn file(path: &str) -> Result<String, String> {
    given::find(&Given::File(path.to_owned())).map(|found| found.expose().clone())
}

fn words(error: &(dyn std::error::Error + 'static)) -> String {
    match error.source() {
        Some(source) => format!("{error}: {}", error::innermost(source)),
        None => error.to_string(),
    }
}

#[cfg(test)]
mod tests;
