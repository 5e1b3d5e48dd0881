//! Evidence for visits: what the auth service gives for a user's certificate is remembered for a while.
//!
//! It is asked again when locks or authorities have changed, and at the latest after [`FRESH`]: then it says
//! what the user's roles are now. While the auth service is away, what was good stays good until it ends.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use api::wire::{AppTokenRequest, VisitEvidence, VisitRequest};
use api::{Error, ErrorKind, Index};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderValue, StatusCode};
use parking_lot::Mutex;
use pki::{Certificate, VisitTools};
use resource::{AppAuthConfig, Lock};
use time::OffsetDateTime;
use tokio::time::Instant;

use crate::connection::Peer;
use crate::ingress::Refusal;
use crate::service::Shared;

/// Visits in each half of the memory.
const HALF: usize = 4096;
/// For how long evidence is not asked for again.
const FRESH: Duration = Duration::from_secs(60);

/// Who goes where.
#[derive(Clone)]
pub(crate) struct Visit {
    cluster: String,
    app: Option<String>,
    peer: Arc<Peer>,
    /// What is shown instead of a certificate, by the header that it is in. It is kept while the visit lasts: it is
    /// shown to the auth service each time that it is asked, and to nobody else.
    tokens: Option<Arc<BTreeMap<String, String>>>,
}

/// What lets a user into another cluster.
pub(crate) struct Good {
    evidence: HeaderValue,
    until: OffsetDateTime,
    asked: Instant,
    locks: Index<Lock>,
    /// What tokens are accepted by, if it was given for some.
    configs: Option<Index<AppAuthConfig>>,
    trust: u64,
    /// Whether it is of no use when it cannot be asked again.
    strict: bool,
    rights: Rights,
}

/// What it says of the user.
#[derive(Debug, PartialEq, Eq)]
struct Rights {
    roles: Vec<String>,
    traits: BTreeMap<String, Vec<String>>,
    tools: Option<VisitTools>,
}

/// Visits that were allowed.
pub(crate) struct Visits {
    /// Guards the tables; held for a look-up.
    known: Mutex<Known>,
}

/// What is in use survives in the young half.
#[derive(Default)]
struct Known {
    young: HashMap<[u8; 32], Arc<Good>>,
    old: HashMap<[u8; 32], Arc<Good>>,
}

// === impl Visit ===

impl Visit {
    /// Of whom the peer's certificate names.
    pub(crate) fn new(cluster: &str, app: Option<&str>, peer: Arc<Peer>) -> Self {
        Self { cluster: cluster.to_owned(), app: app.map(str::to_owned), peer, tokens: None }
    }

    /// Of whom tokens name, to one app.
    pub(crate) fn by_tokens(
        cluster: &str,
        app: &str,
        peer: Arc<Peer>,
        tokens: BTreeMap<String, String>,
    ) -> Self {
        Self { tokens: Some(Arc::new(tokens)), ..Self::new(cluster, Some(app), peer) }
    }

    /// What it is known by. Tokens are not kept for that.
    fn key(&self) -> [u8; 32] {
        let leaf = self.peer.chain.first().map_or(&[][..], |leaf| leaf.as_ref());
        let client = self.peer.address.ip().to_canonical().to_string();
        let app = self.app.as_deref().unwrap_or_default();
        let mut parts = vec![leaf, self.cluster.as_bytes(), app.as_bytes(), client.as_bytes()];
        for (name, token) in self.tokens.iter().flat_map(|tokens| tokens.iter()) {
            parts.extend([name.as_bytes(), token.as_bytes()]);
        }
        pki::digest_of(&parts)
    }

    /// What it rests on besides what every visit does.
    fn configs(&self, shared: &Shared) -> Option<Index<AppAuthConfig>> {
        let tokens = self.tokens.as_ref();
        tokens.map(|_| shared.replica.snapshot().app_auth_configs.clone())
    }
}

// === impl Good ===

impl Good {
    pub(crate) const fn evidence(&self) -> &HeaderValue {
        &self.evidence
    }

    /// When it ends.
    pub(crate) const fn until(&self) -> OffsetDateTime {
        self.until
    }

    /// When it is to be asked again.
    pub(super) fn stale(&self) -> Instant {
        self.asked + FRESH
    }

    /// Whether a newer one says the same of the user.
    pub(super) fn says_as(&self, newer: &Self) -> bool {
        self.rights == newer.rights
    }

    /// Whether nothing tells that it should be asked again.
    pub(super) fn is_fresh(&self, shared: &Shared) -> bool {
        self.asked.elapsed() < FRESH
            && self.trust == shared.trust.generation()
            && self.locks.is_same(&shared.replica.snapshot().locks)
            && self.rests_on(&shared.replica.snapshot().app_auth_configs)
            && shared.clock.now() < self.until
    }

    /// Whether it was given by these configs, if by any.
    fn rests_on(&self, configs: &Index<AppAuthConfig>) -> bool {
        self.configs.as_ref().is_none_or(|known| known.is_same(configs))
    }
}

// === impl Visits ===

impl Visits {
    pub(crate) fn new() -> Self {
        Self { known: Mutex::default() }
    }

