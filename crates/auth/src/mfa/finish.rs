//! What comes of a change of devices when one of the user's factors was shown.

use api::wire::{MfaAnswer, MfaDeviceKind};
use api::{Error, ErrorKind};
use audit::Text;
use audit::record::{MfaDeviceDelete, UserMetadata};
use resource::Secret;
use store::Write;

use super::change::{self, Action, Change};
use super::{admit_addition, holder_of, refuse_last};
use crate::ceremony::{self, Question};
use crate::core::Core;
use crate::credentials::{self, Credentials};
use crate::device::{Device, Factor};
use crate::factors::Holder;
use crate::removed_devices::{self, RemovedDevices};
use crate::webauthn::RelyingParty;
use crate::{fault, sign_in, totp};

/// Does what was to be done; gives the device's name.
pub(super) async fn finish(
    core: &Core,
    token: &str,
    change: Change,
    answer: &MfaAnswer,
) -> Result<String, Error> {
    let holder = holder_of(core, &change).await?;
    // What has become known since the factor was shown counts.
    let verified = holder.verified(change.shown_by().cloned());
    if !holder.stands_by(&verified) {
        return Err(change::dead());
    }
    sign_in::refuse(core, &verified)?;
    match &change.action {
        Action::Add { .. } => add(core, token, &change, holder, answer).await,
        Action::Remove { device, .. } => remove(core, token, &change, holder, device).await,
    }
}

async fn add(
    core: &Core,
    token: &str,
    change: &Change,
    holder: Holder,
    answer: &MfaAnswer,
) -> Result<String, Error> {
    let Action::Add { kind, name, secret } = &change.action else { return Err(change::dead()) };
    let Holder { user, mut credentials, revision } = holder;
    let factor = match kind {
        MfaDeviceKind::Totp => {
            let code = answer.totp.as_deref().unwrap_or_default();
            let last_step = totp::verify(&Secret::new(secret.clone()), code, core.clock.now())
                .map_err(Error::internal)?
                .ok_or_else(|| Error::invalid("the one-time code does not fit"))?;
            Factor::Totp { secret: secret.clone(), last_step }
        }
        MfaDeviceKind::Key | MfaDeviceKind::Passkey => {
            new_key(core, &change::scope(token), answer).await?
        }
    };
    let mut device = Device::new(name.as_deref(), factor, core.clock.now())?;
    change.device_id().clone_into(&mut device.id);
    let shown = device.name.clone();
    admit_addition(core.sign_in_policy(), *kind, &credentials, Some(&shown))?;
    let claim = match &device.factor {
        Factor::Key(key) => Some(credentials::claim(key, user.name())?),
        Factor::Totp { .. } => None,
    };
    device.record_addition(core, &UserMetadata::named(user.name())).await?;
    credentials.devices.push(device);
    let mut writes = vec![credentials.replace(user.name(), revision)?];
    writes.extend(claim);
    writes.push(change.removal(core, token).await?);
    write(core, writes).await?;
    Ok(shown)
}

async fn remove(
    core: &Core,
    token: &str,
    change: &Change,
    holder: Holder,
    id: &str,
) -> Result<String, Error> {
    let Holder { user, mut credentials, revision } = holder;
    refuse_last(core.sign_in_policy(), &credentials, id)?;
    removed_devices::refuse_many(core, user.name())?;
    let gone = take(&mut credentials, id).ok_or_else(change::dead)?;
    let release = match &gone.factor {
        Factor::Key(key) => credentials::release(core.records.store(), key).await?,
        Factor::Totp { .. } => None,
    };
    let who = UserMetadata::named(user.name());
    let event = MfaDeviceDelete {
        user: &who,
        mfa_device_name: Text::new(&gone.name),
        mfa_device_uuid: &gone.id,
        mfa_device_type: gone.kind(),
    };
    core.audit.record(&event).await?;
    let name = gone.name.clone();
    let removed = RemovedDevices::of(core, user.name(), &[gone], user.name());
    removed.record(core, &who).await?;
    let mut writes = removed.writes(core)?;
    writes.push(credentials.replace(user.name(), revision)?);
    writes.extend(release);
    writes.push(change.removal(core, token).await?);
    match write(core, writes).await {
        Ok(revisions) => {
            removed.settle(core, &revisions).await;
            Ok(name)
        }
        Err(error) => {
            removed.did_not_happen(core, &who, &error).await;
            Err(error)
        }
    }
}

fn take(credentials: &mut Credentials, id: &str) -> Option<Device> {
    let at = credentials.devices.iter().position(|known| known.id == id)?;
    Some(credentials.devices.remove(at))
}

async fn write(core: &Core, writes: Vec<Write>) -> Result<Vec<store::Revision>, Error> {
    core.records.store().write(writes).await.map_err(|error| match error {
        store::Error::AlreadyExists { .. } => Error::invalid("this key is registered already"),
        store::Error::Conflict { .. } | store::Error::NotFound { .. } => {
            Error::new(ErrorKind::Conflict, "your devices were changed at the same moment")
                .hint("begin again")
        }
        error => fault::store(&error),
    })
}

async fn new_key(core: &Core, scope: &str, answer: &MfaAnswer) -> Result<Factor, Error> {
    let key = answer.key.as_ref().ok_or_else(|| Error::invalid("no key answered"))?;
    let asked = ceremony::take(core, scope, key).await?;
    let Question::Register(registering) = asked.question else {
        return Err(Error::invalid("the key answered another question"));
    };
    let party = RelyingParty::need(core).await?;
    let key = party
        .registered(&registering, key)
        .map_err(|error| Error::invalid(format!("the key cannot be registered: {error}")))?;
    party.remember(core).await?;
    Ok(Factor::Key(Box::new(key)))
}
