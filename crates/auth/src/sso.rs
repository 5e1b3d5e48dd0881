//! Signing in through others: a browser goes to an identity provider and comes back with what it says.
//!
//! 1. `tsh` makes a key and a secret, and asks for a link ([`start`]): who asks shows the key and a
//!    hash of the secret, and says where on its own machine it waits for the browser.
//! 2. A browser opens the link ([`begin`]): the link is used up, the browser is marked by a cookie
//!    and sent to the provider.
//! 3. The provider sends the browser back ([`answer`]): the same browser, or it is refused. What the
//!    provider says is judged and kept under a code, with which the browser goes to where `tsh` waits.
//! 4. `tsh` shows the code and the secret ([`finish`]): only now is there a user, and a certificate.
//!
//! So a link that is stolen or sent to somebody leads to a sign-in of theirs on their machine; a code
//! that another process sees is of no use without the secret; and a certificate is for the key of who
//! asked first. Each step happens once, and within [`LIFE`].
//!
//! The steps are the same for every kind of connector ([`connector::Connector`]); a kind knows where to
//! send people and how to read what its providers say ([`oidc`], [`saml`],
//! [`github`]), which comes to a [`Statement`].

mod account;
mod arrival;
mod claims;
mod connector;
mod github;
mod headless;
mod kept;
mod local;
mod names;
mod oauth;
mod oidc;
mod report;
mod saml;
mod test;
mod words;

use api::wire::{
    SsoAnswer, SsoAnswered, SsoBegin, SsoBegun, SsoFinish, SsoStart, SsoStarted, UserCredentials,
};
use api::{Error, ErrorKind};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use pki::PrivateKey;
use resource::Traits;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use time::{Duration, OffsetDateTime};
use url::{Host, Url};

pub(crate) use self::arrival::{answer as answer_arrival, arrive, read as read_arrival};
use self::connector::Connector;
pub(crate) use self::connector::{choice, origin_of};
pub(crate) use self::headless::{
    finish as finish_headless, machine_name, open as open_headless, start as start_headless,
};
use self::kept::{Away, Outcome, Started, Step};
pub(crate) use self::local::{answer as answer_page, read as read_page};
pub(crate) use self::test::{finish as finish_test, start as test};
use crate::core::Core;
use crate::cx::OpCx;
use crate::oauth::{Authorization, signed_in};
use crate::{certificate, keys};

/// How long a login may take, from the link to the provider's answer.
const LIFE: Duration = Duration::minutes(5);
/// How long what came of it waits for who asked.
const CODE_LIFE: Duration = Duration::minutes(1);
/// The longest address at which somebody waits.
const MAX_CALLBACK: usize = 200;
/// The longest text that is looked up.
const MAX_TOKEN: usize = 128;

/// What a provider says of somebody, whatever it speaks.
#[derive(Debug)]
struct Statement {
    /// What the provider calls the person, for ever.
    subject: String,
    /// The name that the user has here, or why there is none.
    username: Result<String, String>,
    /// What roles are made of.
    attributes: Traits,
    /// What the user's certificate says besides.
    traits: Traits,
    /// The same as it was said.
    claims: Map<String, Value>,
    /// Why it is not to be believed although it is genuine.
    doubts: Vec<String>,
    /// Until when the provider lets the person be signed in by it, if it says so.
    until: Option<OffsetDateTime>,
}

/// Who asks for a login, and where the answer goes.
#[derive(Clone, Serialize, Deserialize)]
struct Asker {
    /// Where the browser brings the result.
    callback: String,
    /// The hash of the secret that only who asks knows.
    challenge: String,
    /// Where the question came from.
    client: Option<String>,
    /// What a client asks for that holds no certificate, and for which nobody waits but the browser itself.
    #[serde(default)]
    authorization: Option<Box<Authorization>>,
}

/// Prepares a login: gives the link.
pub(crate) async fn start(cx: &OpCx, request: SsoStart) -> Result<SsoStarted, Error> {
    let core = cx.core();
    // Refused now, not after the person has signed in.
    certificate::read_key(&request.public_key)?;
    let asker = Asker {
        callback: check_callback(&request.callback)?,
        challenge: check_challenge(&request.challenge)?,
        client: request.client_addr.clone(),
        authorization: None,
    };
    if let Some(passwordless) = local::asked(core, &request)? {
        let SsoStart { public_key, ttl_seconds, proxy_addr: proxy, .. } = request;
        let asked =
            local::Asked { asker, public_key, ttl_seconds, passwordless, proxy, headless: None };
        return local::prepare(core, asked).await;
    }
    let connector = Connector::find(core, request.connector.as_deref()).await?;
    let started = Started {
        connector: connector.reference(),
        tried: None,
        asker,
        public_key: request.public_key,
        ttl_seconds: request.ttl_seconds,
        proxy: request.proxy_addr,
    };
    prepare(core, started).await
}

