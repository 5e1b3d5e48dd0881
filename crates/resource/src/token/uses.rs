//! How often a token is good for joining, and what has become of it.

use super::{JoinMethod, JoinRole, Token};
use crate::decode::{Reader, Table};
use crate::object::Object;

/// The most uses that are counted: beyond it, whoever means that many means no count.
pub const MAX_USES: u32 = 10_000;

/// What has become of a token.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TokenStatus {
    /// What the token is called where its name, which is a secret, must not be said.
    pub id: String,
    /// How many have joined with it, where that is counted.
    pub used: u32,
}

// === impl Token ===

impl Token {
    /// How many may still join with it; [`None`] for as many as come.
    #[must_use]
    pub fn uses_left(&self) -> Option<u32> {
        self.spec.uses.map(|uses| uses.saturating_sub(self.status.used))
    }

    /// What it is called in certificates and locks, where everybody reads it: its name, or its id where
    /// the name is a secret.
    #[must_use]
    pub fn public_name(&self) -> Option<&str> {
        let name = match self.spec.join_method {
            JoinMethod::Token => &self.status.id,
            JoinMethod::Workload(_) => &self.metadata.name,
        };
        Some(name.as_str()).filter(|name| !name.is_empty())
    }
}

// === impl TokenStatus ===

impl TokenStatus {
    pub(super) fn to_object(&self) -> Object {
        let mut object = Object::default();
        object.put_text("id", &self.id);
        if self.used > 0 {
            object.put("used", self.used);
        }
        object
    }
}

/// Reads `uses`.
#[expect(clippy::option_option, reason = "absent and mistaken are two things")]
pub(super) fn read(
    table: &mut Table<'_>,
    method: Option<&JoinMethod>,
    roles: &[JoinRole],
) -> Option<Option<u32>> {
    let Some(reader) = table.field("uses") else { return Some(None) };
    let uses: u32 = reader.read()?;
    if !(1..=MAX_USES).contains(&uses) {
        return reader.refuse_with_help(
            format!("a token is good for 1 to {MAX_USES} uses"),
            "leave uses out where as many may join as come",
        );
    }
    match method {
        Some(JoinMethod::Token) if roles.contains(&JoinRole::Bot) && uses > 1 => reader
            .refuse_with_help(
                "a secret that lets a bot in is good for one use",
                "make a token for each place where the bot runs: `tctl bots instances add`",
            ),
        Some(JoinMethod::Workload(_)) if roles.contains(&JoinRole::Bot) => reader.refuse_with_help(
            "a bot that joins by what its platform signs joins again whenever its identity ends",
            "leave uses out",
        ),
        _ => Some(Some(uses)),
    }
}

pub(super) fn status(reader: Reader<'_>) -> Option<TokenStatus> {
    reader.table(|table| {
        Some(TokenStatus { id: table.get_or_default("id"), used: table.get_or_default("used") })
    })
}
