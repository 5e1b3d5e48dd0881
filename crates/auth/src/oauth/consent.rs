//! The page at which a person who has signed in lets a client use an app, or does not. It is for the browser in which
//! the client's question began, and answered once: what it says is what was asked there, and nothing else can be put in
//! its place.

use std::collections::BTreeMap;
use std::net::IpAddr;

use api::wire::{
    OauthConsent, OauthConsentAnswer, OauthConsentRead, OauthConsented, UserCredentials,
};
use api::{Error, oauth_issuer};
use audit::event::Moment;
use audit::record::{OauthEvent, OauthStep, UserMetadata};
use audit::{Outcome, Text};
use bytes::Bytes;
use resource::{Kind, Metadata, OauthGrant, OauthGrantClient, OauthGrantSpec, Revision};
use serde::{Deserialize, Serialize};
use store::{Item, Write};
use time::OffsetDateTime;
use uuid::Uuid;

use super::authorization::Authorization;
use super::grant::{self, Kept};
use super::seal::{Seal, Sealed, Ticket};
use super::{CODE_LIFE, CONSENT_LIFE, MAX_GRANTS, MAX_TEXT, event, require};
use crate::core::Core;
use crate::records::Condition;
use crate::{certificate, events, fault, keys, sso};

/// A person who is to answer.
#[derive(Serialize, Deserialize)]
struct Waiting {
    authorization: Authorization,
    user: SignedIn,
}

/// Who has signed in: what the certificate of the sign-in says.
#[derive(Serialize, Deserialize)]
struct SignedIn {
    name: String,
    roles: Vec<String>,
    traits: BTreeMap<String, Vec<String>>,
    login_id: String,
    mfa: Option<String>,
    source_ip: Option<IpAddr>,
    /// The certificate itself, whose key nobody has.
    certificate: String,
    /// What names the credentials of a local user.
    handle: Option<Uuid>,
    #[serde(with = "time::serde::rfc3339")]
    issued: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    expires: OffsetDateTime,
}

/// Takes a person who has signed in for a client: where the browser is asked. `handle` names the credentials, of a
/// local user.
pub(crate) async fn signed_in(
    core: &Core,
    authorization: Authorization,
    credentials: &UserCredentials,
    handle: Option<Uuid>,
) -> Result<String, Error> {
    let (_certificate, user) = certificate::of_user(core, &credentials.certificate)?;
    let user = SignedIn {
        name: user.name.clone(),
        roles: user.roles.clone(),
        traits: user.traits.clone(),
        login_id: user.login_id.clone(),
        mfa: user.mfa.at_sign_in.clone(),
        source_ip: user.source_ip,
        certificate: credentials.certificate.clone(),
        handle,
        issued: user.issued,
        expires: user.expires,
    };
    let token = sso::random();
    let location = format!("{}/oauth/consent/{token}", oauth_issuer(&authorization.proxy));
    let expires = core.clock.now() + CONSENT_LIFE;
    let value = encode(&Waiting { authorization, user })?;
    let kept = core.records.store().create(&keys::oauth_consent(&token)?, value, Some(expires));
    kept.await.map(|_revision| location).map_err(|error| fault::store(&error))
}

/// What the page shows.
pub(crate) async fn read(
    core: &Core,
    token: &str,
    read: &OauthConsentRead,
) -> Result<OauthConsent, Error> {
    let (Waiting { authorization, user }, _item) = find(core, token, &read.binding).await?;
    let redirect = authorization.redirect()?;
    Ok(OauthConsent {
        client_id: authorization.client.host.is_some().then_some(authorization.client.shown),
        client_name: authorization.client.name,
        client_host: authorization.client.host,
        redirect_host: redirect.host(),
        redirect_is_local: redirect.is_local(),
        app: authorization.wish.app,
        cluster: authorization.wish.cluster,
        user: user.name,
        expires: user.expires,
    })
}