/// Prepares a login by which a client without a certificate is let in: gives the link. What comes of it is what the
/// certificate would say, whose key nobody has.
pub(crate) async fn start_for_client(
    core: &Core,
    authorization: Authorization,
    client: Option<String>,
) -> Result<String, Error> {
    let key = PrivateKey::generate().map_err(Error::internal)?.public();
    let public_key = key.to_pem();
    let proxy = Some(authorization.proxy().to_owned());
    let authorization = Some(Box::new(authorization));
    let asker = Asker { callback: String::new(), challenge: String::new(), client, authorization };
    let started = if choice(core).kind == local::LOCAL {
        local::refuse(core.sign_in_policy(), false)?;
        let asked = local::Asked {
            asker,
            public_key,
            ttl_seconds: None,
            passwordless: false,
            proxy,
            headless: None,
        };
        local::prepare(core, asked).await?
    } else {
        let connector = Connector::find(core, None).await?.reference();
        let started =
            Started { connector, tried: None, asker, public_key, ttl_seconds: None, proxy };
        prepare(core, started).await?
    };
    Ok(started.url)
}

/// Keeps what was prepared, and makes the link to it.
async fn prepare(core: &Core, started: Started) -> Result<SsoStarted, Error> {
    let proxy = started.proxy.clone();
    link(core, proxy.as_deref(), Step::Started(Box::new(started))).await
}

/// Keeps the first step of a login, and makes the link to it.
async fn link(core: &Core, proxy: Option<&str>, step: Step) -> Result<SsoStarted, Error> {
    core.logins.admit()?;
    let proxy = proxy.map(str::to_owned).or_else(|| public_address(core));
    let proxy = proxy.ok_or_else(|| {
        Error::unavailable("no proxy of this cluster is up, and people sign in through one")
    })?;
    let token = random();
    let expires = core.clock.now() + LIFE;
    kept::put(core, &keys::login(&token)?, &step, expires).await?;
    Ok(SsoStarted { url: format!("https://{}/web/sso/{token}", bare(&proxy)), expires })
}

/// Sends a browser away that opened a link; the link is used up.
pub(crate) async fn begin(core: &Core, token: &str, request: SsoBegin) -> Result<SsoBegun, Error> {
    let key = keys::login(bounded(token)?)?;
    // What else has such a name is left alone.
    match kept::look(core, &key).await? {
        Step::Started(_) => {}
        Step::Local(_) => return local::begin(core, &key).await,
        Step::Away(_)
        | Step::AtPage(_)
        | Step::Arrived(_)
        | Step::Waiting { .. }
        | Step::Done { .. } => {
            return Err(kept::dead());
        }
    }
    let Step::Started(started) = kept::take(core, &key).await? else { return Err(kept::dead()) };
    let connector = Connector::again(core, &started).await?;
    let (state, binding) = (random(), random());
    let proxy = started.proxy.clone().or_else(|| public_address(core));
    let begun = connector.begin(core, &state, proxy.as_deref()).await;
    let (location, progress) = match begun {
        Ok(begun) => begun,
        Err(error) => {
            let client = request.client_addr.or(started.asker.client);
            account::fail(core, &connector, &error, client.as_deref()).await?;
            return Err(error);
        }
    };
    let away = Away { started: *started, binding: digest(&binding), progress };
    let expires = core.clock.now() + LIFE;
    kept::put(core, &keys::login(&state)?, &Step::Away(Box::new(away)), expires).await?;
    let max_age = u64::try_from(LIFE.whole_seconds()).unwrap_or_default();
    let cookie = api::sso_cookie(&state);
    let by_form = connector.returns_by_form();
    Ok(SsoBegun { location, cookie, binding, max_age, by_form })
}

/// Takes a browser back that was sent away.
pub(crate) async fn answer(core: &Core, answer: SsoAnswer) -> Result<SsoAnswered, Error> {
    let key = keys::login(bounded(&answer.state)?)?;
    // Another browser's login is left alone: it is looked at before it is taken.
    let Step::Away(away) = kept::look(core, &key).await? else { return Err(kept::dead()) };
    if !same(&digest(&answer.binding), &away.binding) {
        return Err(other_browser());
    }
    let Step::Away(away) = kept::take(core, &key).await? else { return Err(kept::dead()) };
    let Away { started, progress, .. } = *away;
    let connector = Connector::again(core, &started).await?;
    let said = connector.complete(core, &progress, &answer).await;
    let client = answer.client_addr.or_else(|| started.asker.client.clone());
    let outcome = if started.tried.is_some() {
        Outcome::Tested(Box::new(report::of(core, &connector, said, client.as_deref()).await?))
    } else {
        let judged = account::judge(core, &connector, said, client.as_deref()).await?;
        if let Some(authorization) = started.asker.authorization.clone() {
            let credentials = account::admit(core, judged?, &started).await?;
            let asked = signed_in(core, *authorization, &credentials, None);
            return asked.await.map(|location| SsoAnswered { location });
        }
        match judged {
            Ok(account) => {
                Outcome::Accepted { account: Box::new(account), started: Box::new(started.clone()) }
            }
            Err(error) => Outcome::Refused(error.body().error),
        }
    };
    let code = random();
    let expires = core.clock.now() + CODE_LIFE;
    let step = Step::Done { challenge: started.asker.challenge.clone(), outcome };
    kept::put(core, &keys::login(&code)?, &step, expires).await?;
    let mut location = Url::parse(&started.asker.callback).map_err(Error::internal)?;
    location.query_pairs_mut().append_pair("code", &code);
    Ok(SsoAnswered { location: location.into() })
}

