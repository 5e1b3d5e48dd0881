//! Who may use an app, by what is known now.
//!
//! Every message is decided by the newest copy of roles, users, locks, apps and authorities. What was
//! compiled for an identity is kept for as long as nothing that it was made of has changed.

mod lock;
mod refusal;
mod sets;
mod visit;

use std::sync::Arc;
use std::time::Duration;

use api::{Host, Replica, Snapshot};
use pki::{Identity, TrustStore, UserIdentity, VerifyError};
use policy::{AccessState, AppAccess, AppRef, Decision, DeviceTrust};
use resource::{App, ClusterAuthPreference, LockMode};
use runtime::Clock;
use time::OffsetDateTime;

pub(crate) use self::refusal::Refusal;
use self::sets::RoleSets;
use self::visit::RoleMaps;
use crate::catalog::Catalog;
use crate::evidence::Evidence;
use crate::labels::{self, Told, ToldLabels};

/// Locks that were not confirmed for so long may be out of date. The watch is silent for less.
const LOCKS_STALE: Duration = Duration::from_secs(60);

/// Decides who may use an app.
#[derive(Debug)]
pub(crate) struct Authorizer {
    replica: Replica,
    trust: TrustStore,
    clock: Clock,
    catalog: Catalog,
    labels: ToldLabels,
    host_id: String,
    /// By what the agent joined.
    join_token: Option<String>,
    sets: RoleSets,
    maps: RoleMaps,
}

/// What an identity may do with an app, and what that was decided by.
#[derive(Debug)]
pub(crate) struct Grant {
    /// Who it is, of another cluster with the roles that this one gives.
    pub(crate) identity: Arc<Identity>,
    /// The same as it was certified.
    pub(crate) certified: Arc<Identity>,
    /// The app as it is registered; its labels decide.
    pub(crate) app: Arc<App>,
    pub(crate) access: AppAccess,
    /// When the connection ends with its certificate.
    pub(crate) ends: Option<OffsetDateTime>,
    /// How long the client may be silent.
    pub(crate) idle_timeout: Option<Duration>,
    evidence: Evidence,
    basis: Basis,
}

/// What a decision was made by.
#[derive(Debug)]
struct Basis {
    snapshot: Arc<Snapshot>,
    trust: u64,
    /// How much commands had told,
    told_by: u64,
    /// and of this app.
    told: Option<Arc<Told>>,
    /// Locks must be known to be up to date.
    strict: bool,
}

// === impl Authorizer ===

impl Authorizer {
    pub(crate) fn new(
        replica: Replica,
        trust: TrustStore,
        clock: Clock,
        catalog: Catalog,
        labels: ToldLabels,
        (host_id, join_token): (String, Option<String>),
    ) -> Self {
        let (sets, maps) = (RoleSets::default(), RoleMaps::default());
        Self { replica, trust, clock, catalog, labels, host_id, join_token, sets, maps }
    }

    pub(crate) fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    /// What the sender of `evidence` may do with an app.
    pub(crate) fn decide(&self, evidence: Evidence, app: &str) -> Result<Grant, Refusal> {
        let now = self.clock.now();
        // Before they are used: what changes meanwhile is newer than this.
        let trust = self.trust.generation();
        let identity =
            self.believe(&evidence, now).map_err(|error| Refusal::unauthenticated(&error))?;
        self.decide_for(identity, trust, evidence, app, now)
    }

    /// Whose evidence it is, here or in another cluster, as it was certified.
    fn believe(
        &self,
        evidence: &Evidence,
        now: OffsetDateTime,
    ) -> Result<Arc<Identity>, VerifyError> {
        match self.trust.verify(&evidence.chain, now) {
            // What is wrong with evidence of our own is told as that.
            Err(VerifyError::UnknownAuthority) => self.trust.verify_foreign(&evidence.chain, now),
            verified => verified,
        }
    }

    /// Whose evidence it is, as far as records go: a visitor has the roles that this cluster gives, if any.
    pub(crate) fn known(&self, evidence: &Evidence) -> Option<Arc<Identity>> {
        let identity = self.believe(evidence, self.clock.now()).ok()?;
        let (user, own) = (identity.as_user()?, self.trust.cluster());
        if user.cluster == own {
            return Some(identity);
        }
        let received = self.maps.receive(user, &self.replica.snapshot(), &own);
        let roleless = || UserIdentity { roles: Vec::new(), ..user.clone() };
        Some(received.unwrap_or_else(|_refused| Arc::new(Identity::User(roleless()))))
    }

