//! Clients without a certificate, which show a token of somebody whom the cluster believes: what the auth
//! service gives for it is remembered for as long as it is good.
//!
//! Nothing is believed here. The auth service verifies the token, and what it gives is evidence that the
//! agent verifies. The token itself goes no further.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::num::NonZeroU32;

use api::wire::AppTokenRequest;
use api::{ErrorKind, Index};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::HeaderMap;
use http::{HeaderValue, StatusCode};
use parking_lot::Mutex;
use pki::Certificate;
use resource::AppAuthConfig;
use time::OffsetDateTime;

use super::refusal::Refusal;
use crate::connection::Peer;
use crate::limit::Attempts;
use crate::service::Shared;

/// Tokens in each half of the memory.
const HALF: usize = 4096;
/// Tokens that one address may have verified in a minute, and as many at once.
const ATTEMPTS: NonZeroU32 = NonZeroU32::MIN.saturating_add(119);
/// The longest token, with its scheme; no longer header is looked at.
const MAX_TOKEN: usize = 48 << 10;
/// Headers in which tokens may be, all configs together.
const MAX_HEADERS: usize = 16;

/// Tokens that were accepted.
pub(crate) struct Tokens {
    attempts: Attempts,
    /// Guards the tables; held for a look-up.
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    /// What tokens were accepted by. Another, and everything is asked again.
    configs: Index<AppAuthConfig>,
    /// Who was believed when. What was given for a token may be by an authority that is gone.
    trust: u64,
    young: HashMap<[u8; 32], Good>,
    old: HashMap<[u8; 32], Good>,
}

#[derive(Clone)]
struct Good {
    evidence: HeaderValue,
    until: OffsetDateTime,
}

/// Evidence for who makes a request.
pub(super) struct Evidence {
    pub(super) header: HeaderValue,
    pub(super) until: OffsetDateTime,
}

// === impl Tokens ===

impl Tokens {
    pub(crate) fn new() -> Self {
        Self { attempts: Attempts::of(ATTEMPTS), known: Mutex::default() }
    }

    /// Evidence for whom the request's tokens name; none where it has no token.
    pub(super) async fn evidence(
        &self,
        headers: &HeaderMap,
        app: &str,
        peer: &Peer,
        shared: &Shared,
    ) -> Result<Option<Evidence>, Refusal> {
        let configs = shared.replica.snapshot().app_auth_configs.clone();
        let shown = shown(headers, &configs)?;
        if shown.is_empty() {
            return Ok(None);
        }
        refuse_lines(headers)?;
        // What is given for a token may be bound to the address that it comes from.
        let key = key_of(app, peer.address.ip(), &shown);
        // Before anything is asked: what changes meanwhile is newer than this.
        let trust = shared.trust.generation();
        if let Some(good) = self.find(&key, &configs, trust, shared.clock.now()) {
            return Ok(Some(Evidence { header: good.evidence, until: good.until }));
        }
        self.admit(peer.address.ip()).map_err(|error| Refusal::of_token(&error))?;
        let request = AppTokenRequest {
            app: app.to_owned(),
            tokens: shown,
            client_addr: Some(peer.address.to_string()),
            proxy_addr: Some(shared.public_addr.clone()),
            continues: false,
        };
        let identity = shared
            .client
            .verify_app_token(&request)
            .await
            .map_err(|error| Refusal::of_token(&error))?;
        let unreadable = |error: String| {
            tracing::error!(error, "what was given for a token cannot be read");
            Refusal::new(
                StatusCode::BAD_GATEWAY,
                "the cluster's answer about this token cannot be read",
            )
        };
        let certificate = Certificate::from_pem(&identity.certificate)
            .map_err(|error| unreadable(error.to_string()))?;
        let header = HeaderValue::try_from(STANDARD.encode(certificate.der()))
            .map_err(|error| unreadable(error.to_string()))?;
        let good = Good { evidence: header.clone(), until: identity.valid_until };
        let mut known = self.known.lock();
        if known.trust == trust {
            known.insert(key, good, &configs);
        }
        Ok(Some(Evidence { header, until: identity.valid_until }))
    }

    fn find(
        &self,
        key: &[u8; 32],
        configs: &Index<AppAuthConfig>,
        trust: u64,
        now: OffsetDateTime,
    ) -> Option<Good> {
        let mut known = self.known.lock();
        if known.trust != trust {
            *known = Known { configs: configs.clone(), trust, ..Known::default() };
        }
        known.find(key, configs, now)
    }

