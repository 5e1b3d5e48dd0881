//! Locks as resources: what is filled in when one is written.

use api::Error;
use resource::{Kind, Lock, Resource};

use crate::cx::OpCx;

/// Checks a lock, and fills in who locks, since when, and one end for both places that can say one.
pub(crate) async fn prepare(
    cx: &OpCx,
    lock: &mut Lock,
    before: Option<&Lock>,
) -> Result<(), Error> {
    refuse_secret(cx, lock).await?;
    let end = lock.spec.expires.or(lock.metadata.expires);
    lock.spec.expires = end;
    lock.metadata.expires = end;
    match before {
        Some(before) => {
            lock.spec.created_by.clone_from(&before.spec.created_by);
            lock.spec.created_at = before.spec.created_at;
        }
        None => {
            lock.spec.created_by = cx.caller().name();
            lock.spec.created_at = Some(cx.core().clock.now());
        }
    }
    Ok(())
}

/// Refuses a target that would tell everybody who reads locks how to join.
async fn refuse_secret(cx: &OpCx, lock: &Lock) -> Result<(), Error> {
    let Some(name) = &lock.spec.target.join_token else { return Ok(()) };
    match cx.core().records.find(Kind::Token, name).await? {
        Some(Resource::Token(token)) if token.spec.join_method.is_secret() => Err(Error::invalid(
            "spec.target.join_token: this is a secret, and everybody reads locks",
        )
        .hint(format!("write the token's id instead: {}", token.status.id))),
        _ => Ok(()),
    }
}
