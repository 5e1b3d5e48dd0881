//! A second factor for one session: a user who has a certificate shows one of the devices anew, and gets a
//! certificate that is good for one app.
//!
//! What asks is a process on the user's machine, with the certificate of the sign-in and a key that it has just made
//! and keeps in memory. So who copies what a sign-in left on a disk has nothing of this, and what comes of it says
//! nothing that the certificate does not say, but for the device.
//!
//! Whoever has such a copy can ask as well, and send the link to the user. The page says what asks and from where; and
//! what comes of it is brought by the user's browser to the user's own machine ([`page`]), where nobody waits then.
//! Where there is no browser, a one-time code is typed where the session is to be ([`typed`]).

mod asker;
mod page;
mod wish;

use api::wire::{
    SessionCertificate, SessionMfaFinish, SessionMfaStart, SessionMfaStarted, SessionMfaTyped,
};
use api::{Error, ErrorKind};
use audit::event::Moment;
use audit::record::{SessionMfa, UserMetadata};
use audit::{Outcome, Text};
use pki::{SecondFactors, UserIdentity};
use serde_json::Value;

use self::asker::Asker;
use self::page::{AtPage, Came};
pub(crate) use self::page::{answer, read};
use self::wish::Wish;
use crate::caller::Caller;
use crate::core::Core;
use crate::cx::OpCx;
use crate::device::Factor;
use crate::factors::{self, Holder, Verified};
use crate::{certificate, events, locks, sign_in, sso};

/// Prepares a page.
pub(crate) async fn start(cx: &OpCx, request: SessionMfaStart) -> Result<SessionMfaStarted, Error> {
    let core = cx.core();
    let asker = Asker::of(cx)?;
    let wish = Wish::read(cx, &asker, request.wish)?;
    let holder = asker.holder(core).await?;
    refuse_without_device(core, &holder)?;
    let callback = page::check_callback(&request.callback)?;
    let challenge = sso::check_challenge(&request.challenge)?;
    core.logins.admit_user(&asker.user.name)?;
    let machine = sso::machine_name(&request.machine);
    AtPage::new(core, &asker, &holder, wish, (machine, cx.remote()), (callback, challenge))
        .create(core)
        .await
}

/// Certifies the key of who asked, and shows now what the browser brought.
pub(crate) async fn finish(
    cx: &OpCx,
    request: &SessionMfaFinish,
) -> Result<SessionCertificate, Error> {
    let core = cx.core();
    let asker = Asker::of(cx)?;
    let done = page::collect(core, &asker, request).await?;
    let device = match done.came {
        Came::Approved { device } => device,
        Came::Rejected => return Err(Error::denied("it was rejected in the browser")),
    };
    let holder = asker.holder(core).await?;
    let verified = Verified { handle: done.handle, ..holder.verified(Some(device)) };
    // What has become known since it was shown counts, and what is taken here now.
    if !holder.stands_by(&verified) || !takes(core, &holder, verified.device.as_deref()) {
        return Err(page::dead());
    }
    certify(cx, &asker, &done.wish, &verified, Some(&done.machine)).await
}

/// Certifies the key of who types a code.
pub(crate) async fn typed(
    cx: &OpCx,
    request: SessionMfaTyped,
) -> Result<SessionCertificate, Error> {
    let core = cx.core();
    let asker = Asker::of(cx)?;
    let wish = Wish::read(cx, &asker, request.wish)?;
    let holder = asker.holder(core).await?;
    refuse_without_device(core, &holder)?;
    let shown = Shown { code: Some(&request.code), key: None, client: cx.remote() };
    let verified = show(core, holder, &wish, "", shown).await?;
    certify(cx, &asker, &wish, &verified, None).await
}

/// What is shown, and where.
struct Shown<'a> {
    code: Option<&'a str>,
    key: Option<&'a Value>,
    client: Option<String>,
}

