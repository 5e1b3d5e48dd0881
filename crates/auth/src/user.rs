//! Users: what is checked and filled in when one is written.

use api::Error;
use pki::UserIdentity;
use resource::user::CreatedBy;
use resource::{Kind, User};
use store::Write;
use time::OffsetDateTime;

use crate::bot;
use crate::core::Core;
use crate::credentials::Credentials;
use crate::cx::OpCx;
use crate::invite;

/// Whether a user may sign in and act at `now`.
pub(crate) fn is_active(user: &User, now: OffsetDateTime) -> bool {
    let ended = |end: Option<OffsetDateTime>| end.is_some_and(|end| end <= now);
    let locked = user
        .spec
        .status
        .as_ref()
        .is_some_and(|status| status.is_locked && !ended(status.lock_expires));
    !locked && !ended(user.spec.expires) && !ended(user.metadata.expires)
}

/// Whether a certificate can be this user's: one from before the user was made is of a namesake.
pub(crate) fn is_holder(user: &User, identity: &UserIdentity) -> bool {
    let made = user.spec.created_by.as_ref().and_then(|by| by.time);
    // Certificates carry whole seconds.
    made.is_none_or(|made| identity.issued.unix_timestamp() >= made.unix_timestamp())
}

/// Checks a user, and fills in what the service knows better.
pub(crate) async fn prepare(
    cx: &OpCx,
    user: &mut User,
    before: Option<&User>,
) -> Result<(), Error> {
    bot::refuse_bot(user)?;
    before.map_or(Ok(()), bot::refuse_bot)?;
    // One end, under both names, so that whoever looks at either sees it.
    user.metadata.expires = user.metadata.expires.or(user.spec.expires);
    user.spec.expires = user.metadata.expires;
    user.spec.created_by = match before {
        Some(before) => before.spec.created_by.clone(),
        None => Some(created_by(cx)),
    };
    let who = format!("user {:?}", user.name());
    refuse_missing_roles(cx.core(), &who, &user.spec.roles).await
}

/// Who makes a user now.
pub(crate) fn created_by(cx: &OpCx) -> CreatedBy {
    CreatedBy { user: cx.caller().name(), time: Some(cx.core().clock.now()), connector: None }
}

/// Refuses roles that do not exist.
pub(crate) async fn refuse_missing_roles(
    core: &Core,
    who: &str,
    roles: &[String],
) -> Result<(), Error> {
    let mut missing = Vec::new();
    for role in roles {
        if core.records.find(Kind::Role, role).await?.is_none() {
            missing.push(format!("{role:?}"));
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "{who} cannot have roles that do not exist: {}",
        missing.join(", ")
    ))
    .hint("create the role first: `tctl create role.yaml`"))
}

/// What goes with a user who goes, or comes newly: credentials and links that bear the name.
pub(crate) async fn remains(core: &Core, name: &str) -> Result<Vec<Write>, Error> {
    let mut writes = invite::removals(core, name).await?;
    // Certificates of a user who is gone are nobody's, whatever they were got with.
    writes.extend(Credentials::removal(core.records.store(), name).await?.0);
    Ok(writes)
}