/// Gives who asked what came of it: a user, and a certificate.
pub(crate) async fn finish(core: &Core, request: &SsoFinish) -> Result<UserCredentials, Error> {
    match collect(core, request).await? {
        Outcome::Accepted { account, started } => account::admit(core, *account, &started).await,
        Outcome::Local(admitted) => local::admit(core, &admitted).await,
        Outcome::Refused(fields) => {
            let refused = Error::new(fields.kind, fields.message);
            Err(fields.hints.into_iter().fold(refused, Error::hint))
        }
        Outcome::Tested(_) => Err(kept::dead()),
    }
}

/// What a code stands for, for whoever knows the secret.
async fn collect(core: &Core, request: &SsoFinish) -> Result<Outcome, Error> {
    let key = keys::login(bounded(&request.code)?)?;
    let Step::Done { challenge, .. } = kept::look(core, &key).await? else {
        return Err(kept::dead());
    };
    if !same(&digest(bounded(&request.verifier)?), &challenge) {
        return Err(Error::denied("this is not who began the sign-in"));
    }
    match kept::take(core, &key).await? {
        Step::Done { outcome, .. } => Ok(outcome),
        Step::Started(_)
        | Step::Away(_)
        | Step::Local(_)
        | Step::AtPage(_)
        | Step::Arrived(_)
        | Step::Waiting { .. } => Err(kept::dead()),
    }
}

/// Whether a name says how to sign in without a connector.
pub(crate) fn is_reserved(name: &str) -> bool {
    matches!(name, local::LOCAL | local::PASSWORDLESS)
}

/// 256 bits that nobody guesses, in letters that need no escaping.
pub(crate) fn random() -> String {
    URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>())
}

/// The SHA-256 of a text, in base64url.
pub(crate) fn digest(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(text.as_bytes()))
}

/// Whether two hashes are the same, in a time that does not tell where they differ.
pub(crate) fn same(one: &str, other: &str) -> bool {
    bool::from(one.as_bytes().ct_eq(other.as_bytes()))
}

fn other_browser() -> Error {
    Error::denied("this sign-in was begun in another browser, or too long ago")
        .hint("begin again with `tsh login`, or in the program that sent you here")
}

/// Where a browser brings a result is on its own machine, or the result would be anybody's.
pub(crate) fn check_callback(text: &str) -> Result<String, Error> {
    let url = Url::parse(text).ok().filter(|url| {
        let is_here = match url.host() {
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            Some(Host::Domain(name)) => name == "localhost",
            None => false,
        };
        text.len() <= MAX_CALLBACK
            && url.scheme() == "http"
            && is_here
            && url.port().is_some()
            && url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none()
    });
    url.map(String::from).ok_or_else(|| {
        Error::invalid(
            "the callback is not an address of the caller's own machine: http://127.0.0.1:PORT/…",
        )
    })
}

pub(crate) fn check_challenge(text: &str) -> Result<String, Error> {
    match URL_SAFE_NO_PAD.decode(text) {
        Ok(hash) if hash.len() == 32 => Ok(text.to_owned()),
        _ => Err(Error::invalid("the challenge is not a SHA-256 in base64url")),
    }
}

/// Keys are hashed, so this only keeps large texts from being looked at.
fn bounded(text: &str) -> Result<&str, Error> {
    if text.len() <= MAX_TOKEN { Ok(text) } else { Err(kept::dead()) }
}

/// The public address of the proxy that sorts first.
fn public_address(core: &Core) -> Option<String> {
    let snapshot = core.replica.snapshot();
    let addresses = snapshot.proxies.values().map(|proxy| &proxy.spec.public_addr);
    addresses.filter(|address| !address.is_empty()).min().cloned()
}

/// The address of a page of the cluster's own.
pub(crate) fn page_url(core: &Core, path: &str) -> Result<String, Error> {
    page_at(core, None, path)
}

/// The same at a proxy that is known.
fn page_at(core: &Core, proxy: Option<&str>, path: &str) -> Result<String, Error> {
    let proxy = proxy.map(str::to_owned).or_else(|| public_address(core));
    let proxy = proxy
        .ok_or_else(|| Error::unavailable("no proxy of this cluster is up, and pages need one"))?;
    Ok(format!("https://{}/web/{path}", bare(&proxy)))
}

fn bare(address: &str) -> &str {
    address.strip_suffix(":443").unwrap_or(address)
}

/// A refusal that is for the person at the browser as well.
fn refused(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Denied, message)
}

#[cfg(test)]
mod tests;