    /// Whether an address may have another token verified.
    pub(crate) fn admit(&self, address: IpAddr) -> Result<(), api::Error> {
        if self.attempts.admit(address) {
            return Ok(());
        }
        Err(api::Error::new(
            ErrorKind::RateLimited,
            "too many tokens from your address; wait a minute and try again",
        ))
    }
}

/// The tokens of a request that wants to go to another cluster.
pub(super) fn for_elsewhere(
    headers: &HeaderMap,
    shared: &Shared,
) -> Result<BTreeMap<String, String>, Refusal> {
    let shown = shown(headers, &shared.replica.snapshot().app_auth_configs)?;
    if shown.is_empty() {
        return Err(Refusal::nobody());
    }
    refuse_lines(headers)?;
    Ok(shown)
}

fn refuse_lines(headers: &HeaderMap) -> Result<(), Refusal> {
    if !super::is_stdio(headers) {
        return Ok(());
    }
    Err(Refusal::new(
        StatusCode::UNAUTHORIZED,
        "this way is for `tsh mcp connect`; with a token, use streamable HTTP",
    ))
}

/// What stands in the headers in which tokens may be.
fn shown(
    headers: &HeaderMap,
    configs: &Index<AppAuthConfig>,
) -> Result<BTreeMap<String, String>, Refusal> {
    let mut shown = BTreeMap::new();
    for config in configs.values() {
        let name = config.spec.jwt.header.as_str();
        if shown.contains_key(name) || shown.len() >= MAX_HEADERS {
            continue;
        }
        let mut found = headers.get_all(name).iter();
        match (found.next(), found.next()) {
            (None, _) => {}
            (Some(value), None) if value.len() <= MAX_TOKEN => {
                if let Ok(text) = value.to_str() {
                    shown.insert(name.to_owned(), text.to_owned());
                }
            }
            (Some(_), None) => {
                return Err(Refusal::new(
                    StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
                    format!("the token in {name} has more than {MAX_TOKEN} bytes"),
                ));
            }
            (Some(_), Some(_)) => {
                return Err(Refusal::new(
                    StatusCode::BAD_REQUEST,
                    format!("{name} is given twice"),
                ));
            }
        }
    }
    Ok(shown)
}

/// What tokens are known by: they are not kept.
fn key_of(app: &str, client: IpAddr, shown: &BTreeMap<String, String>) -> [u8; 32] {
    let client = client.to_canonical().to_string();
    let mut parts: Vec<&[u8]> = vec![app.as_bytes(), client.as_bytes()];
    for (name, token) in shown {
        parts.push(name.as_bytes());
        parts.push(token.as_bytes());
    }
    pki::digest_of(&parts)
}

// === impl Refusal ===

impl Refusal {
    /// What the auth service says of a token, for the client.
    pub(crate) fn of_token(error: &api::Error) -> Self {
        match error.kind() {
            ErrorKind::Unauthenticated | ErrorKind::Denied | ErrorKind::InvalidArgument => {
                Self::invalid_token(error.message())
            }
            ErrorKind::RateLimited => Self::new(StatusCode::TOO_MANY_REQUESTS, error.message()),
            ErrorKind::NotFound => Self::new(StatusCode::NOT_FOUND, error.message()),
            // Where it is, is nobody's business.
            ErrorKind::Unavailable => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "the token cannot be verified now: the auth service cannot be reached; try again shortly",
            ),
            _ => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                format!("the token cannot be verified now: {}", error.message()),
            ),
        }
    }
}

// === impl Known ===

impl Known {
    fn find(
        &mut self,
        key: &[u8; 32],
        configs: &Index<AppAuthConfig>,
        now: OffsetDateTime,
    ) -> Option<Good> {
        if !self.configs.is_same(configs) {
            *self = Self { configs: configs.clone(), trust: self.trust, ..Self::default() };
        }
        let found = match self.young.get(key) {
            Some(good) => good.clone(),
            None => {
                let good = self.old.remove(key)?;
                self.keep(*key, good.clone());
                good
            }
        };
        if now < found.until {
            return Some(found);
        }
        self.young.remove(key);
        None
    }

    /// Remembers, unless what it was accepted by has changed meanwhile.
    fn insert(&mut self, key: [u8; 32], good: Good, configs: &Index<AppAuthConfig>) {
        if self.configs.is_same(configs) {
            self.keep(key, good);
        }
    }

    fn keep(&mut self, key: [u8; 32], good: Good) {
        if self.young.len() >= HALF {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, good);
    }
}

#[cfg(test)]
mod tests;
