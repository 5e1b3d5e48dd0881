//! The devices of a user: which there are, adding one, removing one.
//!
//! A change needs one of the factors that the user has already: who has come by a certificate alone must not be
//! able to make a device of their own good. It is begun by `tsh`, with the user's certificate, and finished
//! there by typing codes, or at a page, in the one browser that opened it first.

mod change;
mod finish;

use api::wire::{
    MfaAnswer, MfaAnswered, MfaBegin, MfaBegun, MfaDevice, MfaDeviceKind, MfaDevices, MfaPage,
    MfaRead, MfaStage,
};
use api::{Error, ErrorKind};
use resource::Secret;

use self::change::{Action, Change, Place};
use self::finish::finish;
use crate::caller::Caller;
use crate::ceremony::{self, Question};
use crate::core::{Core, SignInPolicy};
use crate::credentials::Credentials;
use crate::cx::OpCx;
use crate::device::{Device, Factor, MAX_DEVICES};
use crate::factors::{self, Holder, Verified};
use crate::webauthn::{self, RelyingParty};
use crate::{events, recovery, removed_devices, sign_in, sso, totp};

/// The caller's devices.
pub(crate) async fn list(cx: &OpCx) -> Result<MfaDevices, Error> {
    let holder = own(cx).await?;
    Ok(MfaDevices { devices: holder.credentials.devices.iter().map(shown).collect() })
}

/// Prepares a change of the caller's devices.
pub(crate) async fn begin(cx: &OpCx, request: MfaBegin) -> Result<MfaBegun, Error> {
    let core = cx.core();
    let holder = own(cx).await?;
    let policy = core.sign_in_policy();
    let action = match request {
        MfaBegin { kind: Some(kind), name, .. } => {
            admit_addition(policy, kind, &holder.credentials, name.as_deref())?;
            Action::Add { kind, name, secret: totp::generate().expose().clone() }
        }
        MfaBegin { remove: Some(device), .. } => {
            let device = named(&holder.credentials, &device)?;
            refuse_last(policy, &holder.credentials, &device.id)?;
            removed_devices::refuse_many(core, holder.user.name())?;
            Action::Remove { device: device.id.clone(), name: device.name.clone() }
        }
        MfaBegin { .. } => return Err(Error::invalid("neither add nor remove a device?")),
    };
    core.logins.admit_user(holder.user.name())?;
    let place = if request.terminal { Place::Terminal(session(cx)?) } else { Place::Nowhere };
    let change = Change::new(core, &holder, cx.remote(), action, place);
    let totp = match (&change.action, request.terminal) {
        (Action::Add { kind: MfaDeviceKind::Totp, secret, .. }, true) => {
            Some(change.enrolment(core, secret)?)
        }
        _ => None,
    };
    let token = change.create(core).await?;
    let url = sso::page_url(core, &format!("mfa/{token}"))?;
    Ok(MfaBegun {
        url,
        totp,
        device: change.device_id().to_owned(),
        has_devices: !holder.credentials.devices.is_empty(),
        expires: change.expires,
        token,
    })
}

/// What the page of a change shows, to the browser that opened it first.
pub(crate) async fn read(core: &Core, token: &str, read: &MfaRead) -> Result<MfaPage, Error> {
    let (change, _revision) = Change::at_page(core, token, &read.binding).await?;
    let holder = holder_of(core, &change).await?;
    let policy = core.sign_in_policy();
    let scope = change::scope(token);
    let stage = if change.verified {
        match &change.action {
            Action::Add { kind: MfaDeviceKind::Totp, secret, .. } => {
                MfaStage::Totp { totp: change.enrolment(core, secret)? }
            }
            Action::Add { kind, .. } => {
                let options = ask_new(core, &scope, &holder, *kind).await?;
                MfaStage::Key { options }
            }
            Action::Remove { .. } => return Err(change::dead()),
        }
    } else {
        core.logins.admit_user(holder.user.name())?;
        let key = if policy.keys { factors::ask_key(core, &scope, &holder).await? } else { None };
        let has_app =
            holder.credentials.devices.iter().any(|d| matches!(d.factor, Factor::Totp { .. }));
        MfaStage::Verify {
            codes: (policy.codes && has_app) || !holder.credentials.recovery.is_empty(),
            key,
            password: holder.credentials.devices.is_empty(),
        }
    };
    Ok(MfaPage {
        user: change.user.clone(),
        adds: matches!(change.action, Action::Add { .. }),
        device: change.device_name().to_owned(),
        client_addr: change.client.clone(),
        stage,
    })
}

