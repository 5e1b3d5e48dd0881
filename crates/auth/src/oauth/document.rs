//! Clients that are known by a document at an address of their own (OAuth Client ID Metadata Document, as MCP's
//! authorization has it). It is fetched in the place of a stranger: of few at a time, from addresses that everybody can
//! reach or that the cluster names, and not again for a while.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use api::{Error, ErrorKind};
use fetch::egress::Place;
use fetch::{Egress, Fetcher};
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, StatusCode};
use parking_lot::Mutex;
use serde::Deserialize;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use url::Url;

use super::MAX_TEXT;
use super::client::{About, Client, shown_name};
use super::redirect::Redirect;
use crate::core::Core;
use crate::keys;

/// How long a document is not asked for again.
const FRESH: Duration = Duration::from_secs(10 * 60);
/// Documents that are remembered.
const MAX_KEPT: usize = 128;
/// The largest document.
const MAX_BYTES: usize = 16 << 10;
/// The longest address of one.
const MAX_ADDRESS: usize = 512;
/// Documents that are fetched at a time, and for how long each.
const MAX_FETCHED: usize = 8;
const TIMEOUT: Duration = Duration::from_secs(5);
/// How long one that could not be had is not asked for again.
const FAILED: Duration = Duration::from_secs(60);
/// Redirect URIs that are looked at.
const MAX_REDIRECTS: usize = 32;
/// Where strangers have nothing fetched from: addresses that not everybody can reach.
const INSIDE: [&str; 17] = [
    "127.0.0.0/8",
    "::1/128",
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "100.64.0.0/10",
    "192.0.0.0/24",
    "192.88.99.0/24",
    "198.18.0.0/15",
    "240.0.0.0/4",
    "fc00::/7",
    "fec0::/10",
    // Addresses of version 4 in those of version 6, but for the well-known prefix, behind which it is looked.
    "64:ff9b:1::/48",
    "2001::/32",
    "2001:db8::/32",
    "2002::/16",
    "::/96",
];

/// Where a document is.
#[derive(Debug)]
pub(super) struct Address {
    url: Url,
    host: String,
    /// Whether the cluster names the host, so that it may be anywhere.
    is_named: bool,
}

/// Documents that were read of late.
#[derive(Debug)]
pub(crate) struct Documents {
    /// For hosts that the cluster names.
    named: Fetcher,
    /// For all others.
    public: Fetcher,
    /// By address: documents, and that there is none. Held for a look-up.
    kept: Mutex<HashMap<String, Heard>>,
    places: Semaphore,
}

/// When an address was asked, and what it had.
type Heard = (Instant, Option<Arc<Document>>);

/// What a client says of itself, as far as it matters here.
#[derive(Debug, Deserialize)]
struct Document {
    client_id: String,
    #[serde(default)]
    client_name: Option<String>,
    redirect_uris: Vec<String>,
    #[serde(default)]
    token_endpoint_auth_method: Option<String>,
    #[serde(default)]
    client_secret: Option<serde_json::Value>,
    #[serde(default)]
    grant_types: Option<Vec<String>>,
}

// === impl Address ===

impl Address {
    /// Reads one: https, with a path, and written as it is meant.
    pub(super) fn parse(core: &Core, text: &str) -> Result<Self, &'static str> {
        let preference = super::preference(core);
        let named = preference.as_deref().and_then(|one| one.spec.oauth_client_hosts.as_deref());
        Self::read(text, named)
    }

    fn read(text: &str, named: Option<&[String]>) -> Result<Self, &'static str> {
        let wrong = "the client_id is not the https address of a document, as it is written";
        let url = Url::parse(text).map_err(|_error| wrong)?;
        let host = url.host_str().ok_or(wrong)?;
        let is_plain = text.len() <= MAX_ADDRESS
            && url.as_str() == text
            && url.scheme() == "https"
            && url.path() != "/"
            && url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none();
        if !is_plain {
            return Err(wrong);
        }
        match named {
            Some(named) if !named.iter().any(|one| one.eq_ignore_ascii_case(host)) => {
                Err("this cluster takes clients of other hosts only")
            }
            None if url.port().is_some() => {
                Err("the client_id is the address of a document at the usual port")
            }
            named => {
                let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
                let (host, is_named) = (format!("{host}{port}"), named.is_some());
                Ok(Self { url, host, is_named })
            }
        }
    }
}

// === impl Documents ===

impl Documents {
    pub(crate) fn new() -> Self {
        // What cannot be read would be refused by nobody: a test reads them all.
        let deny: Vec<Place> = INSIDE.iter().filter_map(|place| place.parse().ok()).collect();
        Self {
            named: Fetcher::new(Egress::default()),
            public: Fetcher::new(Egress { allow: Vec::new(), deny }),
            kept: Mutex::default(),
            places: Semaphore::new(MAX_FETCHED),
        }
    }

