//! Signing in at a page of the cluster's own: the same steps as through a provider, and the proxy's page stands
//! where the provider's would.
//!
//! The page is for the browser that opened the link, which a cookie marks, and may be loaded again there. What
//! the person shows at it is checked here, and what comes of it waits for who asked, as everywhere.

use api::Error;
use api::wire::{
    HeadlessMachine, LoginAnswer, LoginAnswered, LoginPage, LoginRead, SsoBegun, SsoStart,
    SsoStarted, UserCredentials,
};
use resource::Secret;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::Key;
use url::Url;
use uuid::Uuid;

use super::headless::{self, Headless};
use super::kept::{self, Outcome, Step};
use super::{Asker, CODE_LIFE, LIFE, bounded, digest, same};
use crate::core::{Core, SignInPolicy};
use crate::factors::{self, Checked, Verified};
use crate::sign_in::{self, Attempt, Certified};
use crate::{certificate, events, keys, oauth, recovery};

/// The names of what are no connectors: with a password and a second factor, and with a passkey.
pub(super) const LOCAL: &str = "local";
pub(super) const PASSWORDLESS: &str = "passwordless";

/// A login that is prepared.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Asked {
    pub(super) asker: Asker,
    pub(super) public_key: String,
    pub(super) ttl_seconds: Option<u64>,
    /// Whether only a passkey will do.
    pub(super) passwordless: bool,
    pub(super) proxy: Option<String>,
    /// What is asked for on a machine without a browser, if it is.
    #[serde(default)]
    pub(super) headless: Option<Headless>,
}

/// A login whose browser is at the page.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct AtPage {
    asked: Asked,
    /// The hash of the browser's cookie.
    binding: String,
}

/// A person who is signed in, but for the certificate.
#[derive(Serialize, Deserialize)]
pub(super) struct Admitted {
    user: String,
    device: Option<String>,
    handle: Uuid,
    /// Where the browser was.
    client: Option<String>,
    /// Where the certificate was asked for.
    place: Option<String>,
    public_key: String,
    ttl_seconds: Option<u64>,
}

/// Whether a login is to be at the cluster's own page; refused where that is not allowed.
pub(super) fn asked(core: &Core, request: &SsoStart) -> Result<Option<bool>, Error> {
    let passwordless = match request.connector.as_deref() {
        Some(LOCAL) => false,
        Some(PASSWORDLESS) => true,
        _ => return Ok(None),
    };
    refuse(core.sign_in_policy(), passwordless)?;
    Ok(Some(passwordless))
}

/// Refuses to have local users sign in where that is not allowed.
pub(super) fn refuse(policy: SignInPolicy, passwordless: bool) -> Result<(), Error> {
    if !policy.local {
        return Err(Error::denied("local users do not sign in to this cluster")
            .hint("sign in through a connector: tsh login --auth=NAME"));
    }
    if passwordless && !policy.passwordless {
        return Err(Error::denied("this cluster does not let a passkey alone sign anybody in")
            .hint("sign in with a password: tsh login --auth=local"));
    }
    Ok(())
}

/// Keeps what was prepared, and makes the link to it.
pub(super) async fn prepare(core: &Core, asked: Asked) -> Result<SsoStarted, Error> {
    let proxy = asked.proxy.clone();
    super::link(core, proxy.as_deref(), Step::Local(Box::new(asked))).await
}

/// Sends a browser to the page that opened the link.
pub(super) async fn begin(core: &Core, key: &Key) -> Result<SsoBegun, Error> {
    let Step::Local(asked) = kept::take(core, key).await? else { return Err(kept::dead()) };
    send(core, *asked).await
}

