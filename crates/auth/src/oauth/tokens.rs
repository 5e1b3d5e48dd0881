//! Tokens for a code, and for a refresh token. Each is good once: of two that show one at the same time, one gets
//! something; and one that is shown when it is spent ends the grant, as somebody may have stolen it (RFC 9700, section
//! 4.14.2). There is no allowance for answers that are lost on the way: the person consents again.

use api::wire::{
    OauthError, OauthRefusal, OauthRevocation, OauthTokenAnswer, OauthTokenRequest, OauthTokens,
};
use api::{Error, oauth_issuer};
use audit::event::Moment;
use audit::record::{OauthEvent, OauthStep, UserMetadata};
use audit::{Outcome, Text};
use resource::OauthKnownBy;

use super::grant::{self, Found, Kept};
use super::seal::{Seal, Sealed, Ticket};
use super::{
    ACCESS_LIFE, MAX_CLIENT_ID, authorization, event, is_refusal, leave_out_empty, refusal, require,
};
use crate::core::Core;
use crate::{events, keys, sso};

/// Expired, used, or another's: nobody is told which.
const DEAD: &str = "the code or token is not good: it has expired, was used, or is another's";

/// What is not given, and of which grant that is known.
struct Refused {
    refusal: OauthRefusal,
    of: Option<Found>,
}

/// Gives tokens, or says why not.
pub(crate) async fn tokens(
    core: &Core,
    mut request: OauthTokenRequest,
) -> Result<OauthTokenAnswer, Error> {
    require(core, OauthKnownBy::Document)?;
    let OauthTokenRequest { grant_type, code, refresh_token, client_id, resource, .. } =
        &mut request;
    leave_out_empty([grant_type, code, refresh_token, client_id, resource]);
    let client_addr = request.client_addr.as_deref();
    let Refused { refusal, of } = match give(core, &request).await? {
        Ok(tokens) => return Ok(OauthTokenAnswer::Issued(tokens)),
        Err(refused) => refused,
    };
    let failure = Outcome::Failure(Text::new(&refusal.error_description));
    let failure = OauthEvent { remote_addr: client_addr, ..event(OauthStep::Token, failure) };
    match &of {
        Some(found) => {
            let oauth_grant = Some(found.grant.name());
            let event = OauthEvent { oauth_grant, ..grant::about(&found.grant, failure) };
            core.audit.record(&event).await?;
        }
        // Anybody can show something.
        None => core.audit.record_anonymous(&failure).await?,
    }
    Ok(OauthTokenAnswer::Refused(refusal))
}

async fn give(
    core: &Core,
    request: &OauthTokenRequest,
) -> Result<Result<OauthTokens, Refused>, Error> {
    let stranger = |error, why: &str| Ok(Err(Refused { refusal: refusal(error, why), of: None }));
    let (kind, shown) = match request.grant_type.as_deref() {
        Some("authorization_code") => (Sealed::Code, request.code.as_deref()),
        Some("refresh_token") => (Sealed::Refresh, request.refresh_token.as_deref()),
        Some(_) => {
            let why = "the grant_type is authorization_code or refresh_token";
            return stranger(OauthError::UnsupportedGrantType, why);
        }
        None => return stranger(OauthError::InvalidRequest, "there is no grant_type"),
    };
    let (Some(shown), Some(client_id)) = (shown, request.client_id.as_deref()) else {
        let why = "a request has a client_id, and a code or a refresh_token";
        return stranger(OauthError::InvalidRequest, why);
    };
    if client_id.len() > MAX_CLIENT_ID {
        return stranger(OauthError::InvalidClient, "the client_id is too long");
    }
    let seal = Seal::of(core).await?;
    let Some(ticket) = seal.open::<Ticket>(kind, shown) else {
        return stranger(OauthError::InvalidGrant, DEAD);
    };
    let Some(found) = Found::find(core, &ticket.grant).await? else {
        return stranger(OauthError::InvalidGrant, DEAD);
    };
    let client_addr = request.client_addr.as_deref();
    if !sso::same(&keys::digest(&[client_id]), &found.kept.client) {
        let why = "the code or token is of another client";
        let refusal = refusal(OauthError::InvalidGrant, why);
        return Ok(Err(Refused { refusal, of: Some(found) }));
    }
    if ticket.turn != found.kept.turn || !grant::is_next(&found.kept, shown) {
        let reason = "a code or refresh token was shown that had been used";
        grant::end(core, &found.grant, reason, client_addr).await?;
        let refusal = refusal(OauthError::InvalidGrant, DEAD);
        return Ok(Err(Refused { refusal, of: Some(found) }));
    }
    let checked = match check(core, request, &found, kind, &ticket) {
        Ok(()) => match found.check(core).await {
            Ok(()) => Ok(()),
            Err(error) if is_refusal(&error) => {
                Err(refusal(OauthError::InvalidGrant, error.message()))
            }
            Err(error) => return Err(error),
        },
        Err(refusal) => Err(refusal),
    };
    if let Err(refusal) = checked {
        return Ok(Err(Refused { refusal, of: Some(found) }));
    }
    issue(core, &seal, found, client_addr).await
}

