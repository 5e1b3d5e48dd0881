//! Links by which users set what they sign in with: once, for a limited time.
//!
//! The token in the link is the whole permission. The store knows its hash only.

use api::Error;
use api::wire::{
    Enrolled, Invite, InviteAnswer, InviteDetails, InvitePurpose, InviteRequest, KeyUse, KeyWanted,
    TotpEnrolment,
};
use audit::event::Moment;
use audit::record::{PasswordChange, ResetPasswordTokenCreate, UserMetadata};
use bytes::Bytes;
use resource::{Kind, Resource, Secret, User};
use serde::{Deserialize, Serialize};
use store::{Item, Write};
use time::Duration;
use uuid::Uuid;

use crate::ceremony::{self, Question};
use crate::core::{Core, SignInPolicy};
use crate::credentials::Credentials;
use crate::cx::{OpCx, Target};
use crate::device::{Device, Factor};
use crate::factors::hash_fault;
use crate::removed_devices::RemovedDevices;
use crate::verb::Verb;
use crate::webauthn::{Holder, RelyingParty};
use crate::{bot, events, fault, keys, oauth, password, recovery, sso, totp};

/// How long an invite works by default, and at most.
const INVITE_TTL: (Duration, Duration) = (Duration::hours(1), Duration::hours(48));
/// How long a reset link works by default, and at most.
const RESET_TTL: (Duration, Duration) = (Duration::hours(8), Duration::hours(24));

/// An invite as it is stored.
#[derive(Serialize, Deserialize)]
struct Pending {
    user: String,
    purpose: InvitePurpose,
    /// The secret of the authenticator app that the user may set up, base32.
    totp_secret: String,
    /// What security keys are to call the user.
    #[serde(default)]
    handle: Option<Uuid>,
}

/// Makes a link. A reset takes the old credentials away at once.
pub(crate) async fn create(
    cx: &OpCx,
    name: &str,
    request: &InviteRequest,
) -> Result<Invite, Error> {
    let verb = match request.purpose {
        InvitePurpose::Invite => Verb::Create,
        InvitePurpose::Reset => Verb::Update,
    };
    let core = cx.core();
    let user = core.records.find(Kind::User, name).await?;
    cx.authorize(verb, Kind::User, Target::found(user.as_ref(), name))?;
    let Some(Resource::User(user)) = user else {
        return Err(Error::not_found(Kind::User.not_found(name)));
    };
    bot::refuse_bot(&user)?;
    if let Some(origin) = sso::origin_of(&user) {
        return Err(Error::invalid(format!(
            "user {name:?} signs in through the connector {:?} and has no password here",
            origin.connector
        )));
    }
    let expires = core.clock.now() + ttl(request)?;
    // Links first: one that is answered after this makes the write below fail, and what one left
    // that was answered before is found by the next line.
    let mut writes = removals(core, name).await?;
    let (old, devices) = Credentials::removal(core.records.store(), name).await?;
    if request.purpose == InvitePurpose::Invite && !old.is_empty() {
        return Err(Error::new(
            api::ErrorKind::AlreadyExists,
            format!("user {name:?} has set credentials already"),
        )
        .hint(format!("`tctl users reset {name}` takes them away and makes a new link")));
    }
    let actor = events::actor(cx.caller());
    let event = ResetPasswordTokenCreate { actor: &actor, name, expires: Moment(expires) };
    core.audit.record(&event).await?;
    let removed = RemovedDevices::of(core, name, &devices, &cx.caller().name());
    removed.record(core, &actor).await?;

    let token = hex::encode(rand::random::<[u8; 32]>());
    let pending = Pending {
        user: name.to_owned(),
        purpose: request.purpose,
        totp_secret: totp::generate().expose().clone(),
        handle: Some(Uuid::new_v4()),
    };
    let value = Bytes::from(serde_json::to_vec(&pending).map_err(Error::internal)?);
    writes.push(Write::create(keys::invite(&token)?, value, Some(expires)));
    writes.extend(old);
    let mut all = removed.writes(core)?;
    all.extend(writes);
    let written = core.records.store().write(all).await.map_err(|error| match error {
        store::Error::Conflict { .. }
        | store::Error::NotFound { .. }
        | store::Error::AlreadyExists { .. } => crate::records::conflict(Kind::User, name),
        error => fault::store(&error),
    });
    match written {
        Ok(revisions) => {
            removed.settle(core, &revisions).await;
            if request.purpose == InvitePurpose::Reset {
                // None is good for anything any more: its credentials are not there.
                oauth::end_all_of(core, name, "the user was reset").await?;
            }
        }
        Err(error) => {
            removed.did_not_happen(core, &actor, &error).await;
            return Err(error);
        }
    }
    Ok(Invite { url: url(core, &token), token, user: name.to_owned(), expires })
}

