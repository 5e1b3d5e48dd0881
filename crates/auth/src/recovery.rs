//! Codes for when the second factor is lost: written down at enrolment, each good once, besides the password.
//!
//! A code is a name and a secret. The name is kept as it is, so that one hash is computed for an attempt and not
//! one for each code; of the secret, sixty bits, the argon2id hash is kept.

use api::Error;
use audit::Outcome;
use audit::Text;
use audit::record::{RecoveryCodeUse, RecoveryCodesGenerate, UserMetadata};
use rand::seq::IndexedRandom as _;
use resource::Secret;
use serde::{Deserialize, Serialize};

use crate::core::Core;
use crate::factors::{Holder, hash_fault};
use crate::{fault, password};

/// Codes that somebody gets.
pub(crate) const COUNT: usize = 8;
/// Letters and digits that cannot be taken for each other: five bits each.
const LETTERS: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
/// The letters of a code's name, and of a group.
const GROUP: usize = 4;
/// The letters of a code.
const LENGTH: usize = 4 * GROUP;

/// A code that was not used.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct RecoveryCode {
    name: String,
    /// The argon2id hash of its secret.
    hash: String,
}

/// New codes: as they are shown, and as they are kept.
pub(crate) async fn generate(core: &Core) -> Result<(Vec<String>, Vec<RecoveryCode>), Error> {
    let (mut shown, mut kept) =
        (Vec::with_capacity(COUNT), Vec::<RecoveryCode>::with_capacity(COUNT));
    while kept.len() < COUNT {
        let code = random();
        let Some((name, secret)) = code.split_at_checked(GROUP) else { continue };
        if kept.iter().any(|other| other.name == name) {
            continue;
        }
        let hash = core.passwords.hash(Secret::new(secret.to_owned())).await;
        let hash = hash.map_err(|error| hash_fault(&error))?;
        kept.push(RecoveryCode { name: name.to_owned(), hash });
        shown.push(grouped(&code));
    }
    Ok((shown, kept))
}

/// A user is about to have codes.
pub(crate) async fn record(core: &Core, user: &UserMetadata) -> Result<(), Error> {
    core.audit.record(&RecoveryCodesGenerate { user }).await
}

/// A code as it is compared: people type it with and without what stands between, large and small.
pub(crate) fn normal(text: &str) -> Option<String> {
    if text.len() > password::MAX_BYTES {
        return None;
    }
    let code: String = text.chars().filter(char::is_ascii_alphanumeric).collect();
    let code = code.to_ascii_uppercase();
    (code.len() == LENGTH && code.bytes().all(|letter| LETTERS.contains(&letter))).then_some(code)
}

/// Whether a code is one of the user's; it is spent then.
pub(crate) async fn spend(
    core: &Core,
    mut holder: Holder,
    code: &str,
    client: Option<&str>,
) -> Result<bool, Error> {
    let Some((name, secret)) = code.split_at_checked(GROUP) else { return Ok(false) };
    let at = holder.credentials.recovery.iter().position(|kept| kept.name == name);
    let hash = at.and_then(|at| holder.credentials.recovery.get(at)).map(|kept| kept.hash.clone());
    let fits = core.passwords.verify(hash, Secret::new(secret.to_owned())).await;
    let fits = fits.map_err(|error| hash_fault(&error))?;
    let who = UserMetadata::named(holder.user.name());
    let Some(at) = at.filter(|_| fits) else {
        let outcome = Outcome::Failure(Text::new("there is no such code"));
        let event = RecoveryCodeUse { user: &who, outcome, left: None, remote_addr: client };
        core.audit.record(&event).await?;
        return Ok(false);
    };
    holder.credentials.recovery.remove(at);
    let left = holder.credentials.recovery.len();
    let event = RecoveryCodeUse {
        user: &who,
        outcome: Outcome::Success,
        left: Some(left),
        remote_addr: client,
    };
    core.audit.record(&event).await?;
    let write = holder.credentials.replace(holder.user.name(), holder.revision)?;
    match core.records.store().write(vec![write]).await {
        Ok(_revisions) => Ok(true),
        Err(store::Error::Conflict { .. } | store::Error::NotFound { .. }) => Ok(false),
        Err(error) => Err(fault::store(&error)),
    }
}

fn random() -> String {
    let mut rng = rand::rng();
    (0..LENGTH).filter_map(|_| LETTERS.choose(&mut rng)).map(|letter| char::from(*letter)).collect()
}

/// A code as people read it.
fn grouped(code: &str) -> String {
    let groups: Vec<&str> =
        (0..LENGTH).step_by(GROUP).filter_map(|at| code.get(at..at + GROUP)).collect();
    groups.join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_read_as_people_type_them() {
        let code = random();
        let shown = grouped(&code);
        assert_eq!(shown.len(), LENGTH + 3);
        for typed in [shown.clone(), shown.to_lowercase(), shown.replace('-', " "), code.clone()] {
            assert_eq!(normal(&typed), Some(code.clone()), "{typed}");
        }
        for wrong in
            ["", "123456", "ABCD-EFGH-JKLM-NPQ", "ABCD-EFGH-JKLM-NPQRS", "ABCD-EFGH-JKLM-NPQ0"]
        {
            assert_eq!(normal(wrong), None, "{wrong}");
        }
        assert_eq!(normal(&format!("{code}{}", " ".repeat(password::MAX_BYTES))), None);
    }
}