/// Takes what the person answered.
pub(crate) async fn answer(
    core: &Core,
    token: &str,
    answer: &OauthConsentAnswer,
) -> Result<OauthConsented, Error> {
    let (Waiting { authorization, user }, item) = find(core, token, &answer.binding).await?;
    let client_addr = answer.client_addr.as_deref();
    let (handle, expires, certificate) = (user.handle, user.expires, user.certificate.clone());
    let mut grant = user.grant(&authorization);
    if !answer.approve {
        take(core, vec![Write::delete_if(item.key, item.revision)]).await?;
        let outcome = Outcome::Failure(Text::new("the user did not consent"));
        record(core, &grant, outcome, client_addr).await?;
        let why = "the user did not consent";
        let location =
            authorization.back(&[("error", "access_denied"), ("error_description", why)])?;
        return Ok(OauthConsented { location });
    }
    // What has become known since the sign-in counts.
    grant::check(core, &grant, &certificate, handle).await?;
    let code_ends = expires.min(core.clock.now() + CODE_LIFE);
    let seal = Seal::of(core).await?;
    let code = seal.close(Sealed::Code, &Ticket::new(grant.name(), 0, code_ends))?;
    let kept = Kept::new(&authorization, (certificate, handle), expires, &code);
    record(core, &grant, Outcome::Success, client_addr).await?;
    // Until the client fetches what the code is for, it is there as long as that.
    grant.metadata.expires = Some(code_ends);
    let resource = grant.clone().into();
    let writes = vec![
        core.records.writing(&resource, Condition::Absent)?,
        Write::create(keys::oauth_grant(grant.name())?, kept.encode()?, Some(code_ends)),
        Write::delete_if(item.key, item.revision),
    ];
    let revisions = match take(core, writes).await {
        Ok(revisions) => revisions,
        Err(error) => {
            let user = UserMetadata::named(&grant.spec.user);
            events::did_not_happen(&core.audit, &user, "oauth.consent", &error).await;
            return Err(error);
        }
    };
    let revision = revisions.first().map(|revision| Revision::new(revision.as_str()));
    core.settle(Kind::OauthGrant, grant.name(), revision.as_ref()).await;
    make_room(core, &grant.spec.user).await?;
    Ok(OauthConsented { location: authorization.back(&[("code", &code)])? })
}

/// Ends the oldest grants of a user who has more than there may be.
async fn make_room(core: &Core, user: &str) -> Result<(), Error> {
    let snapshot = core.replica.snapshot();
    let mut own: Vec<_> =
        snapshot.oauth_grants.values().filter(|grant| grant.spec.user == user).collect();
    own.sort_by_key(|grant| grant.spec.created);
    let surplus = own.len().saturating_sub(MAX_GRANTS);
    for oldest in own.into_iter().take(surplus) {
        grant::end(core, oldest, "the user granted as many others", None).await?;
    }
    Ok(())
}

async fn find(core: &Core, token: &str, binding: &str) -> Result<(Waiting, Item), Error> {
    if token.len() > MAX_TEXT || binding.len() > MAX_TEXT {
        return Err(over());
    }
    let item = match core.records.store().get(&keys::oauth_consent(token)?).await {
        Ok(item) => item,
        Err(store::Error::NotFound { .. }) => return Err(over()),
        Err(error) => return Err(fault::store(&error)),
    };
    let waiting: Waiting = serde_json::from_slice(&item.value).map_err(Error::internal)?;
    if !sso::same(&sso::digest(binding), &waiting.authorization.binding) {
        return Err(Error::denied("this was begun in another browser, or too long ago")
            .hint("begin again in the program that sent you here"));
    }
    require(core, waiting.authorization.client.known_by())?;
    Ok((waiting, item))
}

/// Of all who answer, one does.
async fn take(core: &Core, writes: Vec<Write>) -> Result<Vec<store::Revision>, Error> {
    core.records.store().write(writes).await.map_err(|error| match error {
        store::Error::Conflict { .. } | store::Error::NotFound { .. } => over(),
        error => fault::store(&error),
    })
}

async fn record(
    core: &Core,
    grant: &OauthGrant,
    outcome: Outcome<'_>,
    client_addr: Option<&str>,
) -> Result<(), Error> {
    let is_granted = outcome == Outcome::Success;
    let event = OauthEvent {
        expires: is_granted.then(|| Moment(grant.ends())),
        oauth_grant: is_granted.then(|| grant.name()),
        remote_addr: client_addr,
        ..grant::about(grant, event(OauthStep::Consent, outcome))
    };
    core.audit.record(&event).await
}

// === impl SignedIn ===

impl SignedIn {
    /// What the person would grant.
    fn grant(self, authorization: &Authorization) -> OauthGrant {
        let client = &authorization.client;
        let mut metadata = Metadata::named(Uuid::new_v4().to_string());
        metadata.expires = Some(self.expires);
        let spec = OauthGrantSpec {
            user: self.name,
            client: OauthGrantClient {
                id: client.shown.clone(),
                name: client.name.clone().unwrap_or_default(),
                known_by: client.known_by(),
            },
            app: authorization.wish.app.clone(),
            cluster: authorization.wish.cluster.clone(),
            proxy: authorization.proxy.clone(),
            created: self.issued,
            roles: self.roles,
            traits: self.traits,
            login_id: self.login_id,
            mfa_device: self.mfa,
            source_ip: self.source_ip,
        };
        OauthGrant { metadata, spec }
    }
}

fn encode(waiting: &Waiting) -> Result<Bytes, Error> {
    serde_json::to_vec(waiting).map(Bytes::from).map_err(Error::internal)
}

/// Answered, expired, or never asked: nobody is told which.
fn over() -> Error {
    Error::not_found("this page is over: it was answered, has expired, or never was")
        .hint("begin again in the program that sent you here")
}
