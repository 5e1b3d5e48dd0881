//! A client sends a browser: what it asks for, and what the browser brings back to it.
//!
//! Until it is known who asks and that the answer may go where it is wanted, nothing goes there (RFC 6749, section
//! 4.1.2.1): not even an error.

use api::wire::{OauthAsker, OauthAuthorization, OauthError, OauthRefusal, OauthStarted};
use api::{Error, OauthResource, oauth_issuer};
use audit::record::{OauthEvent, OauthStep};
use audit::{Outcome, Text};
use resource::OauthKnownBy;
use serde::{Deserialize, Serialize};

use super::client::{About, Claim};
use super::redirect::Redirect;
use super::{MAX_STATE, MAX_TEXT, event, leave_out_empty, refusal, require};
use crate::core::Core;
use crate::cx::OpCx;
use crate::sso;

/// What a client asks for, while the person signs in and is asked.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Authorization {
    pub(super) client: About,
    pub(super) redirect_uri: String,
    state: Option<String>,
    pub(super) wish: Wish,
    /// The address of the proxy: the issuer.
    pub(super) proxy: String,
    /// The hash of what only the browser knows in which this was begun.
    pub(super) binding: String,
}

/// For what.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Wish {
    /// The hash of a text that only the client knows (RFC 7636).
    pub(super) challenge: String,
    pub(super) app: String,
    /// The cluster that has it, if it is another one.
    pub(super) cluster: Option<String>,
}

/// Begins: where the browser goes.
pub(crate) async fn start(cx: &OpCx, mut asked: OauthAuthorization) -> Result<OauthStarted, Error> {
    let core = cx.core();
    require(core, OauthKnownBy::Document)?;
    let OauthAuthorization { client_id, redirect_uri, response_type, resource, state, .. } =
        &mut asked;
    leave_out_empty([client_id, redirect_uri, response_type, resource, state]);
    let client_addr = asked.client_addr.clone();
    let started = judge(core, asked).await?;
    let location = match &started {
        Judged::Good(one) => {
            Some(sso::start_for_client(core, one.as_ref().clone(), client_addr.clone()).await?)
        }
        Judged::Back(..) | Judged::Refused(_) => None,
    };
    let (about, wish, outcome) = match &started {
        Judged::Good(authorization) => {
            (Some(&authorization.client), Some(&authorization.wish), Outcome::Success)
        }
        Judged::Back(authorization, refused) => {
            (Some(authorization), None, Outcome::Failure(Text::new(&refused.0.error_description)))
        }
        Judged::Refused(refusal) => {
            (None, None, Outcome::Failure(Text::new(&refusal.error_description)))
        }
    };
    // Anybody can ask.
    core.audit
        .record_anonymous(&OauthEvent {
            client_id: about.map(|client| Text::new(&client.shown)),
            client_name: about.and_then(|client| client.name.as_deref()).map(Text::new),
            app_name: wish.map(|wish| Text::new(&wish.app)),
            target_cluster: wish.and_then(|wish| wish.cluster.as_deref()).map(Text::new),
            remote_addr: client_addr.as_deref(),
            ..event(OauthStep::Authorize, outcome)
        })
        .await?;
    Ok(match started {
        Judged::Good(_) => OauthStarted::SignIn { location: location.unwrap_or_default() },
        Judged::Back(_client, refused) => {
            let (refusal, location) = *refused;
            OauthStarted::Back { location, refusal }
        }
        Judged::Refused(refusal) => OauthStarted::Refused(refusal),
    })
}

/// What comes of what is asked for.
enum Judged {
    Good(Box<Authorization>),
    /// The client is told.
    Back(About, Box<(OauthRefusal, String)>),
    /// The person is.
    Refused(OauthRefusal),
}

