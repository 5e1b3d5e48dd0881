//! Grants: what a user let a client do, what is kept of it besides the resource, and how it ends.

use std::sync::Arc;

use api::{Error, ErrorKind};
use audit::record::{OauthEvent, OauthStep};
use audit::{Outcome, Text};
use bytes::Bytes;
use pki::{SecondFactors, UserIdentity, UserKind};
use resource::{Kind, OauthGrant, Resource};
use serde::{Deserialize, Serialize};
use store::{Revision, Write};
use time::OffsetDateTime;
use uuid::Uuid;

use super::authorization::Authorization;
use super::{event, preference};
use crate::core::Core;
use crate::credentials::Credentials;
use crate::records::Condition;
use crate::{certificate, cx, fault, keys, sso};

/// What is kept of a grant that nobody needs to read.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Kept {
    /// The digest of what the client calls itself.
    pub(super) client: String,
    /// What names the user's credentials, of a local user: a reset makes others.
    pub(super) handle: Option<Uuid>,
    /// The certificate of the sign-in, whose key nobody has: what was granted is believed as long as that is.
    pub(super) certificate: String,
    /// To what the code belongs.
    pub(super) redirect_uri: String,
    pub(super) challenge: String,
    /// When the grant ends that the client has fetched something of.
    #[serde(with = "time::serde::rfc3339")]
    pub(super) ends: OffsetDateTime,
    /// How often something was given for the code or a refresh token.
    pub(super) turn: u64,
    /// The digest of the one text for which something is given next.
    pub(super) next: String,
}

/// A grant as it is in the store.
pub(super) struct Found {
    pub(super) grant: Arc<OauthGrant>,
    pub(super) kept: Kept,
    pub(super) revision: Revision,
}

// === impl Kept ===

impl Kept {
    pub(super) fn new(
        authorization: &Authorization,
        (certificate, handle): (String, Option<Uuid>),
        ends: OffsetDateTime,
        code: &str,
    ) -> Self {
        Self {
            client: authorization.client.digest.clone(),
            handle,
            certificate,
            redirect_uri: authorization.redirect_uri.clone(),
            challenge: authorization.wish.challenge.clone(),
            ends,
            turn: 0,
            next: keys::digest(&[code]),
        }
    }

    pub(super) fn encode(&self) -> Result<Bytes, Error> {
        serde_json::to_vec(self).map(Bytes::from).map_err(Error::internal)
    }
}

// === impl Found ===