    /// Evidence for a visit.
    pub(crate) async fn of(&self, visit: &Visit, shared: &Shared) -> Result<Arc<Good>, Refusal> {
        let asked = self.ask(visit, shared).await;
        asked.map_err(|error| match visit.tokens {
            Some(_) => Refusal::of_token(&error),
            None => Refusal::of(&error, &shared.cluster),
        })
    }

    pub(super) async fn ask(&self, visit: &Visit, shared: &Shared) -> Result<Arc<Good>, Error> {
        let key = visit.key();
        let known = self.known.lock().find(&key);
        // Whose token was accepted may have it looked at again.
        if visit.tokens.is_some() && known.is_none() {
            shared.tokens.admit(visit.peer.address.ip())?;
        }
        if let Some(known) = known.as_ref().filter(|known| known.is_fresh(shared)) {
            return Ok(known.clone());
        }
        // Before it is asked: what changes meanwhile is newer than the answer.
        let (trust, locks) = (shared.trust.generation(), shared.replica.snapshot().locks.clone());
        let configs = visit.configs(shared);
        match issue(visit, shared).await {
            Ok((evidence, given, rights)) => {
                let (until, strict) = (given.valid_until, given.strict);
                let asked = Instant::now();
                let good = Good { evidence, until, asked, locks, configs, trust, strict, rights };
                let good = Arc::new(good);
                self.known.lock().insert(key, good.clone());
                Ok(good)
            }
            // Nothing new is granted, and what was granted goes on: unless something was locked meanwhile, or somebody
            // else is believed. Whom that is about, only the auth service knows.
            Err(error) if is_away(&error) => known
                .filter(|good| !good.strict && good.trust == trust && good.locks.is_same(&locks))
                .filter(|good| configs.as_ref().is_none_or(|configs| good.rests_on(configs)))
                .filter(|good| shared.clock.now() < good.until)
                .ok_or(error),
            Err(error) => {
                self.known.lock().remove(&key);
                Err(error)
            }
        }
    }
}

async fn issue(
    visit: &Visit,
    shared: &Shared,
) -> Result<(HeaderValue, VisitEvidence, Rights), Error> {
    let unreadable = |error: String| Error::internal(format!("evidence for a visit: {error}"));
    let given = ask_for(visit, shared).await?;
    let certificate =
        Certificate::from_pem(&given.certificate).map_err(|error| unreadable(error.to_string()))?;
    let identity =
        certificate.unverified_identity().map_err(|error| unreadable(error.to_string()))?;
    let user = identity.as_user().ok_or_else(|| unreadable("it is of no user".to_owned()))?;
    let rights = Rights {
        roles: user.roles.clone(),
        traits: user.traits.clone(),
        tools: user.visit.as_ref().map(|visit| visit.tools.clone()),
    };
    let evidence = HeaderValue::try_from(STANDARD.encode(certificate.der()))
        .map_err(|error| unreadable(error.to_string()))?;
    Ok((evidence, given, rights))
}

async fn ask_for(visit: &Visit, shared: &Shared) -> Result<VisitEvidence, Error> {
    let client_addr = Some(visit.peer.address.to_string());
    if let (Some(tokens), Some(app)) = (&visit.tokens, &visit.app) {
        let tokens = tokens.as_ref().clone();
        let request = AppTokenRequest { app: app.clone(), tokens, client_addr };
        return shared.client.visit_by_token(&visit.cluster, &request).await;
    }
    let leaf = visit.peer.chain.first().cloned();
    let leaf = leaf.ok_or_else(|| Error::internal("a visit of nobody"))?;
    let own = Certificate::from_der(leaf).map_err(Error::internal)?;
    let (certificate, app) = (own.to_pem(), visit.app.clone());
    let request = VisitRequest { certificate, app, client_addr };
    shared.client.visit(&visit.cluster, &request).await
}

/// Whether the auth service said nothing about it.
pub(super) fn is_away(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::RateLimited)
}

// === impl Refusal ===

impl Refusal {
    /// What the auth service of this cluster says, for the client.
    pub(super) fn of(error: &Error, cluster: &str) -> Self {
        let status = match error.kind() {
            ErrorKind::Unauthenticated => StatusCode::UNAUTHORIZED,
            ErrorKind::Denied => StatusCode::FORBIDDEN,
            ErrorKind::NotFound => StatusCode::NOT_FOUND,
            kind if kind == ErrorKind::Unavailable || kind == ErrorKind::RateLimited => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            _ => StatusCode::BAD_GATEWAY,
        };
        if status.is_server_error() {
            tracing::warn!(%error, cause = error.cause(), "no evidence for a visit");
        }
        // Where it is, is nobody's business.
        if error.kind() == ErrorKind::Unavailable {
            let words =
                format!("the auth service of {cluster:?} cannot be reached now; try again shortly");
            return Self::new(status, words);
        }
        Self::new(status, error.message().to_owned())
    }
}

// === impl Known ===

impl Known {
    fn find(&mut self, key: &[u8; 32]) -> Option<Arc<Good>> {
        if let Some(good) = self.young.get(key) {
            return Some(good.clone());
        }
        let good = self.old.remove(key)?;
        self.insert(*key, good.clone());
        Some(good)
    }

    fn insert(&mut self, key: [u8; 32], good: Arc<Good>) {
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
