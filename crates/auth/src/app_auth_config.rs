//! Tokens of others as evidence: a client without a certificate shows one to a proxy, which asks here.
//!
//! A token is verified by who keeps the users, never by the proxy that passes it on; what comes of it is
//! a certificate for the user whom it names, good for one app and for as long as the token may be used.
//! Agents verify that as they verify every certificate, so a proxy cannot make up an identity. Nobody has
//! the certificate's key: it is of no use for anything but as the evidence that goes with a request.

use api::wire::{AppTokenIdentity, AppTokenRequest};
use api::{Error, ErrorKind};
use audit::event::Moment;
use audit::record::{AppTokenVerify, UserMetadata};
use audit::{Outcome, Text};
use pki::PrivateKey;
use pki::jwt::foreign::{self, Demands, ForeignKeys, ForeignToken, ForeignTokenError};
use policy::LabelMatcher;
use resource::app_auth_config::{DEFAULT_HEADER, JwtKeys};
use resource::{AppAuthConfig, Kind, Labels, Resource, Secret, User};
use serde_json::Value;
use std::sync::Arc;
use time::{Duration, OffsetDateTime};

use crate::certificate::{self, Ticket};
use crate::core::Core;
use crate::cx::OpCx;
use crate::{bot, events, locks, user};

/// How long after it was issued a token may be used.
pub(crate) const MAX_AGE: Duration = Duration::minutes(30);
/// The most configs that are tried with one token.
const MAX_TRIED: usize = 8;
/// The header whose value begins with the word "Bearer" (RFC 6750, section 2.1).
const BEARER: &str = "bearer ";

/// Why a token is not accepted.
struct Refusal {
    error: Error,
    config: Option<String>,
    user: Option<String>,
}

/// A token that is accepted.
struct Accepted {
    config: String,
    identity: pki::Identity,
    issued: AppTokenIdentity,
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
    let core = cx.core();
    let proxy = cx.caller().name();
    let client = request.client_addr.as_deref();
    let event = AppTokenVerify {
        user: None,
        app_name: Text::new(&request.app),
        app_auth_config: None,
        server_id: &proxy,
        outcome: Outcome::Success,
        expires: None,
        remote_addr: client,
    };
    match attempt(core, request).await {
        Ok(accepted) => {
            let name = accepted.identity.name();
            let user = Some(Text::new(&name));
            let expires = Some(Moment(accepted.issued.valid_until));
            let app_auth_config = Some(accepted.config.as_str());
            core.audit.record(&AppTokenVerify { user, expires, app_auth_config, ..event }).await?;
            let who = UserMetadata::named(&name);
            events::certificate(&core.audit, &who, &accepted.identity).await?;
            Ok(accepted.issued)
        }
        Err(Refusal { error, config, user }) => {
            let words = match error.cause() {
                Some(cause) => format!("{}: {cause}", error.message()),
                None => error.message().to_owned(),
            };
            let failure = AppTokenVerify {
                user: user.as_deref().map(Text::new),
                app_auth_config: config.as_deref(),
                outcome: Outcome::Failure(Text::new(&words)),
                ..event
            };
            // Anybody can show something that is no token.
            core.audit.record_anonymous(&failure).await?;
            Err(error)
        }
    }
}

async fn attempt(core: &Core, request: &AppTokenRequest) -> Result<Accepted, Refusal> {
    let labels = labels_of(core, &request.app).await?;
    let configs = configs_for(core, &labels);
    if configs.is_empty() {
        return Err(denied("no app_auth_config is about this app").into());
    }
    let mut first = None;
    let mut tried = 0;
    for config in configs {
        let Some(token) = token_of(&request.tokens, &config) else { continue };
        // Whoever signed it, it must be by this issuer: another config may be about it.
        let issuer = foreign::unverified_issuer(token.expose());
        if issuer.as_deref() != Some(&config.spec.jwt.issuer) {
            let error = match issuer {
                Some(_) => ForeignTokenError::Unexpected { claim: "iss" },
                None => ForeignTokenError::Malformed,
            };
            first = first.or(Some(Refusal::by(&config, not_accepted(&error))));
            continue;
        }
        tried += 1;
        if tried > MAX_TRIED {
            break;
        }
        match judge(core, &config, &token, request).await {
            Ok(accepted) => return Ok(accepted),
            // What comes of a token by the right issuer says most.
            Err(refusal) => {
                let is_better = first.as_ref().is_none_or(|known: &Refusal| known.user.is_none());
                if is_better {
                    first = Some(refusal);
                }
            }
        }
    }
    Err(first.unwrap_or_else(|| {
        Error::new(
            ErrorKind::Unauthenticated,
            "there is no token in the header that this app wants one in",
        )
        .into()
    }))
}

/// Accepts a token by one config, or says why not.
async fn judge(
    core: &Core,
    config: &AppAuthConfig,
    token: &Secret<String>,
    asked: &AppTokenRequest,
) -> Result<Accepted, Refusal> {
    let by = |error: Error| Refusal::by(config, error);
    let jwt = &config.spec.jwt;
    let verified = match &jwt.keys {
        JwtKeys::Url(url) => core.providers.verify(url, token.expose()).await.map_err(by)?,
        JwtKeys::Static(keys) => ForeignKeys::from_json(keys.as_bytes())
            .map_err(|error| by(Error::internal(error)))?
            .verify(token.expose()),
    };
    let now = core.clock.now();
    let token = verified.map_err(|error| by(not_accepted(&error)))?;
    let demands =
        Demands { issuer: &jwt.issuer, audience: &jwt.audience, now, max_age: Some(MAX_AGE) };
    token.check(&demands).map_err(|error| by(not_accepted(&error)))?;
    let name = username(&token, &jwt.username_claim).map_err(by)?;
    let named = |error: Error| Refusal { user: Some(name.clone()), ..Refusal::by(config, error) };
    let found = core.records.find(Kind::User, &name).await.map_err(named)?;
    let Some(Resource::User(user)) = found else {
        return Err(named(denied("there is no such user")));
    };
    if !user::is_active(&user, now) {
        return Err(named(denied("the user is not active")));
    }
    bot::refuse_bot(&user).map_err(|error| named(denied(error.message())))?;
    locks::refuse_user(&core.replica.snapshot(), now, &user, None)
        .map_err(|error| named(denied(error.cause().unwrap_or("the user is locked"))))?;
    let until = end_of(&token).map_err(|error| named(not_accepted(&error)))?;
    certify(core, config, &user, asked, until).await.map_err(named)
}

