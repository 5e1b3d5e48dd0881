//! Links by which users set their password and second factor: once, for a limited time.
//!
//! The token in the link is the whole permission. The store knows its hash only.

use api::Error;
use api::wire::{Invite, InviteAnswer, InviteDetails, InvitePurpose, InviteRequest};
use audit::Text;
use audit::event::Moment;
use audit::record::{MfaDeviceAdd, PasswordChange, ResetPasswordTokenCreate, UserMetadata};
use bytes::Bytes;
use resource::{Kind, Resource, Secret, User};
use serde::{Deserialize, Serialize};
use store::{Item, Write};
use time::Duration;
use uuid::Uuid;

use crate::core::Core;
use crate::credentials::{Credentials, Device};
use crate::cx::{OpCx, Target};
use crate::sign_in::hash_fault;
use crate::verb::Verb;
use crate::{events, fault, keys, password, sso, totp};

/// How long an invite works by default, and at most.
const INVITE_TTL: (Duration, Duration) = (Duration::hours(1), Duration::hours(48));
/// How long a reset link works by default, and at most.
const RESET_TTL: (Duration, Duration) = (Duration::hours(8), Duration::hours(24));

/// An invite as it is stored.
#[derive(Serialize, Deserialize)]
struct Pending {
    user: String,
    purpose: InvitePurpose,
    /// The second factor that the user is about to set up, base32.
    totp_secret: String,
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
    let old = Credentials::removal(core.records.store(), name).await?;
    if request.purpose == InvitePurpose::Invite && old.is_some() {
        return Err(Error::new(
            api::ErrorKind::AlreadyExists,
            format!("user {name:?} has set credentials already"),
        )
        .hint(format!("`tctl users reset {name}` takes them away and makes a new link")));
    }
    let actor = events::actor(cx.caller());
    let event = ResetPasswordTokenCreate { actor: &actor, name, expires: Moment(expires) };
    core.audit.record(&event).await?;

    let token = hex::encode(rand::random::<[u8; 32]>());
    let pending = Pending {
        user: name.to_owned(),
        purpose: request.purpose,
        totp_secret: totp::generate().expose().clone(),
    };
    let value = Bytes::from(serde_json::to_vec(&pending).map_err(Error::internal)?);
    writes.push(Write::create(keys::invite(&token)?, value, Some(expires)));
    writes.extend(old);
    core.records.store().write(writes).await.map_err(|error| match error {
        store::Error::Conflict { .. } | store::Error::NotFound { .. } => {
            crate::records::conflict(Kind::User, name)
        }
        error => fault::store(&error),
    })?;
    Ok(Invite { url: url(core, &token), token, user: name.to_owned(), expires })
}

/// What the page behind a link shows.
pub(crate) async fn read(core: &Core, token: &str) -> Result<InviteDetails, Error> {
    let (pending, _item) = find(core, token).await?;
    let secret = Secret::new(pending.totp_secret.clone());
    let shown = totp::enrolment(&secret, &core.cluster, &pending.user).map_err(Error::internal)?;
    Ok(InviteDetails {
        user: pending.user,
        purpose: pending.purpose,
        cluster: core.cluster.clone(),
        totp_secret: shown.secret.expose().clone(),
        totp_url: shown.url.expose().clone(),
        totp_qr_svg: shown.qr_svg.expose().clone(),
    })
}

/// Sets the credentials of the invited user; the link is used up.
pub(crate) async fn answer(cx: &OpCx, token: &str, answer: InviteAnswer) -> Result<(), Error> {
    let InviteAnswer { password, totp: code, client_addr } = answer;
    let core = cx.core();
    let (pending, item) = find(core, token).await?;
    password::check(&pending.user, &password).map_err(Error::invalid)?;
    let secret = Secret::new(pending.totp_secret.clone());
    let step = totp::verify(&secret, &code, core.clock.now())
        .map_err(Error::internal)?
        .ok_or_else(|| Error::invalid("the one-time code does not fit"))?;
    let user = find_user(core, &pending.user).await?.ok_or_else(dead_link)?;
    let hashed = core.passwords.hash(Secret::new(password)).await;
    let credentials = Credentials {
        password_hash: hashed.map_err(|error| hash_fault(&error))?,
        device: Some(Device {
            id: Uuid::new_v4().to_string(),
            secret: pending.totp_secret,
            last_step: step,
        }),
        set_at: core.clock.now(),
    };
    record(core, &user, &credentials, client_addr.as_deref()).await?;
    // The condition on the link makes it work once, whoever else answers at the same moment.
    let spent = Write::delete_if(item.key, item.revision);
    // No link is made while there are credentials. If there are some now, two links were made at
    // once and the other one was answered.
    let writes = vec![spent, credentials.create(&pending.user)?];
    core.records.store().write(writes).await.map_err(|error| match error {
        store::Error::NotFound { .. }
        | store::Error::Conflict { .. }
        | store::Error::AlreadyExists { .. } => dead_link(),
        error => fault::store(&error),
    })?;
    Ok(())
}

async fn record(
    core: &Core,
    user: &User,
    credentials: &Credentials,
    client: Option<&str>,
) -> Result<(), Error> {
    let who = UserMetadata::named(user.name());
    core.audit.record(&PasswordChange { user: &who, remote_addr: client }).await?;
    let Some(device) = &credentials.device else { return Ok(()) };
    let event = MfaDeviceAdd {
        user: &who,
        mfa_device_name: Text::new("authenticator"),
        mfa_device_uuid: &device.id,
        mfa_device_type: "TOTP",
    };
    core.audit.record(&event).await
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
