//! Signing in through a browser: a small listener on this machine, to which the browser brings a code that
//! only this process can use.
//!
//! The address has a part that nobody guesses, so that no page in the browser can bring something else;
//! and the code is worth nothing without the secret that never leaves this process.

use std::convert::Infallible;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS,
};
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use resource::Secret;
use runtime::Tasks;
use sha2::{Digest as _, Sha256};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tokio::time::timeout;
use url::{Host, Url};

use crate::exit::Refused;
use crate::printer::Printer;

/// How long the person may take. The cluster forgets what it prepared about then.
const PATIENCE: Duration = Duration::from_secs(5 * 60);
/// How long a connection may take to say what it wants.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// Connections at a time: browsers open some in advance.
const CONNECTIONS: usize = 16;
/// The longest code that is taken.
const MAX_CODE: usize = 128;
/// The longest link, in bytes: what is asked of an identity provider may come along.
const MAX_LINK: usize = 16 << 10;
/// How much is shown of what is none.
const MAX_SHOWN: usize = 200;

const DONE: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Tessera</title>\
<main><h1>Back to the terminal</h1><p>tsh says there how it ended. You may close this page.</p></main>";

/// Whether, and how, a browser is opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Opening {
    /// The one that the machine opens links with.
    #[default]
    Default,
    /// None: the link is printed, and the person opens it.
    None,
}

/// A page that a person is sent to. A proxy names it, and what opens links on a desktop opens far more than pages:
/// files, network shares, programs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Link(Url);

/// Waits for a browser.
pub(crate) struct Waiting {
    listener: TcpListener,
    path: String,
    callback: String,
    verifier: Secret<String>,
}

/// What a browser brought, and what makes it worth something.
pub(crate) struct Brought {
    pub(crate) code: String,
    pub(crate) verifier: Secret<String>,
}

// === impl Link ===

impl Link {
    /// Reads a link to a page: over HTTPS, or on this machine.
    pub(crate) fn parse(text: &str) -> Result<Self, Refused> {
        Url::parse(text).ok().filter(is_page).map(Self).ok_or_else(|| {
            let shown = resource::plain::short(text, MAX_SHOWN);
            Refused::new(format!(
                "the cluster names {shown:?}, which is no link to a page (https://…)"
            ))
            .hint("nothing was opened; ask whoever administers the cluster")
        })
    }
}

/// It is shown, and given away, as it was understood: nothing else reads more into it.
impl std::fmt::Display for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0.as_str())
    }
}

fn is_page(url: &Url) -> bool {
    let is_here = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    };
    // A name before the host is there to be taken for the host.
    let is_plain = url.username().is_empty() && url.password().is_none();
    is_plain
        && url.as_str().len() <= MAX_LINK
        && (url.scheme() == "https" || (url.scheme() == "http" && is_here))
}

// === impl Waiting ===

impl Waiting {
    /// Listens on a free port of the loopback.
    pub(crate) async fn open() -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .context("cannot listen on this machine for the browser")?;
        let path = format!("/{}", random());
        let callback = format!("http://{}{path}", listener.local_addr()?);
        Ok(Self { listener, path, callback, verifier: Secret::new(random()) })
    }

    /// Where the browser is to bring the code.
    pub(crate) fn callback(&self) -> String {
        self.callback.clone()
    }

    /// The hash of the secret.
    pub(crate) fn challenge(&self) -> String {
        hash(&self.verifier)
    }

    /// Opens a browser at a link, or has the person do so, and waits for what it brings.
    pub(crate) async fn code(
        self,
        link: &Link,
        opening: Opening,
        printer: &Printer,
        tasks: &Tasks,
    ) -> anyhow::Result<Brought> {
        match opening {
            Opening::None => {
                printer.talk(&format!("Open this link in a browser on this machine:\n\n  {link}\n"))
            }
            Opening::Default => {
                printer.talk(&format!(
                    "A browser opens; if it does not, open this link on this machine:\n\n  {link}\n"
                ));
                launch(link);
            }
        }
        let Self { listener, path, verifier, callback: _ } = self;
        let (send, mut codes) = mpsc::channel(1);
        let listening = listen(listener, Arc::from(path), send, tasks.clone());
        let code = tokio::select! {
            code = timeout(PATIENCE, codes.recv()) => code.ok().flatten(),
            () = listening => None,
        };
        let code = code.ok_or_else(|| {
            Refused::new("nobody came back from the browser within five minutes")
                .hint("begin again")
        })?;
        Ok(Brought { code, verifier })
    }
}

async fn listen(listener: TcpListener, path: Arc<str>, send: mpsc::Sender<String>, tasks: Tasks) {
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok(place) = room.clone().acquire_owned().await else { return };
        let Ok((stream, _peer)) = listener.accept().await else { return };
        let (path, send) = (path.clone(), send.clone());
        tasks.spawn_until_cancelled("cli.browser", async move {
            serve(stream, &path, &send).await;
            drop(place);
        });
    }
}

async fn serve(stream: TcpStream, path: &str, send: &mpsc::Sender<String>) {
    let service = service_fn(async |request| Ok::<_, Infallible>(answer(&request, path, send)));
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service)
        .await;
    if let Err(error) = served {
        tracing::debug!(%error, "a browser's connection broke");
    }
}

fn answer<B>(
    request: &Request<B>,
    path: &str,
    send: &mpsc::Sender<String>,
) -> Response<Full<Bytes>> {
    let code = (request.method() == Method::GET && request.uri().path() == path)
        .then(|| code_of(request.uri().query().unwrap_or_default()))
        .flatten();
    let (status, text) = match code {
        Some(code) => {
            // The first one counts.
            _ = send.try_send(code);
            (StatusCode::OK, DONE)
        }
        None => (StatusCode::NOT_FOUND, "There is nothing here."),
    };
    let mut response = Response::new(Full::new(Bytes::from_static(text.as_bytes())));
    *response.status_mut() = status;
    for (name, value) in [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
        (CACHE_CONTROL, "no-store"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

fn code_of(query: &str) -> Option<String> {
    let code = query.split('&').find_map(|pair| pair.strip_prefix("code="))?;
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    (!code.is_empty() && code.len() <= MAX_CODE && code.chars().all(is_plain))
        .then(|| code.to_owned())
}

/// Opens a link as the desktop does. Where there is none, the person has the link.
pub(crate) fn launch(link: &Link) {
    let program = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    let started = Command::new(program)
        .arg(link.0.as_str())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    if let Err(error) = started {
        tracing::debug!(%error, program, "no browser was opened");
    }
}

/// Whether this machine has a desktop on which a browser opens.
pub(crate) fn is_likely() -> bool {
    let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    cfg!(target_os = "macos") || is_set("DISPLAY") || is_set("WAYLAND_DISPLAY")
}

/// What this machine is called.
pub(crate) fn machine_name() -> String {
    let name = nix::unistd::gethostname().ok().and_then(|name| name.into_string().ok());
    name.unwrap_or_default()
}

/// A secret, and its hash: whoever shows the secret is who showed the hash before.
pub(crate) fn secret() -> (Secret<String>, String) {
    let secret = Secret::new(random());
    let hash = hash(&secret);
    (secret, hash)
}

fn hash(secret: &Secret<String>) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(secret.expose().as_bytes()))
}

fn random() -> String {
    URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>())
}

#[cfg(test)]
mod tests;
