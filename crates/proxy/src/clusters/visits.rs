//! Evidence for visits: what the auth service gives for a user's certificate is remembered for a while.
//!
//! It is asked again when locks, authorities, the user, one of the user's roles, the grant by which a client acts for
//! the user or what is demanded of everybody have changed, or what accepts tokens, once more soon after that, and at the
//! latest after [`FRESH`]. While the auth service
//! is away, what was good stays good until it ends.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use api::wire::{AppTokenRequest, VisitEvidence, VisitRequest};
use api::{Error, ErrorKind};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::FutureExt as _;
use futures_util::future::{self, BoxFuture};
use http::{HeaderValue, StatusCode};
use parking_lot::Mutex;
use pki::Certificate;
use time::OffsetDateTime;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use crate::basis::{Basis, Rights};
use crate::connection::Peer;
use crate::ingress::Refusal;
use crate::service::Shared;

/// Visits in each half of the memory.
const HALF: usize = 4096;
/// For how long evidence is not asked for again.
const FRESH: Duration = Duration::from_secs(60);
/// And for how long when something has changed: the auth service that was asked may not have heard of it yet.
const UNSETTLED: Duration = Duration::from_secs(2);
/// So many questions are with the auth service at once.
const TURNS: usize = 16;
/// And so many wait for those who come, of one certificate and in all.
const COMERS_OF_ONE: usize = 16;
const COMERS: usize = 1024;

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
    /// Until when a token lets further requests in; what is open goes on.
    admits_until: OffsetDateTime,
    /// When it is to be asked for again.
    stale: Instant,
    basis: Basis,
    /// Whether it is of no use when it cannot be asked again.
    strict: bool,
    rights: Rights,
}

/// Visits that were allowed.
pub(crate) struct Visits {
    /// Guards the tables; held for a look-up.
    known: Mutex<Known>,
    /// What is being asked: after a change all that is open of a user asks the same. Held for a look-up.
    under_way: Mutex<HashMap<(Asker, [u8; 32]), Asking>>,
    /// Questions at once about what is open: after a change everybody asks. Nobody who comes is before them.
    turns: Semaphore,
    /// Questions at once for those who come.
    turns_of_comers: Semaphore,
}

/// A question to the auth service, for everybody who wants the same answer.
type Asking = future::Shared<BoxFuture<'static, Result<Arc<Good>, Error>>>;

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Asker {
    /// Somebody who wants to go there, by a certificate, or from an address.
    Comer([u8; 32]),
    /// What is open there.
    Open,
}

/// Takes a question off the table when it is over, however it ends.
struct Ends {
    shared: Arc<Shared>,
    of: (Asker, [u8; 32]),
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

    /// Whose it is: the certificate, or the address if there is none.
    fn owner(&self) -> [u8; 32] {
        match self.peer.chain.first() {
            Some(leaf) => pki::digest_of(&[leaf.as_ref()]),
            None => pki::digest_of(&[self.peer.address.ip().to_canonical().to_string().as_bytes()]),
        }
    }

    /// What is known now that it rests on.
    fn basis(&self, shared: &Shared) -> Basis {
        Basis::now(shared, self.tokens.is_some())
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

    /// Whether it lets such a one go on.
    fn admits(&self, asker: Asker, now: OffsetDateTime) -> bool {
        asker == Asker::Open || now < self.admits_until
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
            && self.holds(visit, shared)
            && !shared.replica.snapshot().touched.is_unknown_after(self.basis.generation)
            && shared.clock.now() < self.until
    }

    /// Whether nothing that is known is different from what was known when it was asked for.
    pub(super) fn holds(&self, visit: &Visit, shared: &Shared) -> bool {
        let basis = visit.basis(shared);
        self.basis.is_same(&basis)
            && !self.rights.differ(&shared.replica.snapshot().touched, &self.basis)
    }

    /// Whether it goes on while nobody can be asked.
    pub(super) fn outlasts_silence(&self, visit: &Visit, shared: &Shared) -> bool {
        !self.strict && self.holds(visit, shared) && shared.clock.now() < self.until
    }
}

// === impl Visits ===

impl Visits {
    pub(crate) fn new() -> Self {
        let (known, under_way) = (Mutex::default(), Mutex::default());
        let [turns, turns_of_comers] = [TURNS; 2].map(Semaphore::new);
        Self { known, under_way, turns, turns_of_comers }
    }

    /// Evidence for a visit.
    pub(crate) async fn of(
        &self,
        visit: &Visit,
        shared: &Arc<Shared>,
    ) -> Result<Arc<Good>, Refusal> {
        let asked = self.ask(visit, Asker::Comer(visit.owner()), shared).await;
        asked.map_err(|error| match &visit.tokens {
            Some(tokens) => Refusal::of_tokens(&error, tokens),
            None => Refusal::of(&error, &shared.cluster),
        })
    }

    pub(super) async fn ask(
        &self,
        visit: &Visit,
        asker: Asker,
        shared: &Arc<Shared>,
    ) -> Result<Arc<Good>, Error> {
        let key = visit.key();
        let known = self.known.lock().find(&key);
        // Whose token was accepted may have it looked at again.
        if visit.tokens.is_some() && known.is_none() {
            shared.tokens.admit(visit.peer.address.ip())?;
        }
        let now = shared.clock.now();
        let serves = |known: &Arc<Good>| known.is_fresh(visit, shared) && known.admits(asker, now);
        if let Some(known) = known.filter(serves) {
            return Ok(known);
        }
        // One that was under way may have begun before what this is asked for; the next has not.
        let (asking, was_under_way) = self.asking(key, visit, asker, shared)?;
        let answer = asking.await;
        let is_of_now = |answer: &Result<Arc<Good>, Error>| {
            answer.as_ref().is_ok_and(|good| good.holds(visit, shared))
        };
        if was_under_way && !is_of_now(&answer) {
            return self.asking(key, visit, asker, shared)?.0.await;
        }
        answer
    }