/// Takes what a person showed at the page.
pub(crate) async fn answer(
    core: &Core,
    token: &str,
    answer: MfaAnswer,
) -> Result<MfaAnswered, Error> {
    let (change, revision) = Change::at_page(core, token, &answer.binding).await?;
    if change.verified {
        let done = finish(core, token, change, &answer).await?;
        return Ok(MfaAnswered { done: Some(done) });
    }
    let device = verify(core, token, &change, &answer).await?;
    if matches!(change.action, Action::Remove { .. }) {
        let done = finish(core, token, change, &answer).await?;
        return Ok(MfaAnswered { done: Some(done) });
    }
    change.verified(core, token, device, revision).await?;
    Ok(MfaAnswered { done: None })
}

/// Takes what the caller typed: a factor that is there, and what proves the new one.
pub(crate) async fn answer_typed(
    cx: &OpCx,
    token: &str,
    answer: MfaAnswer,
) -> Result<MfaAnswered, Error> {
    let core = cx.core();
    // Where somebody is, only a proxy may say for others.
    let answer = MfaAnswer { client_addr: None, ..answer };
    let change = Change::at_terminal(core, token, &session(cx)?).await?;
    if change.user != own(cx).await?.user.name() {
        return Err(change::dead());
    }
    verify(core, token, &change, &answer).await?;
    let done = finish(core, token, change, &answer).await?;
    Ok(MfaAnswered { done: Some(done) })
}

/// Whether one of the user's own factors was shown, by somebody who might sign in with it; gives the device.
/// Failures count as those of signing in.
async fn verify(
    core: &Core,
    token: &str,
    change: &Change,
    answer: &MfaAnswer,
) -> Result<Option<String>, Error> {
    let client = answer.client_addr.as_deref().or(change.client.as_deref());
    let policy = core.sign_in_policy();
    let holder = holder_of(core, change).await?;
    let nobody_yet = holder.verified(None);
    let has_devices = !holder.credentials.devices.is_empty();
    let code = answer.code.as_deref().filter(|code| !code.is_empty());
    let outcome = match (&answer.key, code, &answer.password) {
        (Some(key), None, _) => {
            let shown = factors::shown_key(core, &change::scope(token), key).await.1;
            shown.map(|verified| verified.device)
        }
        (None, Some(code), _) => {
            core.attempts.begin(&change.user, client).await?;
            let device = match recovery::normal(code) {
                Some(code) if policy.recovery => {
                    recovery::spend(core, holder, &code, client).await?.then_some(None)
                }
                None if policy.codes => {
                    holder.spend_code(core, code).await?.map(|verified| verified.device)
                }
                _ => None,
            };
            device.ok_or_else(wrong_factor)
        }
        (None, None, Some(password)) if !has_devices => {
            core.attempts.begin(&change.user, client).await?;
            let password = Secret::new(password.clone());
            let checked = core.passwords.verify(holder.credentials.password_hash, password).await;
            match checked.map_err(|error| factors::hash_fault(&error))? {
                true => Ok(None),
                false => Err(wrong_factor()),
            }
        }
        _ => return Err(Error::invalid("show a second factor that you have")),
    };
    let outcome = outcome.and_then(|device| {
        let verified = Verified { device, ..nobody_yet };
        sign_in::refuse(core, &verified).map(|()| verified.device)
    });
    match outcome {
        Ok(device) => {
            core.attempts.succeeded(&change.user, client).await?;
            Ok(device)
        }
        Err(error) => {
            events::login_failed(&core.audit, Some(&change.user), client, &error).await?;
            Err(error)
        }
    }
}

/// What a new key is asked.
async fn ask_new(
    core: &Core,
    scope: &str,
    holder: &Holder,
    kind: MfaDeviceKind,
) -> Result<serde_json::Value, Error> {
    let party = RelyingParty::need(core).await?;
    let known: Vec<_> = holder.credentials.keys().map(|(_device, key)| key).collect();
    let name = holder.user.name();
    let person = webauthn::Holder { name, handle: holder.credentials.handle };
    let (options, registering) = party.register(person, &known, kind.key_use())?;
    let question = Question::Register(registering);
    ceremony::ask(core, scope, Some(name), &options, question).await?;
    Ok(options)
}

