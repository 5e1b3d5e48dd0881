//! Signing in on a machine without a browser (after RFC 8628, the device authorization grant): the machine shows
//! a short code, a person types it into a browser somewhere else, sees who asks, signs in there and approves.
//!
//! The code is typed, and stands in no link: a link could be sent to somebody (RFC 8628, section 5.4). It works
//! once, for the browser that types it first. What comes of it is a certificate for the key of the machine that
//! asked, which alone knows the secret by which it is fetched.

use api::Error;
use api::wire::{
    HeadlessFinished, HeadlessOpen, HeadlessStart, HeadlessStarted, SsoBegun, SsoFinish,
};
use audit::Text;
use audit::event::Moment;
use audit::record::{HeadlessLogin, HeadlessStep};
use bytes::Bytes;
use resource::metadata::check_name;
use resource::plain;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::kept::{self, Outcome, Step};
use super::local::Asked;
use super::{Asker, CODE_LIFE, LIFE, arrival, bounded, check_challenge, digest, same};
use crate::core::Core;
use crate::{certificate, fault, keys};

/// What codes are made of: no vowels, so that they are no words, and nothing that looks like something else
/// (RFC 8628, section 6.1).
const LETTERS: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";
/// 20⁸ are some 34 bits: of use for [`LIFE`], to who may try thirty in a quarter of an hour.
const LENGTH: usize = 8;
/// The longest name of a machine that is shown.
const MAX_MACHINE: usize = 64;

/// What is asked for on a machine without a browser.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Headless {
    /// What the machine says it is called.
    pub(super) machine: String,
    /// Whom it asks for, if it says.
    pub(super) user: Option<String>,
    #[serde(with = "time::serde::rfc3339")]
    pub(super) asked_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    expires: OffsetDateTime,
    /// The hash of what names the place where the machine looks for what came of it.
    place: String,
}

/// Prepares a login: gives the code.
pub(crate) async fn start(core: &Core, request: HeadlessStart) -> Result<HeadlessStarted, Error> {
    certificate::read_key(&request.public_key)?;
    core.logins.admit()?;
    if let Some(user) = &request.user {
        check_name(user)
            .map_err(|error| Error::invalid(format!("this is no user's name: {error}")))?;
    }
    let policy = core.sign_in_policy();
    if !policy.headless || !(policy.local || arrival::is_possible(core).await?) {
        return Err(Error::denied(
            "this cluster lets nobody sign in on machines without a browser",
        )
        .hint("an administrator allows it: allow_headless of cluster_auth_preference"));
    }
    let challenge = check_challenge(&request.challenge)?;
    let machine = machine_name(&request.machine);
    let (device, code) = (super::random(), new_code());
    let now = core.clock.now();
    let expires = now + LIFE;
    let headless = Headless {
        machine,
        user: request.user,
        asked_at: now,
        expires,
        place: keys::digest(&[&device]),
    };
    let client = request.client_addr;
    record(core, &headless, HeadlessStep::Requested, None, client.as_deref()).await?;
    let asker = Asker {
        callback: String::new(),
        challenge: challenge.clone(),
        client,
        authorization: None,
    };
    let asked = Asked {
        asker,
        public_key: request.public_key,
        ttl_seconds: request.ttl_seconds,
        passwordless: false,
        proxy: request.proxy_addr.clone(),
        headless: Some(headless),
    };
    kept::put(core, &keys::login(&device)?, &Step::Waiting { challenge }, expires).await?;
    let value = Bytes::from(serde_json::to_vec(&asked).map_err(Error::internal)?);
    let place = keys::headless(&code)?;
    let stored = core.records.store().create(&place, value, Some(expires)).await;
    stored.map_err(|error| fault::store(&error))?;
    let url = super::page_at(core, request.proxy_addr.as_deref(), "headless")?;
    Ok(HeadlessStarted { code: grouped(&code), url, device, expires })
}

/// Sends a browser that typed a code to the page where it is signed in; the code is used up.
pub(crate) async fn open(core: &Core, open: &HeadlessOpen) -> Result<SsoBegun, Error> {
    if !core.sign_in_policy().local {
        return Err(Error::denied("local users do not sign in to this cluster")
            .hint("begin at your identity provider: it leads to a page that takes the code"));
    }
    let asked = take(core, &open.code, open.client_addr.as_deref()).await?;
    super::local::send(core, asked).await
}

