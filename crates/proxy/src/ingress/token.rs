//! Clients without a certificate, which show a token of somebody whom the cluster believes, or one of the cluster's
//! own: what the auth service gives for it is remembered for as long as it is good.
//!
//! Nothing is believed here. The auth service verifies the token, and what it gives is evidence that the
//! agent verifies. The token itself goes no further.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::num::NonZeroU32;

use api::wire::AppTokenRequest;
use api::{Error, ErrorKind, Snapshot, Touched};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{AUTHORIZATION, HeaderMap};
use http::{HeaderValue, StatusCode};
use parking_lot::Mutex;
use pki::Certificate;
use time::OffsetDateTime;

use super::refusal::Refusal;
use crate::basis::{Basis, Rights};
use crate::connection::Peer;
use crate::limit::Attempts;
use crate::oauth;
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
    young: HashMap<[u8; 32], Good>,
    old: HashMap<[u8; 32], Good>,
}

#[derive(Clone)]
struct Good {
    evidence: HeaderValue,
    /// Until when what it let in may go on.
    until: OffsetDateTime,
    /// Until when it lets requests in.
    admits_until: OffsetDateTime,
    basis: Basis,
    rights: Rights,
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
        let snapshot = shared.replica.snapshot();
        let shown = shown(headers, &snapshot)?;
        if shown.is_empty() {
            return Ok(None);
        }
        refuse_lines(headers)?;
        // What is given for a token may be bound to the address that it comes from.
        let key = key_of(app, peer.address.ip(), &shown);
        // Before anything is asked: what changes meanwhile is newer than this.
        let (basis, now) = (Basis::now(shared, true), shared.clock.now());
        let known = self.known.lock().find(&key, now);
        // Whose token was accepted may have it looked at again.
        if known.is_none() {
            self.admit(peer.address.ip()).map_err(|error| Refusal::of_token(&error))?;
        }
        if let Some(good) = known.filter(|good| good.holds(&basis, &snapshot.touched)) {
            return Ok(Some(Evidence { header: good.evidence, until: good.until }));
        }
        let request = AppTokenRequest {
            app: app.to_owned(),
            tokens: shown,
            client_addr: Some(peer.address.to_string()),
            proxy_addr: Some(shared.public_addr.clone()),
            continues: false,
        };
        let good = match ask(&request, basis, shared).await {
            Ok(good) => good,
            Err(error) => {
                self.known.lock().remove(&key);
                return Err(Refusal::of_tokens(&error, &request.tokens));
            }
        };
        let evidence = Evidence { header: good.evidence.clone(), until: good.until };
        self.known.lock().keep(key, good);
        Ok(Some(evidence))
    }

    /// Whether an address may have another token verified.
    pub(crate) fn admit(&self, address: IpAddr) -> Result<(), Error> {
        if self.attempts.admit(address) {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::RateLimited,
            "too many tokens from your address; wait a minute and try again",
        ))
    }
}

/// What the auth service gives for tokens.
async fn ask(request: &AppTokenRequest, basis: Basis, shared: &Shared) -> Result<Good, Error> {
    let unreadable = |error: String| {
        tracing::error!(error, "what was given for a token cannot be read");
        Error::internal("the cluster's answer about this token cannot be read")
    };
    let given = shared.client.verify_app_token(request).await?;
    let certificate =
        Certificate::from_pem(&given.certificate).map_err(|error| unreadable(error.to_string()))?;
    let identity =
        certificate.unverified_identity().map_err(|error| unreadable(error.to_string()))?;
    let user = identity.as_user().ok_or_else(|| unreadable("it is of no user".to_owned()))?;
    let evidence = HeaderValue::try_from(STANDARD.encode(certificate.der()))
        .map_err(|error| unreadable(error.to_string()))?;
    Ok(Good {
        evidence,
        until: given.valid_until,
        admits_until: given.token_expires.unwrap_or(given.valid_until),
        basis,
        rights: Rights::new(user, given.oauth_grant),
    })
}