/// Sends a browser to the page, which is for this browser alone.
pub(super) async fn send(core: &Core, asked: Asked) -> Result<SsoBegun, Error> {
    let (state, binding) = (super::random(), super::random());
    let location = super::page_at(core, asked.proxy.as_deref(), &format!("login/{state}"))?;
    let page = AtPage { asked, binding: digest(&binding) };
    let expires = core.clock.now() + LIFE;
    kept::put(core, &keys::login(&state)?, &Step::AtPage(Box::new(page)), expires).await?;
    let max_age = u64::try_from(LIFE.whole_seconds()).unwrap_or_default();
    let cookie = api::sso_cookie(&state);
    Ok(SsoBegun { location, cookie, binding, max_age, by_form: false })
}

/// What the page shows.
pub(crate) async fn read(core: &Core, state: &str, read: &LoginRead) -> Result<LoginPage, Error> {
    let (_key, page) = find(core, state, &read.binding).await?;
    let policy = core.sign_in_policy();
    let passkey = if policy.passwordless {
        core.logins.admit()?;
        factors::ask_passkey(core, &scope(state)).await?
    } else {
        None
    };
    if page.asked.passwordless && passkey.is_none() {
        return Err(Error::unavailable("passkeys cannot be used at this address of the cluster")
            .hint("sign in with a password: tsh login --auth=local --mfa-mode=browser"));
    }
    let machine = page.asked.headless.map(|headless| HeadlessMachine {
        name: headless.machine,
        user: headless.user,
        asked_at: headless.asked_at,
    });
    let oauth = page.asked.asker.authorization.as_ref().map(|one| one.asker());
    Ok(LoginPage {
        cluster: core.cluster.clone(),
        client_addr: page.asked.asker.client,
        machine,
        oauth,
        passwords: !page.asked.passwordless,
        codes: policy.codes || policy.recovery,
        passkey,
    })
}

/// Takes what the person showed.
pub(crate) async fn answer(
    core: &Core,
    state: &str,
    answer: LoginAnswer,
) -> Result<LoginAnswered, Error> {
    let LoginAnswer { binding, user, password, code, key, reject, client_addr } = answer;
    let (place, page) = find(core, state, &binding).await?;
    let client = client_addr.as_deref();
    if reject && page.asked.headless.is_some() {
        let Step::AtPage(_) = kept::take(core, &place).await? else { return Err(kept::dead()) };
        let refusal = Error::denied("the sign-in was rejected in the browser").body().error;
        headless::tell(core, &page.asked, Outcome::Refused(refusal), None, client).await?;
        return Ok(LoginAnswered::Rejected);
    }
    let (name, outcome) = match (key, user, password) {
        (Some(key), _, _) => factors::shown_key(core, &scope(state), &key).await,
        (None, Some(user), Some(password)) if !page.asked.passwordless => {
            let attempt = Attempt {
                user: user.trim().to_owned(),
                password: Secret::new(password),
                code,
                client: client_addr.clone(),
            };
            if !attempt.is_bounded() {
                return Err(factors::wrong());
            }
            refuse_vain(&page, &attempt)?;
            match typed(core, state, &attempt).await {
                Ok(Typed::Verified(verified)) => (Some(attempt.user), Ok(*verified)),
                Ok(Typed::Key(options)) => return Ok(LoginAnswered::Key { options }),
                Err(error) => (Some(attempt.user), Err(error)),
            }
        }
        _ => return Err(Error::invalid("nothing was shown by which to sign in")),
    };
    let verified = outcome.and_then(|verified| {
        sign_in::refuse(core, &verified)?;
        refuse_other(&page, &verified)?;
        Ok(verified)
    });
    let verified = match verified {
        Ok(verified) => verified,
        Err(error) => {
            events::login_failed(&core.audit, name.as_deref(), client, &error).await?;
            return Err(error);
        }
    };
    core.attempts.succeeded(verified.user.name(), client).await?;
    let Step::AtPage(_) = kept::take(core, &place).await? else { return Err(kept::dead()) };
    let admitted = Admitted {
        user: verified.user.name().to_owned(),
        device: verified.device,
        handle: verified.handle,
        client: client_addr.clone(),
        place: page.asked.asker.client.clone(),
        public_key: page.asked.public_key.clone(),
        ttl_seconds: page.asked.ttl_seconds,
    };
    if let Some(authorization) = page.asked.asker.authorization {
        let credentials = admit(core, &admitted).await?;
        let asked = oauth::signed_in(core, *authorization, &credentials, Some(admitted.handle));
        return asked.await.map(|location| LoginAnswered::Done { location });
    }
    let outcome = Outcome::Local(Box::new(admitted));
    if page.asked.headless.is_some() {
        headless::tell(core, &page.asked, outcome, None, client_addr.as_deref()).await?;
        return Ok(LoginAnswered::Approved);
    }
    let code = super::random();
    let asker = page.asked.asker;
    let step = Step::Done { challenge: asker.challenge, outcome };
    kept::put(core, &keys::login(&code)?, &step, core.clock.now() + CODE_LIFE).await?;
    let mut location = Url::parse(&asker.callback).map_err(Error::internal)?;
    location.query_pairs_mut().append_pair("code", &code);
    Ok(LoginAnswered::Done { location: location.into() })
}