    /// Decides again if anything has changed since; says whether it did.
    pub(crate) fn renew(&self, grant: &mut Grant) -> Result<bool, Refusal> {
        let snapshot = self.replica.snapshot();
        let stale = grant.basis.strict && self.are_locks_stale();
        let trust = self.trust.generation();
        let told_by = self.labels.generation();
        let same_trust = grant.basis.trust == trust;
        let same_copy = Arc::ptr_eq(&snapshot, &grant.basis.snapshot);
        if same_trust && !stale && same_copy && told_by == grant.basis.told_by {
            return Ok(false);
        }
        let same_told = || same(grant.basis.told.as_ref(), self.told(&grant.app).as_ref());
        if same_trust && !stale && grant.rests_on(&snapshot) && same_told() {
            grant.basis.snapshot = snapshot;
            grant.basis.told_by = told_by;
            return Ok(false);
        }
        let now = self.clock.now();
        // A certificate that has expired does not end a connection by itself: see `Grant::ends`.
        let at = now.min(grant.identity.expires());
        let identity = self
            .believe(&grant.evidence, at)
            .map_err(|error| Refusal::no_longer_believed(&error))?;
        let name = grant.app.name().to_owned();
        *grant = self.decide_for(identity, trust, grant.evidence.clone(), &name, now)?;
        Ok(true)
    }

    fn decide_for(
        &self,
        certified: Arc<Identity>,
        trust: u64,
        evidence: Evidence,
        app: &str,
        now: OffsetDateTime,
    ) -> Result<Grant, Refusal> {
        let snapshot = self.replica.snapshot();
        let user = certified.as_user().ok_or_else(Refusal::not_a_user)?;
        let own = self.trust.cluster();
        let identity = if user.cluster == own {
            certified.clone()
        } else {
            self.maps.receive(user, &snapshot, &own)?
        };
        let user = identity.as_user().ok_or_else(Refusal::not_a_user)?;
        let wanted =
            self.catalog.find(&snapshot.apps, app).ok_or_else(|| Refusal::not_served(app))?;
        if user.app.as_ref().is_some_and(|bound| !bound.is_here(app)) {
            return Err(Refusal::bound_elsewhere());
        }
        // What another cluster asks for a list by opens no app.
        if user.visit.is_some() && user.app.is_none() {
            return Err(Refusal::for_a_list());
        }
        check_address(user, &evidence)?;
        if user.cluster == own {
            check_known(user, &snapshot)?;
            check_grant(user, &snapshot, now)?;
        }
        let host = Host { id: &self.host_id, join_token: self.join_token.as_deref() };
        lock::check(&snapshot, now, user, app, host)?;
        let roles = self.sets.resolve(user, &snapshot);
        if roles.options().pin_source_ip && user.source_ip.is_none() {
            return Err(Refusal::not_bound());
        }
        let preference = snapshot.auth_preference.as_deref();
        let strict = is_strict(roles.options().lock, preference);
        if strict && self.are_locks_stale() {
            return Err(Refusal::locks_unknown());
        }
        // Before it is used: what is told meanwhile is newer than this.
        let told_by = self.labels.generation();
        let told = self.told(&wanted.app);
        let known = labels::known(&wanted.app, told.as_deref());
        let access = roles.access_with(AppRef::known(app, &known), state(user, preference));
        if let Decision::Deny(denial) = access.connect() {
            return Err(Refusal::denied(&denial));
        }
        // What rests on somebody's token ends with it, and so does what rests on another cluster's word.
        let expires = user.app.is_some()
            || user.visit.is_some()
            || roles.options().disconnect_expired_cert
            || preference.is_some_and(|p| p.spec.disconnect_expired_cert == Some(true));
        let ends = expires.then(|| identity.expires());
        if ends.is_some_and(|end| end <= now) {
            return Err(Refusal::expired());
        }
        let idle_timeout = roles.options().client_idle_timeout;
        let basis = Basis { snapshot, trust, told_by, told, strict };
        let app = wanted.app;
        Ok(Grant { identity, certified, app, access, ends, idle_timeout, evidence, basis })
    }

    /// What commands told of an app's labels; nothing of an app without such labels.
    fn told(&self, app: &App) -> Option<Arc<Told>> {
        if app.spec.dynamic_labels.is_empty() {
            return None;
        }
        self.labels.of(app.name())
    }

