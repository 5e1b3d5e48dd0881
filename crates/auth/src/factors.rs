//! The factors by which local users prove who they are, each of them and together.
//!
//! Whatever is wrong, the work is the same and so is the answer: neither tells whether a user exists or which
//! factor failed. That a security key is asked for tells that the password was right, which whoever guesses
//! passwords pays for with an attempt.

use api::{Error, ErrorKind};
use audit::Text;
use audit::record::{MfaKeyCloned, UserMetadata};
use resource::{Kind, Resource, Secret, User};
use serde_json::Value;
use store::Revision;
use uuid::Uuid;

use crate::ceremony::{self, Question};
use crate::core::Core;
use crate::credentials::{self, Credentials};
use crate::device::{Device, Factor};
use crate::password::HashError;
use crate::webauthn::{Assertion, KeyError, RelyingParty};
use crate::{fault, recovery, sso, totp};

/// What the codes of users without an authenticator app are checked against.
const NOBODYS_SECRET: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

/// A user whose every factor was right.
pub(crate) struct Verified {
    pub(crate) user: User,
    /// The device that proved possession.
    pub(crate) device: Option<String>,
    /// What names the credentials that were shown: a reset makes others.
    pub(crate) handle: Uuid,
}

/// What came of a password.
pub(crate) enum Checked {
    Verified(Box<Verified>),
    /// It is right, and one of the user's security keys is to be shown besides.
    KeyNeeded(Box<Holder>),
    Wrong,
}

/// A user with credentials.
pub(crate) struct Holder {
    pub(crate) user: User,
    pub(crate) credentials: Credentials,
    pub(crate) revision: Revision,
}

// === impl Holder ===

impl Holder {
    /// A local user who has set credentials. Who comes through a connector has none here, whatever was kept
    /// of a namesake.
    pub(crate) async fn find(core: &Core, name: &str) -> Result<Option<Self>, Error> {
        let user = core.records.find(Kind::User, name).await?;
        let found = Credentials::find(core.records.store(), name).await?;
        let (Some(Resource::User(user)), Some((credentials, revision))) = (user, found) else {
            return Ok(None);
        };
        let is_local = sso::origin_of(&user).is_none();
        Ok(is_local.then_some(Self { user, credentials, revision }))
    }

    /// The user, by this device or by none.
    pub(crate) fn verified(&self, device: Option<String>) -> Verified {
        Verified { user: self.user.clone(), device, handle: self.credentials.handle }
    }

    /// Whether what was shown is still the user's: it may have been removed, and everything reset, in between.
    pub(crate) fn stands_by(&self, verified: &Verified) -> bool {
        let is_there = |id: &String| self.credentials.devices.iter().any(|one| one.id == *id);
        verified.handle == self.credentials.handle && verified.device.as_ref().is_none_or(is_there)
    }

    /// Notes that a device was used. False when somebody else changed something at the same moment: it may
    /// have been with the same code.
    async fn used(mut self, core: &Core, id: &str, factor: Factor) -> Result<bool, Error> {
        let now = core.clock.now();
        for device in self.credentials.devices.iter_mut().filter(|device| device.id == id) {
            device.factor = factor.clone();
            device.last_used = Some(now);
        }
        let write = self.credentials.replace(self.user.name(), self.revision)?;
        match core.records.store().write(vec![write]).await {
            Ok(_revisions) => Ok(true),
            Err(store::Error::Conflict { .. } | store::Error::NotFound { .. }) => Ok(false),
            Err(error) => Err(fault::store(&error)),
        }
    }

    /// The device whose code this is, and what becomes of it.
    fn device_of_code(&self, core: &Core, code: &str) -> Result<Option<(String, Factor)>, Error> {
        let mut found = None;
        for device in &self.credentials.devices {
            let Factor::Totp { secret, last_step } = &device.factor else { continue };
            let step = step_of(core, secret, code)?.filter(|step| step > last_step);
            if let Some(step) = step {
                let factor = Factor::Totp { secret: secret.clone(), last_step: step };
                found = Some((device.id.clone(), factor));
            }
        }
        Ok(found)
    }

    /// Whether a code is one of an authenticator app's; it is spent then.
    pub(crate) async fn spend_code(
        self,
        core: &Core,
        code: &str,
    ) -> Result<Option<Verified>, Error> {
        let Some((id, factor)) = self.device_of_code(core, code)? else { return Ok(None) };
        let verified = self.verified(Some(id.clone()));
        let fresh = self.used(core, &id, factor).await?;
        Ok(fresh.then_some(verified))
    }
}

/// Checks a password, and a code if there is one.
pub(crate) async fn check(
    core: &Core,
    name: &str,
    password: &Secret<String>,
    code: Option<&str>,
    client: Option<&str>,
) -> Result<Checked, Error> {
    let holder = Holder::find(core, name).await?;
    let hash = holder.as_ref().and_then(|holder| holder.credentials.password_hash.clone());
    let password = core.passwords.verify(hash, password.clone()).await;
    let password_is_right = password.map_err(|error| hash_fault(&error))?;
    // The same work for who has no app, or does not exist.
    step_of(core, NOBODYS_SECRET, code.unwrap_or_default())?;
    let policy = core.sign_in_policy();
    let Some(holder) = holder.filter(|_| password_is_right && policy.local) else {
        return Ok(Checked::Wrong);
    };
    if !policy.second_factor {
        return Ok(Checked::Verified(Box::new(holder.verified(None))));
    }
    let code = code.filter(|code| !code.is_empty());
    match (code, code.and_then(recovery::normal)) {
        (Some(_), Some(code)) if policy.recovery => {
            // A code is no device: what demands one is still refused.
            let verified = holder.verified(None);
            let is_right = recovery::spend(core, holder, &code, client).await?;
            Ok(if is_right { Checked::Verified(Box::new(verified)) } else { Checked::Wrong })
        }
        (Some(code), None) if policy.codes => {
            let verified = holder.spend_code(core, code).await?;
            Ok(verified.map_or(Checked::Wrong, |verified| Checked::Verified(Box::new(verified))))
        }
        (None, _) if policy.keys && holder.credentials.keys().next().is_some() => {
            Ok(Checked::KeyNeeded(Box::new(holder)))
        }
        _ => Ok(Checked::Wrong),
    }
}