async fn judge(core: &Core, asked: OauthAuthorization) -> Result<Judged, Error> {
    let refused = |error, why: &str| Ok(Judged::Refused(refusal(error, why)));
    if asked.binding.is_empty() || asked.binding.len() > MAX_TEXT {
        return Err(Error::invalid("the browser is not marked"));
    }
    let Some(id) = asked.client_id.as_deref() else {
        return refused(OauthError::InvalidRequest, "there is no client_id");
    };
    let claim = match Claim::read(core, id).await? {
        Ok(claim) => claim,
        Err(why) => return refused(OauthError::InvalidClient, why),
    };
    let Some(uri) = asked.redirect_uri.as_deref() else {
        return refused(OauthError::InvalidRequest, "there is no redirect_uri");
    };
    let redirect = match Redirect::parse(uri) {
        Ok(redirect) => redirect,
        Err(why) => return refused(OauthError::InvalidRequest, why),
    };
    let wish = Wish::read(core, &asked);
    // Nothing is fetched for what is refused anyway.
    if let (Err(refusal), false) = (&wish, claim.is_known(core)) {
        return Ok(Judged::Refused(refusal.clone()));
    }
    let client = match claim.client(core, asked.client_addr.as_deref()).await? {
        Ok(client) => client,
        Err(why) => return refused(OauthError::InvalidClient, &why),
    };
    if !client.admits(&redirect) {
        return refused(
            OauthError::InvalidRequest,
            "the redirect_uri is not one that this client has registered",
        );
    }
    let OauthAuthorization { state, proxy_addr: proxy, binding, .. } = asked;
    match wish {
        Ok(wish) => {
            let (redirect_uri, binding) = (uri.to_owned(), sso::digest(&binding));
            let client = client.about;
            Ok(Judged::Good(Box::new(Authorization {
                client,
                redirect_uri,
                state,
                wish,
                proxy,
                binding,
            })))
        }
        Err(refusal) => {
            let state = state.filter(|state| state.len() <= MAX_STATE);
            let told = [
                ("error", refusal.error.as_str()),
                ("error_description", &refusal.error_description),
            ];
            let location = back(&redirect, &told, state.as_deref(), &proxy);
            Ok(Judged::Back(client.about, Box::new((refusal, location))))
        }
    }
}

/// The redirect URI with an answer, by whom (RFC 9207), and what the client sent along.
fn back(redirect: &Redirect, answer: &[(&str, &str)], state: Option<&str>, proxy: &str) -> String {
    let issuer = oauth_issuer(proxy);
    let mut parameters = answer.to_vec();
    parameters.extend(state.map(|state| ("state", state)));
    parameters.push(("iss", &issuer));
    redirect.with(&parameters)
}

/// What a client wants to use, as the grant names it. An app of this cluster has two addresses, and is one app.
pub(super) fn resource(core: &Core, text: &str, proxy: &str) -> Option<(Option<String>, String)> {
    let OauthResource { cluster, app } = OauthResource::parse(text, proxy)?;
    Some((cluster.filter(|cluster| *cluster != core.cluster), app))
}

// === impl Wish ===

impl Wish {
    fn read(core: &Core, asked: &OauthAuthorization) -> Result<Self, OauthRefusal> {
        let no = |error, why: &str| Err(refusal(error, why));
        if asked.response_type.as_deref() != Some("code") {
            return no(OauthError::UnsupportedResponseType, "the response_type is code");
        }
        if asked.code_challenge_method.as_deref() != Some("S256") {
            return no(OauthError::InvalidRequest, "the code_challenge_method is S256");
        }
        let challenge = asked.code_challenge.as_deref().map(sso::check_challenge);
        let Some(Ok(challenge)) = challenge else {
            return no(OauthError::InvalidRequest, "there is no code_challenge by S256");
        };
        if asked.state.as_ref().is_some_and(|state| state.len() > MAX_STATE) {
            return no(OauthError::InvalidRequest, "the state is too long");
        }
        let wanted = asked.resource.as_deref();
        match wanted.and_then(|text| resource(core, text, &asked.proxy_addr)) {
            Some((cluster, app)) => Ok(Self { challenge, app, cluster }),
            None => no(
                OauthError::InvalidTarget,
                "the resource is not the address of an MCP server at this proxy",
            ),
        }
    }
}

// === impl Authorization ===

impl Authorization {
    /// For which client somebody signs in.
    pub(crate) fn asker(&self) -> OauthAsker {
        let redirect_host = self.redirect().map_or_else(|_| String::new(), |to| to.host());
        OauthAsker { client_name: self.client.name.clone(), redirect_host }
    }

    /// The proxy where the browser is.
    pub(crate) fn proxy(&self) -> &str {
        &self.proxy
    }

    pub(super) fn redirect(&self) -> Result<Redirect, Error> {
        Redirect::parse(&self.redirect_uri).map_err(Error::internal)
    }

    /// Where the browser brings an answer.
    pub(super) fn back(&self, answer: &[(&str, &str)]) -> Result<String, Error> {
        Ok(back(&self.redirect()?, answer, self.state.as_deref(), &self.proxy))
    }
}
