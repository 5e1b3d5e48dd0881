//! Evidence for visits: what the auth service gives for a user's certificate is remembered for a while.
//!
//! It is asked again when locks or authorities have changed, or what accepts tokens, once more soon after that, and
//! at the latest after [`FRESH`]: then it says what the user's roles are now. While the auth service is away, what was good stays good until it ends.

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
/// And for how long when something has changed: the auth service that was asked may not have heard of it yet.
const UNSETTLED: Duration = Duration::from_secs(2);

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
    /// When it is to be asked for again.
    stale: Instant,
    basis: Basis,
    /// Whether it is of no use when it cannot be asked again.
    strict: bool,
    rights: Rights,
}

/// What was known here when it was asked for.
#[derive(Clone)]
struct Basis {
    trust: u64,
    locks: Index<Lock>,
    /// What tokens are accepted by, if it was asked for some.
    configs: Option<Index<AppAuthConfig>>,
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

    /// What is known now that it rests on.
    fn basis(&self, shared: &Shared) -> Basis {
        let snapshot = shared.replica.snapshot();
        let configs = self.tokens.as_ref().map(|_| snapshot.app_auth_configs.clone());
        Basis { trust: shared.trust.generation(), locks: snapshot.locks.clone(), configs }
    }
}

// === impl Basis ===

impl Basis {
    fn is_same(&self, other: &Self) -> bool {
        let same_configs = match (&self.configs, &other.configs) {
            (Some(one), Some(other)) => one.is_same(other),
            (None, None) => true,
            _ => false,
        };
        same_configs && self.trust == other.trust && self.locks.is_same(&other.locks)
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
        self.stale
    }

    /// Whether a newer one says the same of the user.
    pub(super) fn says_as(&self, newer: &Self) -> bool {
        self.rights == newer.rights
    }

    /// Whether nothing tells that it should be asked again.
    pub(super) fn is_fresh(&self, visit: &Visit, shared: &Shared) -> bool {
        Instant::now() < self.stale
            && self.basis.is_same(&visit.basis(shared))
            && shared.clock.now() < self.until
    }
}

/// For how long what was asked for with one basis is good, after what was known before.
fn good_for(before: Option<&Basis>, basis: &Basis) -> Duration {
    if before.is_some_and(|before| before.is_same(basis)) { FRESH } else { UNSETTLED }
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
        if let Some(known) = known.as_ref().filter(|known| known.is_fresh(visit, shared)) {
            return Ok(known.clone());
        }
        // Before it is asked: what changes meanwhile is newer than the answer.
        let basis = visit.basis(shared);
        match issue(visit, shared).await {
            Ok((evidence, given, rights)) => {
                let (until, strict) = (given.valid_until, given.strict);
                let before = known.as_ref().map(|known| &known.basis);
                let stale = Instant::now() + good_for(before, &basis);
                let good = Arc::new(Good { evidence, until, stale, basis, strict, rights });
                self.known.lock().insert(key, good.clone());
                Ok(good)
            }
            // Nothing new is granted, and what was granted goes on: unless something was locked meanwhile, or somebody
            // else is believed. Whom that is about, only the auth service knows.
            Err(error) if is_away(&error) => known
                .filter(|good| !good.strict && good.basis.is_same(&basis))
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