    pub(super) fn knows(&self, address: &Address) -> bool {
        self.find(address).is_some()
    }

    /// What is known of an address: its document, or that there was none a moment ago.
    fn find(&self, address: &Address) -> Option<Option<Arc<Document>>> {
        let kept = self.kept.lock();
        let (heard, document) = kept.get(address.url.as_str())?;
        let fresh = if document.is_some() { FRESH } else { FAILED };
        (heard.elapsed() < fresh).then(|| document.clone())
    }

    fn keep(&self, address: &Address, document: Option<Arc<Document>>) {
        let mut kept = self.kept.lock();
        if kept.len() >= MAX_KEPT && !kept.contains_key(address.url.as_str()) {
            let oldest = kept.iter().min_by_key(|(_, (heard, _))| *heard);
            if let Some(oldest) = oldest.map(|(address, _)| address.clone()) {
                kept.remove(&oldest);
            }
        }
        kept.insert(address.url.as_str().to_owned(), (Instant::now(), document));
    }

    async fn ask(&self, address: &Address) -> Result<Document, String> {
        let fetcher = if address.is_named { &self.named } else { &self.public };
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        let fetched = tokio::time::timeout(TIMEOUT, fetcher.get(&address.url, headers)).await;
        let fetched = fetched.map_err(|_elapsed| "it takes too long".to_owned())?;
        let fetched = fetched.map_err(|error| error.to_string())?;
        if fetched.status != StatusCode::OK {
            return Err(format!("the client's document is answered with {}", fetched.status));
        }
        let kind = fetched.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        if !kind.is_some_and(is_json) {
            return Err("the client's document is not sent as JSON".to_owned());
        }
        Document::read(address.url.as_str(), &fetched.body)
    }
}

fn is_json(kind: &str) -> bool {
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    kind == "application/json" || (kind.starts_with("application/") && kind.ends_with("+json"))
}

/// The client whose document this is, or why it is none.
pub(super) async fn client(
    core: &Core,
    address: Address,
    client_addr: Option<&str>,
) -> Result<Result<Client, String>, Error> {
    let documents = &core.oauth_documents;
    let document = match documents.find(&address) {
        Some(document) => document,
        None => {
            core.attempts.begin_from("oauth document", client_addr).await.map_err(busy)?;
            let _place = documents.places.try_acquire().map_err(busy)?;
            let asked = documents.ask(&address).await;
            // Why not is for administrators: it tells of what can be reached from here.
            let document = asked.map_err(|why| {
                tracing::info!(address = %address.url, why, "the document of an OAuth client is not taken");
            });
            let document = document.ok().map(Arc::new);
            documents.keep(&address, document.clone());
            document
        }
    };
    let Some(document) = document else {
        return Ok(Err("the client's document cannot be had, or is not that of such a client; the log of the auth \
                       service says why"
            .to_owned()));
    };
    let shown: String = address.url.as_str().chars().take(MAX_ADDRESS).collect();
    let about = About {
        digest: keys::digest(&[address.url.as_str()]),
        shown,
        name: document.client_name.as_deref().and_then(shown_name),
        host: Some(address.host),
    };
    Ok(Ok(Client::new(about, document.redirects())))
}

fn busy(why: impl std::fmt::Display) -> Error {
    Error::new(ErrorKind::RateLimited, "too many clients are looked up at once")
        .hint("try again in a while")
        .because(why)
}

// === impl Document ===

impl Document {
    /// Reads one that was found at an address.
    fn read(address: &str, bytes: &[u8]) -> Result<Self, String> {
        if bytes.len() > MAX_BYTES {
            return Err(format!("the client's document has more than {MAX_BYTES} bytes"));
        }
        let document: Self = serde_json::from_slice(bytes).map_err(|_error| {
            "the client's document is not what a client says of itself".to_owned()
        })?;
        // Or somebody speaks for somebody else.
        if document.client_id != address {
            return Err("the client's document is of another client".to_owned());
        }
        let method = document.token_endpoint_auth_method.as_deref();
        if method.is_some_and(|method| method != "none") || document.client_secret.is_some() {
            let method = method.unwrap_or("a secret");
            let method: String = method.chars().take(MAX_TEXT).collect();
            return Err(format!("the client wants to prove itself by {method}, not by none"));
        }
        let types = document.grant_types.as_deref();
        if types.is_some_and(|types| types.iter().all(|one| one != "authorization_code")) {
            return Err("the client does not want an authorization_code".to_owned());
        }
        if document.redirects().is_empty() {
            return Err("the client's document has no redirect URI that is taken here".to_owned());
        }
        Ok(document)
    }

    /// Those that may be one.
    fn redirects(&self) -> Vec<Redirect> {
        let uris = self.redirect_uris.iter().take(MAX_REDIRECTS);
        uris.filter_map(|uri| Redirect::parse(uri).ok()).collect()
    }
}

#[cfg(test)]
mod tests;