    /// Whether the newest locks may be missing.
    pub(crate) fn are_locks_stale(&self) -> bool {
        let progress = *self.replica.changes().borrow();
        !progress.ready || progress.heard.is_some_and(|heard| heard.elapsed() > LOCKS_STALE)
    }
}

// === impl Grant ===

impl Grant {
    /// The user. A grant is only made for one.
    pub(crate) fn user(&self) -> Option<&UserIdentity> {
        self.identity.as_user()
    }

    pub(crate) fn evidence(&self) -> &Evidence {
        &self.evidence
    }

    /// Whether a newer copy holds just what the decision was made by.
    fn rests_on(&self, newer: &Snapshot) -> bool {
        let old = &*self.basis.snapshot;
        let app = self.app.name();
        let is_same_user = match self.user() {
            Some(user) if user.visit.is_some() => {
                // What the user is called here depends on both.
                old.trusted_clusters.is_same(&newer.trusted_clusters)
                    && old.users.is_same(&newer.users)
            }
            Some(user) => same(old.users.get(&user.name), newer.users.get(&user.name)),
            None => false,
        };
        old.roles.is_same(&newer.roles)
            && old.locks.is_same(&newer.locks)
            && same(old.auth_preference.as_ref(), newer.auth_preference.as_ref())
            && is_same_user
            && self.is_same_grant(old, newer)
            && same(old.apps.get(app), newer.apps.get(app))
    }

    /// Whether what it rests on is, where a client was granted it.
    fn is_same_grant(&self, old: &Snapshot, newer: &Snapshot) -> bool {
        let name = self.user().and_then(|user| user.oauth_grant.as_deref());
        name.is_none_or(|name| same(old.oauth_grants.get(name), newer.oauth_grants.get(name)))
    }
}

fn check_address(user: &UserIdentity, evidence: &Evidence) -> Result<(), Refusal> {
    let pinned = user.source_ip.map(|ip| ip.to_canonical());
    if pinned.is_some() && pinned != evidence.client_ip() {
        return Err(Refusal::wrong_address());
    }
    Ok(())
}

/// Refuses who is not there any more. Whether a visitor is, the visitor's cluster says with each certificate.
fn check_known(user: &UserIdentity, snapshot: &Snapshot) -> Result<(), Refusal> {
    // Nothing is known of anybody before the first list.
    let known = snapshot.users.get(&user.name);
    let known = known.ok_or_else(|| Refusal::unknown_user(&user.name))?;
    // A certificate from before the user was made is a namesake's. Certificates carry whole seconds.
    let made = known.spec.created_by.as_ref().and_then(|by| by.time);
    if made.is_some_and(|made| user.issued.unix_timestamp() < made.unix_timestamp()) {
        return Err(Refusal::unknown_user(&user.name));
    }
    Ok(())
}

/// Refuses what rests on a grant to a client that is over, or of a kind that the cluster takes no more. What other
/// clusters' users were granted is their clusters' business.
fn check_grant(
    user: &UserIdentity,
    snapshot: &Snapshot,
    now: OffsetDateTime,
) -> Result<(), Refusal> {
    let Some(name) = &user.oauth_grant else { return Ok(()) };
    let rules = snapshot.auth_preference.as_deref().map(|preference| &preference.spec);
    match snapshot.oauth_grants.get(name) {
        Some(grant) if grant.spec.user == user.name && grant.is_in_force(rules, now) => Ok(()),
        _ => Err(Refusal::grant_over()),
    }
}

fn same<T>(one: Option<&Arc<T>>, other: Option<&Arc<T>>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => Arc::ptr_eq(one, other),
        (None, None) => true,
        _ => false,
    }
}

fn is_strict(roles: Option<LockMode>, preference: Option<&ClusterAuthPreference>) -> bool {
    let cluster = preference.and_then(|preference| preference.spec.locking_mode);
    roles.or(cluster) == Some(LockMode::Strict)
}

fn state(user: &UserIdentity, preference: Option<&ClusterAuthPreference>) -> AccessState {
    let demand = preference.and_then(|preference| preference.spec.require_session_mfa);
    AccessState {
        mfa_verified: user.mfa.are_fresh(),
        cluster_requires_mfa: demand.is_some_and(resource::MfaRequirement::is_required),
        device: DeviceTrust::NotEvaluated,
    }
}

#[cfg(test)]
mod tests;