impl Found {
    /// The grant of this name, if it is there.
    pub(super) async fn find(core: &Core, name: &str) -> Result<Option<Self>, Error> {
        let Some(Resource::OauthGrant(grant)) = core.records.find(Kind::OauthGrant, name).await?
        else {
            return Ok(None);
        };
        let item = match core.records.store().get(&keys::oauth_grant(name)?).await {
            Ok(item) => item,
            Err(store::Error::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(fault::store(&error)),
        };
        let kept = serde_json::from_slice(&item.value).map_err(Error::internal)?;
        Ok(Some(Self { grant: Arc::new(grant), kept, revision: item.revision }))
    }

    /// Refuses a grant that is good for nothing now.
    pub(super) async fn check(&self, core: &Core) -> Result<(), Error> {
        check(core, &self.grant, &self.kept.certificate, self.kept.handle).await
    }

    /// Puts what is kept in the place of what was: of all that try, one does. What the code was fetched for lasts from
    /// now on.
    pub(super) async fn replace(&mut self, core: &Core, kept: &Kept) -> Result<bool, Error> {
        let mut grant = OauthGrant::clone(&self.grant);
        grant.metadata.expires = Some(kept.ends);
        let (key, value) = (keys::oauth_grant(grant.name())?, kept.encode()?);
        let swap = Write::compare_and_swap(key, self.revision.clone(), value, Some(kept.ends));
        let mut writes = vec![swap];
        if kept.turn == 1 {
            let Some(revision) = grant.metadata.revision.clone() else {
                return Err(Error::internal("a stored resource has no revision"));
            };
            let resource = grant.clone().into();
            writes.push(core.records.writing(&resource, Condition::At(revision))?);
        }
        match core.records.store().write(writes).await {
            Ok(revisions) => {
                if let Some(revision) = revisions.get(1) {
                    let revision = resource::Revision::new(revision.as_str());
                    core.settle(Kind::OauthGrant, grant.name(), Some(&revision)).await;
                }
                self.grant = Arc::new(grant);
                Ok(true)
            }
            Err(store::Error::Conflict { .. } | store::Error::NotFound { .. }) => Ok(false),
            Err(error) => Err(fault::store(&error)),
        }
    }
}

/// Refuses a grant that is good for nothing now, whatever it will be: not in force, by a sign-in that is believed no
/// more, of a user who is gone, locked or has new credentials, or whose roles are not all there.
pub(super) async fn check(
    core: &Core,
    grant: &OauthGrant,
    certificate: &str,
    handle: Option<Uuid>,
) -> Result<(), Error> {
    let spec = &grant.spec;
    let preference = preference(core);
    let rules = preference.as_deref().map(|preference| &preference.spec);
    if !grant.is_in_force(rules, core.clock.now()) {
        return Err(over());
    }
    // The keys may have changed since, as for everybody who signed in before.
    if certificate::of_user(core, certificate).is_err() {
        return Err(over().because("the certificate of the sign-in is not believed any more"));
    }
    cx::refuse_gone(core, &identity(core, grant))?;
    let Some(handle) = handle else { return Ok(()) };
    let found = Credentials::find(core.records.store(), &spec.user).await?;
    let stands = found.is_some_and(|(credentials, _revision)| {
        let has = |id: &String| credentials.devices.iter().any(|device| device.id == *id);
        credentials.handle == handle && spec.mfa_device.as_ref().is_none_or(has)
    });
    if stands { Ok(()) } else { Err(over()) }
}

/// The user as the sign-in made one, who rests on the grant.
pub(super) fn identity(core: &Core, grant: &OauthGrant) -> UserIdentity {
    let spec = &grant.spec;
    UserIdentity {
        name: spec.user.clone(),
        kind: UserKind::Human,
        roles: spec.roles.clone(),
        traits: spec.traits.clone(),
        cluster: core.cluster.clone(),
        login_id: spec.login_id.clone(),
        mfa: SecondFactors::shown_at_sign_in(spec.mfa_device.clone()),
        source_ip: spec.source_ip,
        app: None,
        visit: None,
        bot_instance_id: None,
        join_token: None,
        oauth_grant: Some(grant.name().to_owned()),
        issued: spec.created,
        expires: grant.ends(),
    }
}

/// Ends a grant. One that is over already stays so.
pub(super) async fn end(
    core: &Core,
    grant: &OauthGrant,
    reason: &str,
    client_addr: Option<&str>,
) -> Result<(), Error> {
    // It ends whatever the log is able to take: that is why it is told first, and not why it would go on.
    let recorded = record_end(core, grant, reason, client_addr).await;
    delete(core, keys::resource(Kind::OauthGrant, grant.name())?).await?;
    forget(core, grant.name()).await?;
    core.settle(Kind::OauthGrant, grant.name(), None).await;
    recorded
}

/// Somebody removes a grant by its name, which is told before it is done.
pub(crate) async fn removed(core: &Core, grant: &OauthGrant, by: &str) -> Result<(), Error> {
    record_end(core, grant, &format!("removed by {by}"), None).await
}

/// Forgets what was kept of a grant that is over.
pub(crate) async fn forget(core: &Core, name: &str) -> Result<(), Error> {
    delete(core, keys::oauth_grant(name)?).await
}

/// Ends all that a user granted.
pub(crate) async fn end_all_of(core: &Core, user: &str, reason: &str) -> Result<(), Error> {
    let (all, _cursor) = core.records.list(Kind::OauthGrant).await?;
    let mut outcome = Ok(());
    for resource in all {
        if let Resource::OauthGrant(grant) = resource
            && grant.spec.user == user
        {
            // One that cannot be ended does not save the others.
            outcome = outcome.and(end(core, &grant, reason, None).await);
        }
    }
    outcome
}

async fn delete(core: &Core, key: store::Key) -> Result<(), Error> {
    match core.records.store().delete(&key).await {
        Ok(()) | Err(store::Error::NotFound { .. }) => Ok(()),
        Err(error) => Err(fault::store(&error)),
    }
}

async fn record_end(
    core: &Core,
    grant: &OauthGrant,
    reason: &str,
    client_addr: Option<&str>,
) -> Result<(), Error> {
    let event = OauthEvent {
        oauth_grant: Some(grant.name()),
        reason: Some(Text::new(reason)),
        remote_addr: client_addr,
        ..about(grant, event(OauthStep::End, Outcome::Success))
    };
    core.audit.record(&event).await
}

/// An event about a grant.
pub(super) fn about<'a>(grant: &'a OauthGrant, event: OauthEvent<'a>) -> OauthEvent<'a> {
    let spec = &grant.spec;
    let name = spec.client.name.as_str();
    OauthEvent {
        user: Some(Text::new(&spec.user)),
        client_id: Some(Text::new(&spec.client.id)),
        client_name: (!name.is_empty()).then(|| Text::new(name)),
        app_name: Some(Text::new(&spec.app)),
        target_cluster: spec.cluster.as_deref().map(Text::new),
        ..event
    }
}

/// It is over, or good for nothing at the moment: nobody is told which.
pub(super) fn over() -> Error {
    Error::new(ErrorKind::Unauthenticated, "what was granted to this client is over")
        .hint("sign in again")
}

/// The digest of a text that is kept in place of it.
pub(super) fn is_next(kept: &Kept, text: &str) -> bool {
    sso::same(&keys::digest(&[text]), &kept.next)
}
