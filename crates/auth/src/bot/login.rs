//! What a bot holds of itself, as its certificate says it.

use pki::{UserIdentity, UserKind};
use uuid::Uuid;

/// How the text begins that names the sign-in of a bot.
const PREFIX: &str = "bot:";

/// One place where a bot runs, by the certificate that it joined with or renewed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BotLogin {
    /// Names the place: all certificates that come of one join say the same.
    pub(crate) instance: Uuid,
    /// The how manieth certificate it is; none where it cannot be renewed, because the bot joins again.
    pub(crate) generation: Option<u64>,
}

// === impl BotLogin ===

impl BotLogin {
    /// As a certificate says it.
    pub(crate) fn to_text(&self) -> String {
        format!("{PREFIX}{}:{}", self.instance, self.generation.unwrap_or_default())
    }

    /// What names the sign-in in certificates that the bot's programs use.
    pub(crate) fn of_outputs(&self) -> String {
        format!("{PREFIX}{}", self.instance)
    }

    /// Reads it, where the certificate is one that a bot holds of itself. No other has this form: who
    /// signs in does not choose the name of the sign-in.
    pub(crate) fn of(identity: &UserIdentity) -> Option<Self> {
        if identity.kind != UserKind::Bot || !identity.roles.is_empty() || identity.app.is_some() {
            return None;
        }
        let (instance, generation) = identity.login_id.strip_prefix(PREFIX)?.split_once(':')?;
        let generation: u64 = generation.parse().ok()?;
        Some(Self {
            instance: instance.parse().ok()?,
            generation: (generation > 0).then_some(generation),
        })
    }
}
