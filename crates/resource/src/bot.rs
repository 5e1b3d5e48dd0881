//! `bot`: a program with roles of its own, which joins by a token and renews its identity itself.

use serde_json::Value;

use crate::connector::filled;
use crate::decode::{Reader, Table};
use crate::kind::Kind;
use crate::label::Traits;
use crate::metadata::{Metadata, NameRule, any_version, metadata};
use crate::node::NodeValue;
use crate::object::{Object, document};
use crate::user::{User, traits};

/// The label of a bot's user: which bot's it is. Nobody but the auth service writes it.
pub const USER_LABEL: &str = "tessera.internal/bot";

/// A program with roles of its own.
#[derive(Debug, Clone, PartialEq)]
pub struct Bot {
    /// Name, labels and the rest.
    pub metadata: Metadata,
    /// What it may do.
    pub spec: BotSpec,
}

/// What a bot may do.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct BotSpec {
    /// Names of roles.
    pub roles: Vec<String>,
    /// What templates in roles are filled with.
    pub traits: Traits,
}

impl Bot {
    /// A bot with roles and nothing else.
    pub fn new<R: Into<String>>(
        name: impl Into<String>,
        roles: impl IntoIterator<Item = R>,
    ) -> Self {
        let roles = roles.into_iter().map(Into::into).collect();
        Self { metadata: Metadata::named(name), spec: BotSpec { roles, ..BotSpec::default() } }
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.metadata.name
    }

    /// The name of the user that the bot is.
    #[must_use]
    pub fn user_name(&self) -> String {
        user_name(self.name())
    }

    pub(crate) fn read(document: &mut Table<'_>) -> Option<Self> {
        any_version(document, Kind::Bot);
        let metadata = metadata(document, NameRule::Plain);
        let spec = match document.field("spec") {
            None => Some(BotSpec::default()),
            Some(reader) => reader.table(spec),
        };
        Some(Self { metadata: metadata?, spec: spec? })
    }

    /// The resource as JSON.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let traits: Vec<Value> = self
            .spec
            .traits
            .iter()
            .map(|(name, values)| {
                let mut one = Object::default();
                one.put("name", name.as_str()).put("values", values.clone());
                one.into()
            })
            .collect();
        let mut spec = Object::default();
        spec.put("roles", self.spec.roles.clone()).put("traits", traits);
        document(Kind::Bot, "", Kind::Bot.version(), &self.metadata, spec, Object::default())
    }
}

impl User {
    /// The bot whose user this is. Such a user is made, changed and deleted with the bot.
    #[must_use]
    pub fn bot(&self) -> Option<&str> {
        self.metadata.labels.get(USER_LABEL).map(String::as_str)
    }
}

/// The name of the user that a bot is.
#[must_use]
pub fn user_name(bot: &str) -> String {
    format!("bot-{bot}")
}

fn spec(table: &mut Table<'_>) -> Option<BotSpec> {
    let roles = table.field("roles").map_or_else(|| Some(Vec::new()), |reader| reader.read());
    let traits = table.field("traits").map_or_else(|| Some(Traits::new()), listed_traits);
    Some(BotSpec { roles: roles?, traits: traits? })
}

/// A mapping as users have it, or the list of names and values that documents in use have.
fn listed_traits(reader: Reader<'_>) -> Option<Traits> {
    if !matches!(reader.node().value, NodeValue::Sequence(_)) {
        return traits(reader);
    }
    let read: Vec<Option<(String, Vec<String>)>> = reader
        .items()?
        .map(|item| {
            item.table(|table| {
                let name = table.required("name").and_then(filled);
                let values = table.get_or_default::<Vec<String>>("values");
                Some((name?, values))
            })
        })
        .collect();
    let mut all = Traits::new();
    for (name, values) in read.into_iter().collect::<Option<Vec<_>>>()? {
        all.entry(name).or_default().extend(values);
    }
    Some(all)
}

#[cfg(test)]
mod tests;
