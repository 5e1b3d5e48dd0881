//! What every operation of the service shares.

use std::sync::Arc;
use std::time::Duration;

use api::{Replica, Snapshot};
use pki::{CredentialsSlot, TrustStore};
use resource::cluster_auth_preference::SecondFactor;
use resource::{Kind, Revision};
use runtime::{Clock, Tasks};
use tokio::sync::Semaphore;

use crate::attempts::Attempts;
use crate::audit_log::AuditLog;
use crate::authorities::Keyring;
use crate::catalog::{self, Catalog};
use crate::clusters::Recorded;
use crate::kubernetes::KubernetesApi;
use crate::leases::Leases;
use crate::logins::Logins;
use crate::oauth::Documents;
use crate::password::Passwords;
use crate::providers::Providers;
use crate::records::Records;
use crate::source::StoreSource;

/// How long an answer waits for our own copy to show what was written. It takes a millisecond;
/// when something is wrong, the answer is right all the same.
const SETTLE: Duration = Duration::from_millis(500);
/// When nothing changes for so long, the store is asked what there is.
const GLANCE: Duration = Duration::from_millis(50);

/// The kinds by which this service decides.
pub(crate) const REPLICATED: [Kind; 10] = [
    Kind::Role,
    Kind::User,
    Kind::Lock,
    Kind::ClusterAuthPreference,
    Kind::Proxy,
    Kind::AppAuthConfig,
    Kind::CertAuthority,
    Kind::TrustedCluster,
    Kind::RemoteCluster,
    Kind::OauthGrant,
];

/// The parts of the service.
#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) cluster: String,
    pub(crate) clock: Clock,
    pub(crate) records: Records,
    pub(crate) source: Arc<StoreSource>,
    pub(crate) replica: Replica,
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) leases: Arc<Leases>,
    /// The authorities' own: they replace it.
    pub(crate) trust: TrustStore,
    pub(crate) authorities: Keyring,
    pub(crate) audit: AuditLog,
    pub(crate) attempts: Attempts,
    pub(crate) passwords: Passwords,
    pub(crate) providers: Providers,
    /// The Kubernetes that this service runs in.
    pub(crate) kubernetes: Option<KubernetesApi>,
    pub(crate) logins: Logins,
    /// What clients say of themselves.
    pub(crate) oauth_documents: Documents,
    /// The visits to other clusters that the audit log was told of.
    pub(crate) visits: Recorded,
    /// What this service shows of itself.
    pub(crate) own: CredentialsSlot,
    /// What runs here besides requests.
    pub(crate) tasks: Tasks,
    /// A permit for who takes note of what servers offer: two that take note of one change would tell it twice.
    pub(crate) tools_turn: Semaphore,
}

/// How local users sign in at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a rule of its own")]
pub(crate) struct SignInPolicy {
    /// Whether local users sign in at all.
    pub(crate) local: bool,
    /// Whether a second factor is needed besides a password.
    pub(crate) second_factor: bool,
    /// Whether codes of authenticator apps are one.
    pub(crate) codes: bool,
    /// Whether security keys are one.
    pub(crate) keys: bool,
    /// Whether a passkey is enough.
    pub(crate) passwordless: bool,
    /// Whether machines without a browser may be signed in elsewhere.
    pub(crate) headless: bool,
    /// Whether codes for when a device is lost are given out, and taken.
    pub(crate) recovery: bool,
}

// === impl SignInPolicy ===

impl SignInPolicy {
    /// Whether nobody can sign in by what is typed.
    pub(crate) fn needs_browser(self) -> bool {
        self.second_factor && !self.codes
    }
}

// === impl Core ===

impl Core {
    /// How local users sign in at the moment.
    pub(crate) fn sign_in_policy(&self) -> SignInPolicy {
        let preference = self.replica.snapshot().auth_preference.clone();
        let spec = preference.as_ref().map(|preference| &preference.spec);
        let factors = spec.and_then(|spec| spec.second_factors.as_deref());
        let takes = |factor| factors.is_none_or(|all| all.contains(&factor));
        let keys = takes(SecondFactor::Webauthn);
        let second_factor = factors.is_none_or(|all| !all.is_empty());
        SignInPolicy {
            local: spec.and_then(|spec| spec.allow_local_auth).unwrap_or(true),
            second_factor,
            codes: takes(SecondFactor::Otp),
            keys,
            passwordless: keys && spec.and_then(|spec| spec.allow_passwordless).unwrap_or(true),
            recovery: second_factor
                && spec.and_then(|spec| spec.allow_recovery_codes).unwrap_or(false),
            headless: second_factor && spec.and_then(|spec| spec.allow_headless).unwrap_or(true),
        }
    }

    /// Waits until our own copy shows a write, so that the next call is decided by it. `revision`
    /// is what was written, none after a deletion.
    pub(crate) async fn settle(&self, kind: Kind, name: &str, revision: Option<&Revision>) {
        let copy = match kind {
            kind if REPLICATED.contains(&kind) => &self.replica,
            kind if catalog::KINDS.contains(&kind) => &self.catalog.replica,
            _ => return,
        };
        if tokio::time::timeout(SETTLE, self.shown(copy, kind, name, revision)).await.is_err() {
            tracing::debug!(%kind, "the copy does not show a write yet");
        }
    }

    async fn shown(&self, copy: &Replica, kind: Kind, name: &str, revision: Option<&Revision>) {
        let mut changes = copy.changes();
        loop {
            changes.mark_unchanged();
            let shown = revision_in(&copy.snapshot(), kind, name);
            if shown.as_ref() == revision {
                return;
            }
            if tokio::time::timeout(GLANCE, changes.changed()).await.is_ok_and(|seen| seen.is_ok())
            {
                continue;
            }
            // Somebody else may have written since: then what the store has is what counts.
            let kept = self.records.find(kind, name).await;
            let kept = kept.map(|found| found.and_then(|found| found.metadata().revision.clone()));
            let shown = revision_in(&copy.snapshot(), kind, name);
            if kept.is_ok_and(|kept| kept == shown) || copy.changes().has_changed().is_err() {
                return;
            }
        }
    }
}

fn revision_in(snapshot: &Snapshot, kind: Kind, name: &str) -> Option<Revision> {
    let metadata = match kind {
        Kind::Role => &snapshot.roles.get(name)?.metadata,
        Kind::User => &snapshot.users.get(name)?.metadata,
        Kind::Lock => &snapshot.locks.get(name)?.metadata,
        Kind::Proxy => &snapshot.proxies.get(name)?.metadata,
        Kind::ClusterAuthPreference => &snapshot.auth_preference.as_ref()?.metadata,
        Kind::App => &snapshot.apps.get(name)?.metadata,
        Kind::AppServer => &snapshot.app_servers.get(name)?.metadata,
        Kind::AppAuthConfig => &snapshot.app_auth_configs.get(name)?.metadata,
        Kind::Agent => &snapshot.agents.get(name)?.metadata,
        Kind::CertAuthority => &snapshot.authorities.get(name)?.metadata,
        Kind::TrustedCluster => &snapshot.trusted_clusters.get(name)?.metadata,
        Kind::RemoteCluster => &snapshot.remote_clusters.get(name)?.metadata,
        Kind::OauthGrant => &snapshot.oauth_grants.get(name)?.metadata,
        Kind::Bot | Kind::Token | Kind::Oidc | Kind::Saml | Kind::Github => return None,
    };
    metadata.revision.clone()
}