/// Asks for one of a user's security keys; none when there is none that could answer here.
pub(crate) async fn ask_key(
    core: &Core,
    scope: &str,
    holder: &Holder,
) -> Result<Option<Value>, Error> {
    let Some(party) = RelyingParty::of(core).await? else { return Ok(None) };
    let known: Vec<_> = holder
        .credentials
        .keys()
        .map(|(_device, key)| key)
        .filter(|key| party.knows(key))
        .collect();
    if known.is_empty() {
        return Ok(None);
    }
    let (options, asserting) = party.ask(&known)?;
    let user = Some(holder.user.name());
    ceremony::ask(core, scope, user, &options, Question::Assert(asserting)).await?;
    Ok(Some(options))
}

/// Asks for any passkey; none where no key can be used.
pub(crate) async fn ask_passkey(core: &Core, scope: &str) -> Result<Option<Value>, Error> {
    let Some(party) = RelyingParty::of(core).await? else { return Ok(None) };
    let (options, asserting) = party.ask(&[])?;
    ceremony::ask(core, scope, None, &options, Question::Assert(asserting)).await?;
    Ok(Some(options))
}

/// Whether a security key answered what was asked at the place that `scope` names. The first part of the
/// outcome is whose key it is, as far as that is known.
pub(crate) async fn shown_key(
    core: &Core,
    scope: &str,
    answer: &Value,
) -> (Option<String>, Result<Verified, Error>) {
    let mut whose = None;
    let outcome = verify_key(core, scope, answer, &mut whose).await;
    (whose, outcome)
}

async fn verify_key(
    core: &Core,
    scope: &str,
    answer: &Value,
    whose: &mut Option<String>,
) -> Result<Verified, Error> {
    let asked = ceremony::take(core, scope, answer).await?;
    whose.clone_from(&asked.user);
    let Question::Assert(asserting) = asked.question else { return Err(wrong_key()) };
    let assertion = Assertion::read(answer)?;
    let owner = credentials::owner(core.records.store(), assertion.key_id()).await?;
    let owner = owner.ok_or_else(wrong_key)?;
    if asked.user.as_ref().is_some_and(|asked| *asked != owner) {
        return Err(wrong_key());
    }
    let holder = Holder::find(core, &owner).await?.ok_or_else(wrong_key)?;
    let named = assertion.handle() == Some(holder.credentials.handle);
    // Who is found out by the key must be named by it; who is known must not be another.
    if !named && (asked.user.is_none() || assertion.names_somebody()) {
        return Err(wrong_key());
    }
    let policy = core.sign_in_policy();
    let is_admitted =
        policy.local && if asked.user.is_none() { policy.passwordless } else { policy.keys };
    let found = holder.credentials.keys().find(|(_device, key)| key.id() == assertion.key_id());
    let (device, key) = found
        .filter(|(device, _key)| is_admitted && (asked.user.is_some() || device.is_passkey()))
        .ok_or_else(wrong_key)?;
    let party = RelyingParty::need(core).await?;
    if !party.knows(key) {
        return Err(wrong_key());
    }
    *whose = Some(owner.clone());
    match party.verify(&asserting, &assertion, key) {
        Ok(key) => {
            let id = device.id.clone();
            let verified = holder.verified(Some(id.clone()));
            if holder.used(core, &id, Factor::Key(Box::new(key))).await? {
                Ok(verified)
            } else {
                Err(wrong_key())
            }
        }
        Err(KeyError::Cloned) => {
            record_clone(core, &owner, device).await?;
            Err(Error::new(
                ErrorKind::Unauthenticated,
                "this key is not accepted: its counter went back, so somebody may have a copy of it",
            )
            .hint("tell your administrator"))
        }
        Err(error) => Err(wrong_key().because(error)),
    }
}

async fn record_clone(core: &Core, user: &str, device: &Device) -> Result<(), Error> {
    let event = MfaKeyCloned {
        user: &UserMetadata::named(user),
        mfa_device_name: Text::new(&device.name),
        mfa_device_uuid: &device.id,
    };
    core.audit.record(&event).await
}

fn step_of(core: &Core, secret: &str, code: &str) -> Result<Option<u64>, Error> {
    totp::verify(&Secret::new(secret.to_owned()), code, core.clock.now()).map_err(Error::internal)
}

/// A fault of hashing as an answer.
pub(crate) fn hash_fault(error: &HashError) -> Error {
    match error {
        HashError::Busy => Error::new(ErrorKind::RateLimited, "too many people sign in at once")
            .hint("wait a moment and try again"),
        HashError::Failed(_) => Error::internal(error),
    }
}

/// Something typed is wrong, and nobody is told what.
pub(crate) fn wrong() -> Error {
    Error::new(
        ErrorKind::Unauthenticated,
        "the user name, the password or the one-time code is wrong",
    )
    .hint("a one-time code is good for one sign-in; wait for the next one")
    .hint("who has a security key or a passkey signs in with `tsh login --mfa-mode=browser`")
}

fn wrong_key() -> Error {
    Error::new(ErrorKind::Unauthenticated, "this key is not accepted").hint(
        "it must be one that you have registered here, and verify you where no password was given",
    )
}