/// Until when a token may be used: to its end, and no longer than it may be old.
fn end_of(token: &ForeignToken) -> Result<OffsetDateTime, ForeignTokenError> {
    let end = token.time("exp")?.ok_or(ForeignTokenError::Claim { claim: "exp" })?;
    let made = token.time("iat")?.ok_or(ForeignTokenError::Claim { claim: "iat" })?;
    // What clocks may differ by was allowed for when it was checked.
    Ok(end.min(made + MAX_AGE) + foreign::LEEWAY)
}

async fn certify(
    core: &Core,
    config: &AppAuthConfig,
    user: &User,
    asked: &AppTokenRequest,
    until: OffsetDateTime,
) -> Result<Accepted, Error> {
    let key = PrivateKey::generate().map_err(Error::internal)?.public();
    let ticket = Ticket {
        client: asked.client_addr.as_deref(),
        app: Some(asked.app.clone()),
        until: Some(until),
        // The next token of this user continues what was begun with this one.
        login_id: Some(login_of(config, user)),
        ..Ticket::of(user, &key)
    };
    let issued = certificate::issue(core, &ticket).await?;
    Ok(Accepted {
        config: config.name().to_owned(),
        issued: AppTokenIdentity {
            certificate: issued.credentials.certificate,
            valid_until: issued.identity.expires(),
        },
        identity: issued.identity,
    })
}

/// Names the use of tokens of one issuer by one user.
fn login_of(config: &AppAuthConfig, user: &User) -> String {
    let made = user.spec.created_by.as_ref().and_then(|by| by.time);
    let made = made.map(|time| time.unix_timestamp().to_be_bytes()).unwrap_or_default();
    let parts: [&[u8]; 4] = [b"app token", config.name().as_bytes(), user.name().as_bytes(), &made];
    let digest = pki::digest_of(&parts);
    hex::encode(digest.get(..16).unwrap_or(&digest))
}

/// The user whom a token names.
fn username(token: &ForeignToken, claim: &str) -> Result<String, Error> {
    let claims = token.claims();
    let unverified = claims
        .get("email_verified")
        .is_some_and(|said| said.as_bool() != Some(true) && said.as_str() != Some("true"));
    if claim == "email" && unverified {
        return Err(denied("the issuer has not verified the e-mail address"));
    }
    match claims.get(claim).and_then(Value::as_str) {
        Some(name) if !name.is_empty() => Ok(name.to_owned()),
        _ => Err(Error::new(
            ErrorKind::Unauthenticated,
            format!("the token has no usable {claim:?} claim, which names the user"),
        )),
    }
}

/// What the header of a config holds, if anything.
fn token_of(
    shown: &std::collections::BTreeMap<String, String>,
    config: &AppAuthConfig,
) -> Option<Secret<String>> {
    let header = config.spec.jwt.header.as_str();
    let value = shown.get(header)?.trim();
    let has_word = value.get(..BEARER.len()).is_some_and(|word| word.eq_ignore_ascii_case(BEARER));
    let token = match value.get(BEARER.len()..) {
        Some(token) if has_word => token.trim(),
        // Another scheme is another matter.
        _ if header == DEFAULT_HEADER => return None,
        _ => value,
    };
    (!token.is_empty()).then(|| Secret::new(token.to_owned()))
}

/// The configs that are about an app with these labels, by name.
fn configs_for(core: &Core, labels: &Labels) -> Vec<Arc<AppAuthConfig>> {
    let snapshot = core.replica.snapshot();
    let is_about = |config: &&Arc<AppAuthConfig>| {
        let matcher = LabelMatcher::compile(&config.spec.app_labels);
        matcher.matches(labels).unwrap_or_else(|error| {
            tracing::warn!(config = config.name(), %error, "the labels of an app_auth_config cannot be evaluated");
            false
        })
    };
    snapshot.app_auth_configs.values().filter(is_about).cloned().collect()
}

/// The labels of an app: as it is registered, or as an agent serves it from its own configuration.
async fn labels_of(core: &Core, name: &str) -> Result<Labels, Error> {
    if let Some(Resource::App(app)) = core.records.find(Kind::App, name).await? {
        return Ok(app.all_labels());
    }
    let served = core.catalog.snapshot().servers_of(name).first().cloned();
    served.map(|server| server.spec.app.all_labels()).ok_or_else(|| denied("there is no such app"))
}

fn not_accepted(error: &ForeignTokenError) -> Error {
    Error::new(ErrorKind::Unauthenticated, error.to_string())
}

/// Whoever shows a token learns no more of apps and users than that it does not let them in.
fn denied(why: impl std::fmt::Display) -> Error {
    Error::new(ErrorKind::Unauthenticated, "access denied").because(why)
}

// === impl Refusal ===

impl Refusal {
    fn by(config: &AppAuthConfig, error: Error) -> Self {
        Self { error, config: Some(config.name().to_owned()), user: None }
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self { error, config: None, user: None }
    }
}
