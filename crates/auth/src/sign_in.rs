//! Signing in with a password and a one-time code.
//!
//! Whatever is wrong, the work is the same and so is the answer: neither tells whether a user
//! exists or which factor failed.

use api::wire::{SignInRequest, UserCredentials};
use api::{Error, ErrorKind};
use audit::record::UserMetadata;
use pki::PublicKey;
use resource::{Kind, Resource, Secret, User};
use store::Revision;

use crate::certificate::{self, Ticket};
use crate::core::Core;
use crate::credentials::Credentials;
use crate::cx::OpCx;
use crate::password::{self, HashError};
use crate::{events, fault, locks, sso, totp, user};

/// The longest name that is looked up.
const MAX_USER: usize = 255;
/// What the codes of users without a second factor are checked against.
const NOBODYS_DEVICE: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

/// What a person typed.
struct Attempt {
    user: String,
    password: Secret<String>,
    code: Option<String>,
    client: Option<String>,
}

/// A user whose every factor was right.
struct Verified {
    user: User,
    /// The device whose code was used.
    device: Option<String>,
}

/// Signs a user in and certifies the key that came along.
pub(crate) async fn sign_in(cx: &OpCx, request: SignInRequest) -> Result<UserCredentials, Error> {
    let SignInRequest { user, password, totp, public_key, ttl_seconds, client_addr } = request;
    let key = certificate::read_key(&public_key)?;
    let attempt =
        Attempt { user, password: Secret::new(password), code: totp, client: client_addr };
    if attempt.user.is_empty()
        || attempt.user.len() > MAX_USER
        || attempt.password.expose().len() > password::MAX_BYTES
    {
        return Err(rejected());
    }
    match admit(cx.core(), &attempt, &key, ttl_seconds).await {
        Ok(credentials) => Ok(credentials),
        Err(error) => {
            let (user, client) = (attempt.user.as_str(), attempt.client.as_deref());
            events::login(&cx.core().audit, user, client, None, Err(&error)).await?;
            Err(error)
        }
    }
}

async fn admit(
    core: &Core,
    attempt: &Attempt,
    key: &PublicKey,
    ttl_seconds: Option<u64>,
) -> Result<UserCredentials, Error> {
    let client = attempt.client.as_deref();
    core.attempts.begin(&attempt.user, client).await?;
    let Some(verified) = verify(core, attempt).await? else { return Err(rejected()) };
    core.attempts.succeeded(&attempt.user, client).await?;
    let now = core.clock.now();
    if !user::is_active(&verified.user, now) {
        return Err(
            Error::denied("this user may not sign in at the moment").hint("ask your administrator")
        );
    }
    locks::refuse_user(&core.replica.snapshot(), now, &verified.user, verified.device.as_deref())?;
    let device = verified.device.clone();
    let ticket = Ticket { ttl_seconds, device, ..Ticket::of(&verified.user, key) };
    let issued = certificate::issue(core, &ticket).await?;
    let device = verified.device.as_deref();
    events::login(&core.audit, verified.user.name(), client, device, Ok(())).await?;
    let who = UserMetadata::named(verified.user.name());
    events::certificate(&core.audit, &who, &issued.identity).await?;
    Ok(issued.credentials)
}

/// Checks all factors, whatever becomes of the first.
async fn verify(core: &Core, attempt: &Attempt) -> Result<Option<Verified>, Error> {
    let store = core.records.store();
    let user = core.records.find(Kind::User, &attempt.user).await?;
    let found = Credentials::find(store, &attempt.user).await?;
    let hash = found.as_ref().map(|(credentials, _revision)| credentials.password_hash.clone());
    let password = core.passwords.verify(hash, attempt.password.clone()).await;
    let password_is_right = password.map_err(|error| hash_fault(&error))?;
    let device = found.as_ref().and_then(|(credentials, _revision)| credentials.device.as_ref());
    let secret = device.map_or(NOBODYS_DEVICE, |device| device.secret.as_str());
    let code = attempt.code.as_deref().unwrap_or_default();
    let step = totp::verify(&Secret::new(secret.to_owned()), code, core.clock.now())
        .map_err(Error::internal)?;
    let (Some(Resource::User(user)), Some((credentials, revision))) = (user, found) else {
        return Ok(None);
    };
    // Who comes through a connector has no password here, whatever was kept of a namesake.
    if !password_is_right || sso::origin_of(&user).is_some() {
        return Ok(None);
    }
    let policy = core.sign_in_policy();
    if !policy.passwords {
        return Ok(None);
    }
    let (Some(device), true) = (&credentials.device, policy.code) else {
        return Ok((!policy.code).then_some(Verified { user, device: None }));
    };
    let fresh = step.filter(|step| *step > device.last_step);
    let Some(step) = fresh else { return Ok(None) };
    let id = device.id.clone();
    if spend(core, &user, credentials, revision, step).await? {
        Ok(Some(Verified { user, device: Some(id) }))
    } else {
        Ok(None)
    }
}

/// Marks a code as used. False when somebody else used one at the same moment: it may be this one.
async fn spend(
    core: &Core,
    user: &User,
    mut credentials: Credentials,
    revision: Revision,
    step: u64,
) -> Result<bool, Error> {
    if let Some(device) = &mut credentials.device {
        device.last_step = step;
    }
    let write = credentials.replace(&user.metadata.name, revision)?;
    match core.records.store().write(vec![write]).await {
        Ok(_revisions) => Ok(true),
        Err(store::Error::Conflict { .. } | store::Error::NotFound { .. }) => Ok(false),
        Err(error) => Err(fault::store(&error)),
    }
}

/// A fault of hashing as an answer.
pub(crate) fn hash_fault(error: &HashError) -> Error {
    match error {
        HashError::Busy => Error::new(ErrorKind::RateLimited, "too many people sign in at once")
            .hint("wait a moment and try again"),
        HashError::Failed(_) => Error::internal(error),
    }
}

fn rejected() -> Error {
    Error::new(
        ErrorKind::Unauthenticated,
        "the user name, the password or the one-time code is wrong",
    )
    .hint("a one-time code is good for one sign-in; wait for the next one")
}