fn admit_addition(
    policy: SignInPolicy,
    kind: MfaDeviceKind,
    credentials: &Credentials,
    name: Option<&str>,
) -> Result<(), Error> {
    let is_taken = match kind {
        MfaDeviceKind::Totp => policy.codes,
        MfaDeviceKind::Key => policy.keys,
        MfaDeviceKind::Passkey => policy.passwordless,
    };
    if !is_taken {
        return Err(Error::denied("this cluster does not take such devices")
            .hint("an administrator allows them: second_factors of cluster_auth_preference"));
    }
    if credentials.devices.len() >= MAX_DEVICES {
        return Err(Error::invalid(format!("you have {MAX_DEVICES} devices, as many as may be"))
            .hint("remove one: tsh mfa rm NAME"));
    }
    if credentials.devices.iter().any(|device| Some(device.name.as_str()) == name) {
        return Err(Error::new(
            ErrorKind::AlreadyExists,
            format!("you have a device {:?} already", name.unwrap_or_default()),
        )
        .hint("give another name: --name=NAME"));
    }
    Ok(())
}

/// Refuses to take away what a user could not sign in without.
fn refuse_last(policy: SignInPolicy, credentials: &Credentials, gone: &str) -> Result<(), Error> {
    let mut rest = credentials.devices.iter().filter(|device| device.id != gone);
    let is_left = if credentials.password_hash.is_some() {
        !policy.second_factor
            || rest.any(|device| match &device.factor {
                Factor::Totp { .. } => policy.codes,
                Factor::Key(_) => policy.keys,
            })
    } else {
        rest.any(Device::is_passkey)
    };
    if is_left {
        return Ok(());
    }
    Err(Error::denied("this is the last device that you can sign in with")
        .hint("add another one first: tsh mfa add"))
}

/// The device that a user means by a name, or by its identifier.
fn named<'a>(credentials: &'a Credentials, text: &str) -> Result<&'a Device, Error> {
    let all = &credentials.devices;
    all.iter().find(|device| device.name == text || device.id == text).ok_or_else(|| {
        let names: Vec<&str> = all.iter().map(|device| device.name.as_str()).collect();
        let error = Error::not_found(format!("you have no device {text:?}"));
        if names.is_empty() { error } else { error.hint(format!("you have: {}", names.join(", "))) }
    })
}

/// The user, with the credentials that the change was begun under: those of after a reset are others.
async fn holder_of(core: &Core, change: &Change) -> Result<Holder, Error> {
    let holder = Holder::find(core, &change.user).await?;
    holder.filter(|holder| change.is_of(&holder.credentials)).ok_or_else(change::dead)
}

/// The caller, who is a local user with credentials.
async fn own(cx: &OpCx) -> Result<Holder, Error> {
    let Caller::User(user) = cx.caller() else {
        return Err(Error::denied("only users have devices"));
    };
    Holder::find(cx.core(), &user.name).await?.ok_or_else(|| {
        Error::denied("you do not sign in with a password or a key of this cluster")
            .hint("your identity provider keeps your devices")
    })
}

/// What names the caller's sign-in.
fn session(cx: &OpCx) -> Result<String, Error> {
    match cx.caller() {
        Caller::User(user) => Ok(user.login_id.clone()),
        _ => Err(Error::denied("only users have devices")),
    }
}

fn shown(device: &Device) -> MfaDevice {
    MfaDevice {
        id: device.id.clone(),
        name: device.name.clone(),
        kind: match &device.factor {
            Factor::Totp { .. } => MfaDeviceKind::Totp,
            Factor::Key(_) if device.is_passkey() => MfaDeviceKind::Passkey,
            Factor::Key(_) => MfaDeviceKind::Key,
        },
        added_at: device.added_at,
        last_used: device.last_used,
    }
}

fn wrong_factor() -> Error {
    Error::new(ErrorKind::Unauthenticated, "this is not right")
        .hint("a one-time code is good once; wait for the next one")
}