/// The user, by one of the devices, as it is shown at the place that `scope` names. Codes for when a device is lost
/// prove none. Failures count as those of signing in.
async fn show(
    core: &Core,
    holder: Holder,
    wish: &Wish,
    scope: &str,
    shown: Shown<'_>,
) -> Result<Verified, Error> {
    let Shown { code, key, client } = shown;
    let (name, client) = (holder.user.name().to_owned(), client.as_deref());
    let outcome = match (key, code.filter(|code| !code.is_empty())) {
        (Some(key), None) => factors::shown_key(core, scope, key).await.1,
        (None, Some(code)) => {
            core.attempts.begin(&name, client).await?;
            let takes_codes = core.sign_in_policy().codes;
            let found = if takes_codes { holder.spend_code(core, code).await? } else { None };
            found.ok_or_else(wrong)
        }
        _ => return Err(Error::invalid("show a second factor that you have")),
    };
    let outcome = outcome.and_then(|verified| {
        sign_in::refuse(core, &verified)?;
        let is_shown = verified.user.name() == name && verified.device.is_some();
        if is_shown { Ok(verified) } else { Err(wrong()) }
    });
    match outcome {
        Ok(verified) => {
            core.attempts.succeeded(&name, client).await?;
            Ok(verified)
        }
        Err(error) => {
            let user = UserMetadata::named(&name);
            let failure = Outcome::Failure(Text::new(error.message()));
            core.audit.record(&wish.event(&user, failure, client)).await?;
            Err(error)
        }
    }
}

/// Certifies a key as that of the caller in a session, of which nothing else is said than what is certified already.
async fn certify(
    cx: &OpCx,
    asker: &Asker<'_>,
    wish: &Wish,
    verified: &Verified,
    machine: Option<&str>,
) -> Result<SessionCertificate, Error> {
    let core = cx.core();
    let now = core.clock.now();
    let device = verified.device.clone().ok_or_else(wrong)?;
    let ends = [verified.user.spec.expires, verified.user.metadata.expires];
    let expires = ends.into_iter().flatten().fold(asker.user.expires, Ord::min);
    if expires <= now {
        return Err(Error::new(ErrorKind::Unauthenticated, "the certificate has expired")
            .hint("sign in again with `tsh login`"));
    }
    let mfa = SecondFactors { for_session: Some(device.clone()), ..asker.user.mfa.clone() };
    let app = Some(wish.bound_app());
    let identity = UserIdentity { mfa, app, issued: now, expires, ..asker.user.as_ref().clone() };
    sign_in::refuse(core, verified)?;
    locks::refuse_identity(&core.replica.snapshot(), now, &identity)?;
    let certificate = certificate::seal(core, wish.key(), &identity)?;
    let user = events::actor(&Caller::User(asker.user.clone()));
    let remote = cx.remote();
    let event = SessionMfa {
        machine: machine.map(Text::new),
        with_mfa: Some(&device),
        expires: Some(Moment(expires)),
        ..wish.event(&user, Outcome::Success, remote.as_deref())
    };
    core.audit.record(&event).await?;
    Ok(SessionCertificate { certificate: certificate.to_pem(), valid_until: expires })
}

/// Whether a device of a user is one that is taken here.
fn takes(core: &Core, holder: &Holder, device: Option<&str>) -> bool {
    let policy = core.sign_in_policy();
    let known = holder.credentials.devices.iter().find(|one| Some(one.id.as_str()) == device);
    policy.local
        && known.is_some_and(|known| match known.factor {
            Factor::Totp { .. } => policy.codes,
            Factor::Key(_) => policy.keys,
        })
}

/// Refuses a user who has nothing to show, or nothing that is taken here.
fn refuse_without_device(core: &Core, holder: &Holder) -> Result<(), Error> {
    let mut devices = holder.credentials.devices.iter();
    if devices.any(|device| takes(core, holder, Some(&device.id))) {
        return Ok(());
    }
    Err(Error::denied("you have no device that can be shown as a second factor here")
        .hint("add one: tsh mfa add"))
}

fn wrong() -> Error {
    Error::new(ErrorKind::Unauthenticated, "this is not right")
        .hint("a one-time code is good once; wait for the next one")
}