/// What the machine asked that shows this code, which is used up.
pub(super) async fn take(core: &Core, code: &str, client: Option<&str>) -> Result<Asked, Error> {
    core.attempts.begin_from("headless code", client).await?;
    let code: String = code.chars().filter(char::is_ascii_alphanumeric).collect();
    let place = keys::headless(&bounded(&code)?.to_ascii_uppercase())?;
    let store = core.records.store();
    let item = match store.get(&place).await {
        Ok(item) => item,
        Err(store::Error::NotFound { .. }) => return Err(no_such_code()),
        Err(error) => return Err(fault::store(&error)),
    };
    match store.delete_if(&place, &item.revision).await {
        Ok(()) => {}
        Err(store::Error::NotFound { .. } | store::Error::Conflict { .. }) => {
            return Err(no_such_code());
        }
        Err(error) => return Err(fault::store(&error)),
    }
    serde_json::from_slice(&item.value).map_err(Error::internal)
}

/// Refuses to sign somebody in on a machine that asked for somebody else.
pub(super) fn refuse_another(asked: &Asked, name: &str) -> Result<(), Error> {
    let wanted = asked.headless.as_ref().and_then(|headless| headless.user.as_deref());
    match wanted {
        Some(wanted) if wanted != name => Err(Error::denied(format!(
            "the machine asks for the user {wanted:?}, and you are {name:?}"
        ))),
        _ => Ok(()),
    }
}

/// What came of a login, for the machine that asked.
pub(crate) async fn finish(core: &Core, request: &SsoFinish) -> Result<HeadlessFinished, Error> {
    let key = keys::login(bounded(&request.code)?)?;
    if let Step::Waiting { challenge } = kept::look(core, &key).await? {
        if !same(&digest(bounded(&request.verifier)?), &challenge) {
            return Err(Error::denied("this is not who began the sign-in"));
        }
        return Ok(HeadlessFinished::Waiting);
    }
    super::finish(core, request).await.map(|found| HeadlessFinished::Done(Box::new(found)))
}

/// Tells the machine what came of it; `who` decided, if that is known where nobody was signed in.
pub(super) async fn tell(
    core: &Core,
    asked: &Asked,
    outcome: Outcome,
    who: Option<&str>,
    browser: Option<&str>,
) -> Result<(), Error> {
    let Some(headless) = &asked.headless else { return Err(kept::dead()) };
    let (step, user) = match &outcome {
        Outcome::Local(admitted) => (HeadlessStep::Approved, Some(admitted.user())),
        Outcome::Accepted { account, .. } => (HeadlessStep::Approved, Some(account.name.as_str())),
        Outcome::Refused(_) | Outcome::Tested(_) => (HeadlessStep::Rejected, who),
    };
    record(core, headless, step, user, browser).await?;
    let (_waiting, seen) = kept::see(core, keys::login_at(&headless.place)?).await?;
    let done = Step::Done { challenge: asked.asker.challenge.clone(), outcome };
    // The machine asks every two seconds.
    let expires = headless.expires.min(core.clock.now() + CODE_LIFE);
    kept::replace(core, &seen, &done, expires).await
}

async fn record(
    core: &Core,
    headless: &Headless,
    step: HeadlessStep,
    user: Option<&str>,
    client: Option<&str>,
) -> Result<(), Error> {
    let user = user.or(headless.user.as_deref()).unwrap_or_default();
    let event = HeadlessLogin {
        step,
        user: Text::new(user),
        machine: Text::new(&headless.machine),
        expires: Moment(headless.expires),
        remote_addr: client,
    };
    match step {
        // Anybody can ask.
        HeadlessStep::Requested => core.audit.record_anonymous(&event).await,
        HeadlessStep::Approved | HeadlessStep::Rejected => core.audit.record(&event).await,
    }
}

/// What a machine says it is called, as it is shown.
pub(crate) fn machine_name(said: &str) -> String {
    said.chars().filter(|c| !plain::steers(*c)).take(MAX_MACHINE).collect()
}

fn new_code() -> String {
    use rand::seq::IndexedRandom as _;
    let mut rng = rand::rng();
    (0..LENGTH).filter_map(|_| LETTERS.choose(&mut rng)).map(|letter| char::from(*letter)).collect()
}

/// A code as people read it: in two halves.
fn grouped(code: &str) -> String {
    let (first, second) = code.split_at_checked(LENGTH / 2).unwrap_or((code, ""));
    format!("{first}-{second}")
}

fn no_such_code() -> Error {
    Error::not_found("there is no such code: it was mistyped, used, or is older than five minutes")
        .hint("run `tsh login --headless` again for a new one")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_read_as_they_are_written() {
        let code = new_code();
        assert_eq!(code.len(), LENGTH);
        assert!(code.bytes().all(|letter| LETTERS.contains(&letter)), "{code}");
        assert_ne!(code, new_code());
        assert_eq!(grouped("BCDFGHJK"), "BCDF-GHJK");
    }
}
