//! Tokens of others as evidence: a client without a certificate shows one to a proxy, which asks here.
//!
//! A token is verified by who keeps the users, never by the proxy that passes it on; what comes of it is
//! a certificate for the user whom it names, good for one app and for as long as the token may be used.
//! Agents verify that as they verify every certificate, so a proxy cannot make up an identity. Nobody has
//! the certificate's key: it is of no use for anything but as the evidence that goes with a request.
//!
//! For an app of another cluster it is evidence for a visit there: the token is this cluster's business alone.

mod about;
mod certify;
mod judge;

use api::wire::{AppTokenIdentity, AppTokenRequest, VisitEvidence};
use api::{Error, ErrorKind};
use audit::event::Moment;
use audit::record::{AppTokenVerify, UserMetadata};
use audit::{Outcome, Text};
use pki::jwt::foreign::ForeignKeys;
use resource::AppAuthConfig;
use resource::app_auth_config::JwtKeys;
use time::Duration;

use self::certify::Accepted;
use self::judge::Refusal;
use crate::clusters::{self, Use};
use crate::cx::OpCx;
use crate::{events, oauth};

/// How long after it was issued a token may be used.
pub(crate) const MAX_AGE: Duration = Duration::minutes(30);

/// What a client that shows tokens wants.
#[derive(Clone, Copy)]
struct Asked<'a> {
    request: &'a AppTokenRequest,
    /// The cluster whose app it is, if it is not this one's.
    cluster: Option<&'a str>,
}

/// Checks that the keys are some.
pub(crate) fn prepare(config: &AppAuthConfig) -> Result<(), Error> {
    match &config.spec.jwt.keys {
        JwtKeys::Url(_) => Ok(()),
        JwtKeys::Static(keys) => ForeignKeys::from_json(keys.as_bytes())
            .map(drop)
            .map_err(|error| Error::invalid(format!("spec.jwt.static_jwks: {error}"))),
    }
}

/// Evidence for whom a token names, or a refusal; either is recorded.
pub(crate) async fn verify(
    cx: &OpCx,
    request: &AppTokenRequest,
) -> Result<AppTokenIdentity, Error> {
    let asked = Asked { request, cluster: None };
    let accepted = judge(cx, asked).await?;
    record(cx, asked, &accepted).await?;
    Ok(accepted.into())
}

/// The same for an app of another cluster. While somebody stays there the proxy asks every minute; a token is
/// recorded once for each place where it is used and from where.
pub(crate) async fn verify_for_visit(
    cx: &OpCx,
    cluster: &str,
    request: &AppTokenRequest,
) -> Result<VisitEvidence, Error> {
    let asked = Asked { request, cluster: Some(cluster) };
    let accepted = judge(cx, asked).await?;
    let client = request.client_addr.as_deref();
    let use_of_it = Use::of(&accepted.user, cluster, client).by(&request.tokens);
    let tell = async {
        record(cx, asked, &accepted).await?;
        clusters::record_visit(cx, &accepted.user, cluster, client).await
    };
    cx.core().visits.once(use_of_it, tell).await?;
    Ok(accepted.into())
}

async fn judge(cx: &OpCx, asked: Asked<'_>) -> Result<Accepted, Error> {
    let attempt = match oauth::token_of(&asked.request.tokens) {
        Some(token) => judge::own(cx.core(), asked, token).await,
        None => judge::attempt(cx.core(), asked).await,
    };
    let Refusal { error, config, user, grant } = match attempt {
        Ok(accepted) => return Ok(accepted),
        Err(refusal) => refusal,
    };
    let words = match error.cause() {
        Some(cause) => format!("{}: {cause}", error.message()),
        None => error.message().to_owned(),
    };
    let proxy = cx.caller().name();
    let failure = AppTokenVerify {
        user: user.as_deref().map(Text::new),
        app_auth_config: config.as_deref(),
        oauth_grant: grant.as_deref(),
        outcome: Outcome::Failure(Text::new(&words)),
        ..event(asked, &proxy)
    };
    // Anybody can show something that is no token.
    cx.core().audit.record_anonymous(&failure).await?;
    Err(error)
}

/// Records that a token was accepted, and what was given for it.
async fn record(cx: &OpCx, asked: Asked<'_>, accepted: &Accepted) -> Result<(), Error> {
    let audit = &cx.core().audit;
    let (name, proxy) = (accepted.user.name.as_str(), cx.caller().name());
    let success = AppTokenVerify {
        user: Some(Text::new(name)),
        expires: Some(Moment(accepted.user.expires)),
        app_auth_config: accepted.by.config.as_deref(),
        oauth_grant: accepted.by.grant.as_deref(),
        ..event(asked, &proxy)
    };
    audit.record(&success).await?;
    events::certificate(audit, &UserMetadata::named(name), &accepted.user.clone().into()).await
}

fn event<'a>(asked: Asked<'a>, proxy: &'a str) -> AppTokenVerify<'a> {
    AppTokenVerify {
        user: None,
        app_name: Text::new(&asked.request.app),
        target_cluster: asked.cluster.map(Text::new),
        app_auth_config: None,
        oauth_grant: None,
        server_id: proxy,
        outcome: Outcome::Success,
        expires: None,
        remote_addr: asked.request.client_addr.as_deref(),
    }
}

/// Whoever shows a token learns no more of apps and users than that it does not let them in.
fn denied(why: impl std::fmt::Display) -> Error {
    Error::new(ErrorKind::Unauthenticated, "access denied").because(why)
}