/// What the page behind a link shows.
pub(crate) async fn read(core: &Core, token: &str) -> Result<InviteDetails, Error> {
    let (pending, _item) = find(core, token).await?;
    let policy = core.sign_in_policy();
    let totp = if policy.codes { Some(enrolment(core, &pending)?) } else { None };
    let keys =
        if policy.keys { questions(core, token, &pending, policy).await? } else { Vec::new() };
    if policy.second_factor && totp.is_none() && keys.is_empty() {
        return Err(Error::unavailable(
            "this cluster demands a security key, and keys cannot be used at its address",
        )
        .hint("an administrator sets public_addr of the proxy, or webauthn.rp_id"));
    }
    Ok(InviteDetails {
        user: pending.user,
        purpose: pending.purpose,
        cluster: core.cluster.clone(),
        totp,
        keys,
        password_suffices: !policy.second_factor,
    })
}

fn enrolment(core: &Core, pending: &Pending) -> Result<TotpEnrolment, Error> {
    totp::shown(&Secret::new(pending.totp_secret.clone()), &core.cluster, &pending.user)
}

/// What a new security key is asked, for each use that it may be put to.
async fn questions(
    core: &Core,
    token: &str,
    pending: &Pending,
    policy: SignInPolicy,
) -> Result<Vec<KeyWanted>, Error> {
    let (Some(party), Some(handle)) = (RelyingParty::of(core).await?, pending.handle) else {
        return Ok(Vec::new());
    };
    let holder = Holder { name: &pending.user, handle };
    let mut wanted = Vec::new();
    for purpose in [KeyUse::SecondFactor, KeyUse::Passkey] {
        if purpose == KeyUse::Passkey && !policy.passwordless {
            continue;
        }
        let (options, registering) = party.register(holder, &[], purpose)?;
        let question = Question::Register(registering);
        ceremony::ask(core, &scope(token), Some(&pending.user), &options, question).await?;
        wanted.push(KeyWanted { purpose, options });
    }
    Ok(wanted)
}

/// Questions to keys are for the page behind this link alone.
fn scope(token: &str) -> String {
    format!("invite {token}")
}

/// Sets the credentials of the invited user; the link is used up.
pub(crate) async fn answer(
    cx: &OpCx,
    token: &str,
    answer: InviteAnswer,
) -> Result<Enrolled, Error> {
    let core = cx.core();
    let (pending, item) = find(core, token).await?;
    if let Some(password) = &answer.password {
        password::check(&pending.user, password).map_err(Error::invalid)?;
    }
    let device = device(core, token, &pending, &answer).await?;
    let InviteAnswer { password, client_addr, .. } = answer;
    let policy = core.sign_in_policy();
    let is_enough = device.as_ref().is_some_and(Device::is_passkey) && policy.passwordless;
    if password.is_none() && !is_enough {
        return Err(Error::invalid("choose a password"));
    }
    let user = find_user(core, &pending.user).await?.ok_or_else(dead_link)?;
    let password_hash = match password {
        Some(password) => {
            let hashed = core.passwords.hash(Secret::new(password)).await;
            Some(hashed.map_err(|error| hash_fault(&error))?)
        }
        None => None,
    };
    let has_password = password_hash.is_some();
    let (shown, kept) = if policy.recovery && has_password {
        recovery::generate(core).await?
    } else {
        (Vec::new(), Vec::new())
    };
    let credentials = Credentials {
        password_hash,
        devices: device.into_iter().collect(),
        handle: pending.handle.unwrap_or_else(Uuid::new_v4),
        recovery: kept,
        set_at: core.clock.now(),
    };
    record(core, &user, &credentials, client_addr.as_deref()).await?;
    // The condition on the link makes it work once, whoever else answers at the same moment.
    let mut writes = vec![Write::delete_if(item.key, item.revision)];
    // No link is made while there are credentials. If there are some now, two links were made at
    // once and the other one was answered.
    writes.extend(credentials.create(&pending.user)?);
    core.records.store().write(writes).await.map_err(|error| match error {
        store::Error::NotFound { .. }
        | store::Error::Conflict { .. }
        | store::Error::AlreadyExists { .. } => dead_link(),
        error => fault::store(&error),
    })?;
    Ok(Enrolled { recovery_codes: shown })
}

