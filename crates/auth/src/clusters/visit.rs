//! Letting a user of this cluster into another: a certificate of the user's own key that is good there and
//! nowhere else.

use std::collections::{BTreeMap, HashSet};
use std::net::IpAddr;
use std::sync::Arc;

use api::Error;
use api::wire::{VisitEvidence, VisitRequest};
use audit::Text;
use audit::event::Moment;
use audit::record::VisitCreate;
use parking_lot::Mutex;
use pki::{BoundApp, Certificate, PublicKey, UserIdentity};

use super::require_remote;
use crate::caller::Caller;
use crate::core::Core;
use crate::cx::{self, OpCx};
use crate::{certificate, events};

/// So many uses are remembered; beyond that some are recorded again.
const MOST: usize = 4096;

/// What of a visit is recorded once: while somebody stays, the proxy asks every minute.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Use {
    login_id: String,
    cluster: String,
    app: Option<String>,
    client: Option<IpAddr>,
    /// The digest of what was shown, if no certificate was.
    token: Option<[u8; 32]>,
}

/// The visits that the audit log was told of by this service.
#[derive(Debug, Default)]
pub(crate) struct Recorded {
    /// Held for a look-up or a change.
    known: Mutex<HashSet<Use>>,
}

// === impl Use ===

impl Use {
    pub(crate) fn of(visitor: &UserIdentity, cluster: &str, client: Option<&str>) -> Self {
        Self {
            login_id: visitor.login_id.clone(),
            cluster: cluster.to_owned(),
            app: visitor.app.as_ref().map(|app| app.name().to_owned()),
            client: client.and_then(certificate::ip_of),
            token: None,
        }
    }

    /// The same by tokens that the user showed.
    pub(crate) fn by(self, tokens: &BTreeMap<String, String>) -> Self {
        let parts = tokens.iter().flat_map(|(name, token)| [name.as_bytes(), token.as_bytes()]);
        Self { token: Some(pki::digest_of(&parts.collect::<Vec<_>>())), ..self }
    }
}

// === impl Recorded ===

impl Recorded {
    /// Has a use recorded that was not yet.
    pub(crate) async fn once(
        &self,
        one: Use,
        record: impl Future<Output = Result<(), Error>> + Send,
    ) -> Result<(), Error> {
        if !self.is_known(&one) {
            record.await?;
            self.add(one);
        }
        Ok(())
    }

    fn is_known(&self, one: &Use) -> bool {
        self.known.lock().contains(one)
    }

    fn add(&self, one: Use) {
        let mut known = self.known.lock();
        if known.len() >= MOST {
            known.clear();
        }
        known.insert(one);
    }
}

/// Certifies the key of a user, who shows a certificate to the calling proxy, for a visit to a cluster.
pub(crate) async fn visit(
    cx: &OpCx,
    cluster: &str,
    request: VisitRequest,
) -> Result<VisitEvidence, Error> {
    let VisitRequest { certificate, app, client_addr } = request;
    let core = cx.core();
    let snapshot = core.replica.snapshot();
    require_remote(core, cluster)?;
    let (certificate, user) = certificate::of_user(core, &certificate)?;
    let client = client_addr.as_deref().and_then(certificate::ip_of);
    let there = (cluster, app.as_deref());
    let granted =
        cx::tools_of_visit(core, &user, client, there).map_err(certificate::of_somebody_else)?;
    let strict = granted.strict;
    let known = snapshot.users.get(&user.name);
    let ends = known.map(|known| [known.spec.expires, known.metadata.expires]).unwrap_or_default();
    let expires = ends.into_iter().flatten().fold(user.expires, Ord::min);
    let now = core.clock.now();
    if expires <= now {
        return Err(Error::denied("the user's certificate has expired"));
    }
    let visitor = UserIdentity {
        visit: Some(granted.visit(cluster)),
        app: app.map(BoundApp::Here),
        issued: now,
        expires,
        ..user.as_ref().clone()
    };
    let key = certificate.public_key().map_err(|error| {
        Error::denied(format!("the user's certificate cannot be used for visits: {error}"))
    })?;
    let issued = certify(core, &key, &visitor, cluster)?;
    let client = client_addr.as_deref();
    let tell = record(cx, &visitor, cluster, client);
    core.visits.once(Use::of(&visitor, cluster, client), tell).await?;
    Ok(VisitEvidence {
        certificate: issued.to_pem(),
        strict,
        valid_until: expires,
        oauth_grant: None,
        token_expires: None,
    })
}

/// Certifies a key as that of a visitor to another cluster.
pub(crate) fn certify(
    core: &Core,
    key: &PublicKey,
    visitor: &UserIdentity,
    cluster: &str,
) -> Result<Certificate, Error> {
    core.authorities.current().user.issue_user(key, visitor).map_err(|error| {
        Error::denied(format!("you cannot be certified for a visit to {cluster:?}: {error}"))
    })
}

/// A user is let on to another cluster, for which the calling proxy asks.
pub(crate) async fn record(
    cx: &OpCx,
    visitor: &UserIdentity,
    cluster: &str,
    client: Option<&str>,
) -> Result<(), Error> {
    let user = events::actor(&Caller::User(Arc::new(visitor.clone())));
    let event = VisitCreate {
        user: &user,
        target_cluster: cluster,
        app_name: visitor.app.as_ref().map(|app| Text::new(app.name())),
        server_id: &cx.caller().name(),
        expires: Moment(visitor.expires),
        remote_addr: client,
    };
    cx.core().audit.record(&event).await
}