    /// The question that is under way about a visit, or a new one; and whether it was.
    ///
    /// # Errors
    /// There are too many questions of those who come.
    fn asking(
        &self,
        key: [u8; 32],
        visit: &Visit,
        asker: Asker,
        shared: &Arc<Shared>,
    ) -> Result<(Asking, bool), Error> {
        let of = (asker, key);
        let mut under_way = self.under_way.lock();
        if let Some(asking) = under_way.get(&of) {
            return Ok((asking.clone(), true));
        }
        refuse_too_many(under_way.keys().map(|(asker, _)| *asker), asker)?;
        let (visit, ends) = (visit.clone(), Ends { shared: shared.clone(), of });
        let answer = async move {
            let shared = &ends.shared;
            shared.clusters.visits.ask_now(key, &visit, asker, shared).await
        };
        let answer = answer.boxed().shared();
        under_way.insert(of, answer.clone());
        // It comes to its end whether somebody waits for it or not.
        shared.tasks.spawn_until_cancelled("proxy.visit.ask", answer.clone().map(drop));
        Ok((answer, false))
    }

    async fn ask_now(
        &self,
        key: [u8; 32],
        visit: &Visit,
        asker: Asker,
        shared: &Shared,
    ) -> Result<Arc<Good>, Error> {
        let turns = if asker == Asker::Open { &self.turns } else { &self.turns_of_comers };
        let turn = turns.acquire().await;
        let known = self.known.lock().find(&key);
        // Before it is asked: what changes meanwhile is newer than the answer.
        let basis = visit.basis(shared);
        let settled = known.as_ref().is_some_and(|known| known.holds(visit, shared));
        let issued = issue(visit, asker, shared).await;
        drop(turn);
        match issued {
            Ok((evidence, given, rights)) => {
                let (until, strict) = (given.valid_until, given.strict);
                let admits_until = given.token_expires.unwrap_or(until);
                let stale = Instant::now() + if settled { FRESH } else { UNSETTLED };
                let good = Good { evidence, until, admits_until, stale, basis, strict, rights };
                let good = Arc::new(good);
                self.known.lock().insert(key, good.clone());
                Ok(good)
            }
            // Nothing new is granted, and what was granted goes on: unless something was locked meanwhile, or somebody
            // else is believed, or the user is another. Whom a lock is about, only the auth service knows.
            Err(error) => {
                let now = shared.clock.now();
                let lasts = |good: &Arc<Good>| {
                    !good.strict
                        && good.holds(visit, shared)
                        && now < good.until
                        && good.admits(asker, now)
                };
                if is_away(&error)
                    && let Some(good) = known.filter(lasts)
                {
                    return Ok(good);
                }
                self.known.lock().remove(&key);
                Err(error)
            }
        }
    }
}

/// One who asks for many things does not keep others waiting, and all together not the proxy.
fn refuse_too_many(under_way: impl Iterator<Item = Asker>, comer: Asker) -> Result<(), Error> {
    if comer == Asker::Open {
        return Ok(());
    }
    let (mut all, mut own) = (0, 0);
    for one in under_way.filter(|one| *one != Asker::Open) {
        all += 1;
        own += usize::from(one == comer);
    }
    if own >= COMERS_OF_ONE || all >= COMERS {
        return Err(Error::new(
            ErrorKind::RateLimited,
            "too much is asked of other clusters at once; try again shortly",
        ));
    }
    Ok(())
}

// === impl Ends ===

impl Drop for Ends {
    fn drop(&mut self) {
        self.shared.clusters.visits.under_way.lock().remove(&self.of);
    }
}

async fn issue(
    visit: &Visit,
    asker: Asker,
    shared: &Shared,
) -> Result<(HeaderValue, VisitEvidence, Rights), Error> {
    let unreadable = |error: String| Error::internal(format!("evidence for a visit: {error}"));
    let given = ask_for(visit, asker, shared).await?;
    let certificate =
        Certificate::from_pem(&given.certificate).map_err(|error| unreadable(error.to_string()))?;
    let identity =
        certificate.unverified_identity().map_err(|error| unreadable(error.to_string()))?;
    let user = identity.as_user().ok_or_else(|| unreadable("it is of no user".to_owned()))?;
    let rights = Rights::new(user, given.oauth_grant.clone());
    let evidence = HeaderValue::try_from(STANDARD.encode(certificate.der()))
        .map_err(|error| unreadable(error.to_string()))?;
    Ok((evidence, given, rights))
}

async fn ask_for(visit: &Visit, asker: Asker, shared: &Shared) -> Result<VisitEvidence, Error> {
    let client_addr = Some(visit.peer.address.to_string());
    if let (Some(tokens), Some(app)) = (&visit.tokens, &visit.app) {
        let tokens = tokens.as_ref().clone();
        let request = AppTokenRequest {
            app: app.clone(),
            tokens,
            client_addr,
            proxy_addr: Some(shared.public_addr.clone()),
            continues: asker == Asker::Open,
        };
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