/// The device that an answer sets up.
async fn device(
    core: &Core,
    token: &str,
    pending: &Pending,
    answer: &InviteAnswer,
) -> Result<Option<Device>, Error> {
    let policy = core.sign_in_policy();
    let code = answer.totp.as_deref().filter(|code| !code.is_empty());
    let factor = match (code, &answer.key) {
        (Some(code), None) if policy.codes => {
            let secret = Secret::new(pending.totp_secret.clone());
            let last_step = totp::verify(&secret, code, core.clock.now())
                .map_err(Error::internal)?
                .ok_or_else(|| Error::invalid("the one-time code does not fit"))?;
            Factor::Totp { secret: pending.totp_secret.clone(), last_step }
        }
        (None, Some(key)) if policy.keys => {
            let asked = ceremony::take(core, &scope(token), key).await?;
            let Question::Register(registering) = asked.question else {
                return Err(Error::invalid("the key answered another question"));
            };
            let party = RelyingParty::need(core).await?;
            let key = party.registered(&registering, key).map_err(|error| {
                Error::invalid(format!("the key cannot be registered: {error}"))
            })?;
            party.remember(core).await?;
            Factor::Key(Box::new(key))
        }
        (None, None) if !policy.second_factor => return Ok(None),
        (None, None) => return Err(Error::invalid("set up a second factor")),
        _ => return Err(Error::invalid("set up one second factor, of a kind that is taken here")),
    };
    Device::new(answer.device_name.as_deref(), factor, core.clock.now()).map(Some)
}

async fn record(
    core: &Core,
    user: &User,
    credentials: &Credentials,
    client: Option<&str>,
) -> Result<(), Error> {
    let who = UserMetadata::named(user.name());
    if credentials.password_hash.is_some() {
        core.audit.record(&PasswordChange { user: &who, remote_addr: client }).await?;
    }
    for device in &credentials.devices {
        device.record_addition(core, &who).await?;
    }
    if !credentials.recovery.is_empty() {
        recovery::record(core, &who).await?;
    }
    Ok(())
}

/// The writes that take a user's links away.
pub(crate) async fn removals(core: &Core, user: &str) -> Result<Vec<Write>, Error> {
    let all = core.records.store().range(&keys::invites()?).await;
    let all = all.map_err(|error| fault::store(&error))?;
    Ok(all
        .items
        .into_iter()
        .filter(|item| decode(item).is_ok_and(|pending| pending.user == user))
        .map(|item| Write::delete_if(item.key, item.revision))
        .collect())
}

async fn find(core: &Core, token: &str) -> Result<(Pending, Item), Error> {
    let item = match core.records.store().get(&keys::invite(token)?).await {
        Ok(item) => item,
        Err(store::Error::NotFound { .. }) => return Err(dead_link()),
        Err(error) => return Err(fault::store(&error)),
    };
    let pending = decode(&item)?;
    find_user(core, &pending.user).await?.ok_or_else(dead_link)?;
    Ok((pending, item))
}

async fn find_user(core: &Core, name: &str) -> Result<Option<User>, Error> {
    match core.records.find(Kind::User, name).await? {
        Some(Resource::User(user)) => Ok(Some(user)),
        _ => Ok(None),
    }
}

fn decode(item: &Item) -> Result<Pending, Error> {
    serde_json::from_slice(&item.value).map_err(Error::internal)
}

fn dead_link() -> Error {
    Error::not_found("this link is not valid: it was used, has expired, or never existed")
        .hint("ask your administrator for a new one")
}

fn ttl(request: &InviteRequest) -> Result<Duration, Error> {
    let (default, most) = match request.purpose {
        InvitePurpose::Invite => INVITE_TTL,
        InvitePurpose::Reset => RESET_TTL,
    };
    let Some(seconds) = request.ttl_seconds else { return Ok(default) };
    match i64::try_from(seconds).map(Duration::seconds) {
        Ok(ttl) if ttl.is_positive() && ttl <= most => Ok(ttl),
        _ => Err(Error::invalid(format!(
            "such a link works for at least a second and at most {} hours",
            most.whole_hours()
        ))),
    }
}

/// The whole link, at the first proxy that is up.
fn url(core: &Core, token: &str) -> Option<String> {
    let snapshot = core.replica.snapshot();
    let proxy = snapshot.proxies.values().find(|proxy| !proxy.spec.public_addr.is_empty())?;
    Some(format!("https://{}/web/invite/{token}", proxy.spec.public_addr))
}
