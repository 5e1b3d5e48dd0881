//! An access token is shown for an app: whom it lets in, by the grant as it is stored now.

use std::sync::Arc;

use api::{Error, ErrorKind, oauth_access_token, oauth_issuer};
use pki::UserIdentity;
use resource::{OauthGrant, OauthKnownBy};
use time::OffsetDateTime;

use super::grant::{self, Found};
use super::require;
use super::seal::{Seal, Sealed, Ticket};
use crate::core::Core;
use crate::{certificate, cx};

/// What is shown, and for what.
pub(crate) struct Shown<'a> {
    pub(crate) token: &'a str,
    pub(crate) app: &'a str,
    pub(crate) cluster: Option<&'a str>,
    pub(crate) proxy: Option<&'a str>,
    pub(crate) client: Option<&'a str>,
    /// Whether it is for what is open already.
    pub(crate) continues: bool,
}

/// Whom a token lets in.
pub(crate) struct Good {
    pub(crate) grant: Arc<OauthGrant>,
    pub(crate) user: UserIdentity,
    /// Until when it lets requests in.
    pub(crate) token_ends: OffsetDateTime,
}

/// Why not, and of which grant.
pub(crate) struct Bad {
    pub(crate) error: Error,
    pub(crate) grant: Option<Arc<OauthGrant>>,
}

/// The cluster's own access token, if that is what is shown. What looks like one is tried as nothing else.
pub(crate) fn token_of(tokens: &std::collections::BTreeMap<String, String>) -> Option<&str> {
    tokens.get("authorization").and_then(|value| oauth_access_token(value))
}

/// Checks a token.
pub(crate) async fn check(core: &Core, shown: &Shown<'_>) -> Result<Good, Bad> {
    require(core, OauthKnownBy::Document)?;
    let refused = || Error::new(ErrorKind::Unauthenticated, "the access token is not good");
    let seal = Seal::of(core).await?;
    let ticket = seal.open::<Ticket>(Sealed::Access, shown.token);
    let ticket = ticket.ok_or_else(|| refused().because("it was not made here, or was changed"))?;
    let found = Found::find(core, &ticket.grant).await?;
    let found = found.ok_or_else(|| grant::over().because("the grant is not there"))?;
    let of = |error: Error| Bad { error, grant: Some(found.grant.clone()) };
    let spec = &found.grant.spec;
    if ticket.ends() <= core.clock.now() && !shown.continues {
        return Err(of(Error::new(ErrorKind::Unauthenticated, "the access token has expired")));
    }
    let issuer = shown.proxy.map(oauth_issuer);
    let cluster = shown.cluster.filter(|cluster| *cluster != core.cluster);
    if spec.app != shown.app
        || spec.cluster.as_deref() != cluster
        || issuer != Some(oauth_issuer(&spec.proxy))
    {
        let why = "it was granted for another app, cluster or address";
        return Err(of(refused().because(why)));
    }
    found.check(core).await.map_err(&of)?;
    let user = grant::identity(core, &found.grant);
    let client = shown.client.and_then(certificate::ip_of);
    // Signing in again does not help who is elsewhere.
    cx::refuse_holder(core, &user, client).map_err(certificate::of_somebody_else).map_err(of)?;
    Ok(Good { grant: found.grant, user, token_ends: ticket.ends() })
}

impl From<Error> for Bad {
    fn from(error: Error) -> Self {
        Self { error, grant: None }
    }
}
