//! Signing in with a password and a one-time code, in a terminal.

use api::Error;
use api::wire::{SignInRequest, UserCredentials};
use audit::record::UserMetadata;
use pki::PublicKey;
use resource::Secret;

use crate::certificate::{self, Ticket};
use crate::core::Core;
use crate::cx::OpCx;
use crate::factors::{self, Checked, Verified};
use crate::{events, locks, password, user};

/// The longest name that is looked up.
const MAX_USER: usize = 255;

/// What a person typed.
pub(crate) struct Attempt {
    pub(crate) user: String,
    pub(crate) password: Secret<String>,
    pub(crate) code: Option<String>,
    pub(crate) client: Option<String>,
}

/// What a certificate is asked for.
pub(crate) struct Certified<'a> {
    pub(crate) key: &'a PublicKey,
    pub(crate) ttl_seconds: Option<u64>,
    /// Where it is to be used. The person may be elsewhere, at a browser.
    pub(crate) place: Option<&'a str>,
}

/// Signs a user in and certifies the key that came along.
pub(crate) async fn sign_in(cx: &OpCx, request: SignInRequest) -> Result<UserCredentials, Error> {
    let SignInRequest { user, password, totp, public_key, ttl_seconds, client_addr } = request;
    let key = certificate::read_key(&public_key)?;
    let attempt =
        Attempt { user, password: Secret::new(password), code: totp, client: client_addr };
    if !attempt.is_bounded() {
        return Err(factors::wrong());
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
    // A key cannot be asked in a terminal.
    let Checked::Verified(verified) = attempt.check(core).await? else {
        return Err(factors::wrong());
    };
    core.attempts.succeeded(&attempt.user, client).await?;
    let certified = Certified { key, ttl_seconds, place: client };
    certify(core, &verified, &certified, client).await
}

/// Refuses a user who may not sign in, whatever was shown.
pub(crate) fn refuse(core: &Core, verified: &Verified) -> Result<(), Error> {
    let now = core.clock.now();
    if !user::is_active(&verified.user, now) {
        return Err(
            Error::denied("this user may not sign in at the moment").hint("ask your administrator")
        );
    }
    locks::refuse_user(&core.replica.snapshot(), now, &verified.user, verified.device.as_deref())
}

/// Certifies a key as one of a user whose factors were right, shown at `client`, and records both.
pub(crate) async fn certify(
    core: &Core,
    verified: &Verified,
    wanted: &Certified<'_>,
    client: Option<&str>,
) -> Result<UserCredentials, Error> {
    refuse(core, verified)?;
    let device = verified.device.clone();
    let Certified { key, ttl_seconds, place } = *wanted;
    let of = Ticket::of(&verified.user, key);
    let ticket = Ticket { ttl_seconds, client: place, device, ..of };
    let issued = certificate::issue(core, &ticket).await?;
    let device = verified.device.as_deref();
    events::login(&core.audit, verified.user.name(), client, device, Ok(())).await?;
    let who = UserMetadata::named(verified.user.name());
    events::certificate(&core.audit, &who, &issued.identity).await?;
    Ok(issued.credentials)
}

// === impl Attempt ===

impl Attempt {
    /// Whether it is worth looking at: what is longer is no name and no password.
    pub(crate) fn is_bounded(&self) -> bool {
        !self.user.is_empty()
            && self.user.len() <= MAX_USER
            && self.password.expose().len() <= password::MAX_BYTES
    }

    /// Counts the attempt, and checks it.
    pub(crate) async fn check(&self, core: &Core) -> Result<Checked, Error> {
        let client = self.client.as_deref();
        core.attempts.begin(&self.user, client).await?;
        factors::check(core, &self.user, &self.password, self.code.as_deref(), client).await
    }
}
