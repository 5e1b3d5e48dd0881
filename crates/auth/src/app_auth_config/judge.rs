//! Whether a token is accepted, and whom it names.

use std::collections::BTreeMap;

use api::wire::AppTokenRequest;
use api::{Error, ErrorKind};
use pki::jwt::foreign::{self, Demands, ForeignKeys, ForeignToken, ForeignTokenError};
use resource::app_auth_config::{DEFAULT_HEADER, JwtKeys};
use resource::{AppAuthConfig, Kind, Resource, Secret};
use serde_json::Value;
use time::OffsetDateTime;

use super::certify::{Accepted, certify, certify_granted};
use super::{Asked, MAX_AGE, about, denied};
use crate::core::Core;
use crate::{bot, locks, oauth, user};

/// The most configs that are tried with one token.
const MAX_TRIED: usize = 8;
/// The header whose value begins with the word "Bearer" (RFC 6750, section 2.1).
const BEARER: &str = "bearer ";

/// Why a token is not accepted.
pub(super) struct Refusal {
    pub(super) error: Error,
    pub(super) config: Option<String>,
    pub(super) user: Option<String>,
    /// What the token rests on, if it is the cluster's own.
    pub(super) grant: Option<String>,
}

/// Checks a token of the cluster's own.
pub(super) async fn own(core: &Core, asked: Asked<'_>, token: &str) -> Result<Accepted, Refusal> {
    let AppTokenRequest { app, client_addr, proxy_addr, continues, .. } = asked.request;
    let shown = oauth::Shown {
        token,
        app,
        cluster: asked.cluster,
        proxy: proxy_addr.as_deref(),
        client: client_addr.as_deref(),
        continues: *continues,
    };
    let good = oauth::check(core, &shown).await.map_err(|bad| {
        let grant = bad.grant.as_ref().map(|grant| grant.name().to_owned());
        let user = bad.grant.map(|grant| grant.spec.user.clone());
        Refusal { user, grant, ..bad.error.into() }
    })?;
    let (user, grant) = (good.user.name.clone(), good.grant.name().to_owned());
    let certified = certify_granted(core, good, asked).await;
    certified.map_err(|error| Refusal { user: Some(user), grant: Some(grant), ..error.into() })
}

/// Tries the configs that are about what is asked for.
pub(super) async fn attempt(core: &Core, asked: Asked<'_>) -> Result<Accepted, Refusal> {
    let configs = about::configs_for(core, asked).await?;
    let mut first = None;
    let mut tried = 0;
    for config in configs {
        let Some(token) = token_of(&asked.request.tokens, &config) else { continue };
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
        match judge(core, &config, &token, asked).await {
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
    asked: Asked<'_>,
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
fn token_of(shown: &BTreeMap<String, String>, config: &AppAuthConfig) -> Option<Secret<String>> {
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

fn not_accepted(error: &ForeignTokenError) -> Error {
    Error::new(ErrorKind::Unauthenticated, error.to_string())
}

// === impl Refusal ===

impl Refusal {
    fn by(config: &AppAuthConfig, error: Error) -> Self {
        Self { error, config: Some(config.name().to_owned()), user: None, grant: None }
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self { error, config: None, user: None, grant: None }
    }
}