/// Refuses what would be refused for a machine whatever the rest is, before a code is spent on it.
fn refuse_vain(page: &AtPage, attempt: &Attempt) -> Result<(), Error> {
    if page.asked.headless.is_none() {
        return Ok(());
    }
    headless::refuse_another(&page.asked, &attempt.user)?;
    match attempt.code.as_deref().and_then(recovery::normal) {
        Some(_) => Err(less_than_a_device()),
        None => Ok(()),
    }
}

/// Refuses to sign somebody in on a machine that asked for somebody else, or by less than a second factor.
fn refuse_other(page: &AtPage, verified: &Verified) -> Result<(), Error> {
    if page.asked.headless.is_none() {
        return Ok(());
    }
    headless::refuse_another(&page.asked, verified.user.name())?;
    if verified.device.is_none() { Err(less_than_a_device()) } else { Ok(()) }
}

fn less_than_a_device() -> Error {
    Error::denied("a machine without a browser is signed in by a second factor only")
}

enum Typed {
    Verified(Box<Verified>),
    Key(Value),
}

async fn typed(core: &Core, state: &str, attempt: &Attempt) -> Result<Typed, Error> {
    match attempt.check(core).await? {
        Checked::Verified(verified) => Ok(Typed::Verified(verified)),
        Checked::KeyNeeded(holder) => {
            let options = factors::ask_key(core, &scope(state), &holder).await?;
            options.map(Typed::Key).ok_or_else(factors::wrong)
        }
        Checked::Wrong => Err(factors::wrong()),
    }
}

/// Certifies the key of who asked.
pub(super) async fn admit(core: &Core, admitted: &Admitted) -> Result<UserCredentials, Error> {
    let Admitted { user, device, handle, client, place, public_key, ttl_seconds } = admitted;
    let key = certificate::read_key(public_key)?;
    let holder = factors::Holder::find(core, user).await?.ok_or_else(kept::dead)?;
    let verified = Verified { handle: *handle, ..holder.verified(device.clone()) };
    if !holder.stands_by(&verified) {
        return Err(kept::dead());
    }
    let wanted = Certified { key: &key, ttl_seconds: *ttl_seconds, place: place.as_deref() };
    sign_in::certify(core, &verified, &wanted, client.as_deref()).await
}

// === impl Admitted ===

impl Admitted {
    /// Who was signed in.
    pub(super) fn user(&self) -> &str {
        &self.user
    }
}

async fn find(core: &Core, state: &str, binding: &str) -> Result<(Key, AtPage), Error> {
    let key = keys::login(bounded(state)?)?;
    let Step::AtPage(page) = kept::look(core, &key).await? else { return Err(kept::dead()) };
    if !same(&digest(bounded(binding)?), &page.binding) {
        return Err(super::other_browser());
    }
    Ok((key, *page))
}

/// Questions to keys are for this page alone.
fn scope(state: &str) -> String {
    format!("login {state}")
}