/// Makes tokens for what is checked, in the place of what was shown.
async fn issue(
    core: &Core,
    seal: &Seal,
    mut found: Found,
    client_addr: Option<&str>,
) -> Result<Result<OauthTokens, Refused>, Error> {
    let (now, ends, name) = (core.clock.now(), found.kept.ends, found.grant.name().to_owned());
    let turn = found.kept.turn.saturating_add(1);
    let access_ends = ends.min(now + ACCESS_LIFE);
    let access_token = seal.close(Sealed::Access, &Ticket::new(&name, turn, access_ends))?;
    let refresh_token = seal.close(Sealed::Refresh, &Ticket::new(&name, turn, ends))?;
    let next = keys::digest(&[&refresh_token]);
    let kept = Kept { turn, next, ..found.kept.clone() };
    // What cannot be recorded does not happen.
    let success = OauthEvent {
        oauth_grant: Some(found.grant.name()),
        expires: Some(Moment(ends)),
        remote_addr: client_addr,
        ..grant::about(&found.grant, event(OauthStep::Token, Outcome::Success))
    };
    core.audit.record(&success).await?;
    let user = UserMetadata::named(&found.grant.spec.user);
    let replaced = found.replace(core, &kept).await;
    if !matches!(replaced, Ok(true)) {
        let error = replaced.as_ref().err().cloned();
        let error = error.unwrap_or_else(|| Error::invalid("the code or token was shown twice"));
        events::did_not_happen(&core.audit, &user, "oauth.token", &error).await;
    }
    if !replaced? {
        // Somebody else showed it at the same moment: one of the two has stolen it.
        let reason = "a code or refresh token was shown twice at once";
        grant::end(core, &found.grant, reason, client_addr).await?;
        let refusal = refusal(OauthError::InvalidGrant, DEAD);
        return Ok(Err(Refused { refusal, of: Some(found) }));
    }
    let tokens = OauthTokens {
        access_token,
        token_type: "Bearer".to_owned(),
        expires_in: (access_ends - now).whole_seconds().try_into().unwrap_or_default(),
        refresh_token,
        scope: None,
    };
    Ok(Ok(tokens))
}

/// Whether who shows the right code or token is who may, and wants what was granted.
fn check(
    core: &Core,
    request: &OauthTokenRequest,
    found: &Found,
    kind: Sealed,
    ticket: &Ticket,
) -> Result<(), OauthRefusal> {
    let no = |why| Err(refusal(OauthError::InvalidGrant, why));
    let (spec, kept) = (&found.grant.spec, &found.kept);
    if ticket.ends() <= core.clock.now() {
        return no("the code or token has expired");
    }
    if oauth_issuer(&request.proxy_addr) != oauth_issuer(&spec.proxy) {
        return no("the code or token is of another address of this cluster");
    }
    if kind == Sealed::Code {
        if request.redirect_uri.as_ref() != Some(&kept.redirect_uri) {
            return no("the redirect_uri is not the one that was authorized");
        }
        // RFC 7636, section 4.1.
        let verifier = request.code_verifier.as_deref();
        let verifier = verifier.filter(|verifier| (43..=128).contains(&verifier.len()));
        if !verifier.is_some_and(|one| sso::same(&sso::digest(one), &kept.challenge)) {
            return no("the code_verifier does not fit the code_challenge");
        }
    }
    let Some(wanted) = request.resource.as_deref() else { return Ok(()) };
    match authorization::resource(core, wanted, &request.proxy_addr) {
        Some((cluster, app)) if cluster == spec.cluster && app == spec.app => Ok(()),
        _ => Err(refusal(OauthError::InvalidTarget, "the resource is not what was authorized")),
    }
}

/// Ends the grant of a token (RFC 7009). What is none, or another client's, is left alone.
pub(crate) async fn revoke(core: &Core, request: &OauthRevocation) -> Result<(), Error> {
    let seal = Seal::of(core).await?;
    let ticket = [Sealed::Refresh, Sealed::Access]
        .into_iter()
        .find_map(|kind| seal.open::<Ticket>(kind, &request.token));
    let now = core.clock.now();
    let Some(ticket) = ticket.filter(|ticket| now < ticket.ends()) else { return Ok(()) };
    let Some(found) = Found::find(core, &ticket.grant).await? else { return Ok(()) };
    let client_id = request.client_id.as_deref();
    let is_anothers = |id: &str| !sso::same(&keys::digest(&[id]), &found.kept.client);
    if client_id.is_some_and(|id| id.len() > MAX_CLIENT_ID || is_anothers(id)) {
        return Ok(());
    }
    let client_addr = request.client_addr.as_deref();
    grant::end(core, &found.grant, "revoked by the client", client_addr).await
}