/// The tokens of a request that wants to go to another cluster.
pub(super) fn for_elsewhere(
    headers: &HeaderMap,
    shared: &Shared,
) -> Result<BTreeMap<String, String>, Refusal> {
    let shown = shown(headers, &shared.replica.snapshot())?;
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
fn shown(headers: &HeaderMap, snapshot: &Snapshot) -> Result<BTreeMap<String, String>, Refusal> {
    let configs = snapshot.app_auth_configs.values();
    let mut shown = BTreeMap::new();
    for name in configs.map(|config| config.spec.jwt.header.as_str()) {
        if shown.contains_key(name) || shown.len() >= MAX_HEADERS {
            continue;
        }
        if let Some(token) = read(headers, name)? {
            shown.insert(name.to_owned(), token);
        }
    }
    let name = AUTHORIZATION.as_str();
    if !oauth::is_on(snapshot) || shown.contains_key(name) {
        return Ok(shown);
    }
    match read(headers, name)? {
        Some(token) if api::oauth_access_token(&token).is_some() => {
            shown.insert(name.to_owned(), token);
        }
        Some(_other) if shown.is_empty() => {
            return Err(Refusal::invalid_token("this is no token that is accepted here"));
        }
        _ => {}
    }
    Ok(shown)
}

/// What stands in one of them.
fn read(headers: &HeaderMap, name: &str) -> Result<Option<String>, Refusal> {
    let mut found = headers.get_all(name).iter();
    match (found.next(), found.next()) {
        (None, _) => Ok(None),
        (Some(value), None) if value.len() <= MAX_TOKEN => {
            Ok(value.to_str().ok().map(str::to_owned))
        }
        (Some(_), None) => Err(Refusal::new(
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            format!("the token in {name} has more than {MAX_TOKEN} bytes"),
        )),
        (Some(_), Some(_)) => {
            Err(Refusal::new(StatusCode::BAD_REQUEST, format!("{name} is given twice")))
        }
    }
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
    /// What the auth service says of tokens, for the client. That somebody whom a token of the cluster's own lets in may
    /// not go on, or not from there, signing in again does not mend.
    pub(crate) fn of_tokens(error: &Error, tokens: &BTreeMap<String, String>) -> Self {
        let own = tokens.get(AUTHORIZATION.as_str()).and_then(|text| api::oauth_access_token(text));
        match error.kind() {
            ErrorKind::Denied if own.is_some() => {
                Self::new(StatusCode::FORBIDDEN, error.message().to_owned())
            }
            _ => Self::of_token(error),
        }
    }

    /// What the auth service says of a token, for the client.
    pub(crate) fn of_token(error: &Error) -> Self {
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

// === impl Good ===

impl Good {
    /// Whether nothing that is known says that it may be another. Of somebody whom another cluster's or provider's token
    /// names, agents look at everything else themselves.
    fn holds(&self, now: &Basis, touched: &Touched) -> bool {
        match self.rights.oauth_grant {
            Some(_) => self.basis.is_same(now) && !self.rights.differ(touched, &self.basis),
            None => self.basis.believes_as(now),
        }
    }
}

// === impl Known ===

impl Known {
    /// What is remembered of tokens that still let in.
    fn find(&mut self, key: &[u8; 32], now: OffsetDateTime) -> Option<Good> {
        let found = match self.young.get(key) {
            Some(good) => good.clone(),
            None => {
                let good = self.old.remove(key)?;
                self.keep(*key, good.clone());
                good
            }
        };
        if now < found.admits_until {
            return Some(found);
        }
        self.remove(key);
        None
    }

    fn keep(&mut self, key: [u8; 32], good: Good) {
        if self.young.len() >= HALF {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, good);
    }

    fn remove(&mut self, key: &[u8; 32]) {
        self.young.remove(key);
        self.old.remove(key);
    }
}

#[cfg(test)]
mod tests;
