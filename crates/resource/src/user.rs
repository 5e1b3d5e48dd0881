//! `user`: a person or a program, with roles and traits.
//!
//! What proves that somebody is a user (passwords, devices) is no part of this resource.

use serde_json::{Map, Value};
use time::OffsetDateTime;

use crate::decode::{FromNode, Reader, Table};
use crate::kind::Kind;
use crate::label::Traits;
use crate::metadata::{Metadata, NameRule, any_version, metadata};
use crate::node::NodeValue;
use crate::object::{Object, document};

/// Fields about single sign-on and devices, kept and printed back.
const OTHER_FIELDS: &[&str] = &[
    "oidc_identities",
    "saml_identities",
    "github_identities",
    "trusted_device_ids",
    "weakest_device",
    "password_state",
    "mfa_weakest_device",
];

/// A person or a program, with roles and traits.
#[derive(Debug, Clone, PartialEq)]
pub struct User {
    /// Name, labels and the rest.
    pub metadata: Metadata,
    /// What is known of the user.
    pub spec: UserSpec,
}

/// What is known of a user.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct UserSpec {
    /// Names of roles.
    pub roles: Vec<String>,
    /// What templates in roles are filled with.
    pub traits: Traits,
    /// When the user ceases to be one.
    pub expires: Option<OffsetDateTime>,
    /// Who made the user one.
    pub created_by: Option<CreatedBy>,
    /// Whether the user is kept from signing in.
    pub status: Option<UserStatus>,
    /// Known fields that mean nothing here, kept and printed back.
    pub other: Map<String, Value>,
}

/// Who created a user, when, and through which connector.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct CreatedBy {
    /// The administrator, or the connector's own name for what it is.
    pub user: String,
    /// When.
    pub time: Option<OffsetDateTime>,
    /// How the user signed in, when that created the user.
    pub connector: Option<Value>,
}

/// Whether a user is kept from signing in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UserStatus {
    /// Whether it is so.
    pub is_locked: bool,
    /// Why.
    pub locked_message: String,
    /// Since when.
    pub locked_time: Option<OffsetDateTime>,
    /// Until when.
    pub lock_expires: Option<OffsetDateTime>,
}

impl User {
    /// A user with roles and nothing else.
    pub fn new<R: Into<String>>(
        name: impl Into<String>,
        roles: impl IntoIterator<Item = R>,
    ) -> Self {
        let roles = roles.into_iter().map(Into::into).collect();
        Self { metadata: Metadata::named(name), spec: UserSpec { roles, ..UserSpec::default() } }
    }

    /// The user's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.metadata.name
    }

    pub(crate) fn read(document: &mut Table<'_>) -> Option<Self> {
        any_version(document, Kind::User);
        let metadata = metadata(document, NameRule::Plain);
        let spec = match document.field("spec") {
            None => Some(UserSpec::default()),
            Some(reader) => reader.table(|table| Some(spec(table))),
        };
        Some(Self { metadata: metadata?, spec: spec? })
    }

    /// The user as JSON.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let UserSpec { roles, traits, expires, created_by, status, other } = &self.spec;
        let mut spec = Object::default();
        spec.put("roles", roles.clone())
            .put_map("traits", traits.iter().map(|(name, values)| (name, values.clone())))
            .put_time("expires", *expires)
            .put_some("created_by", created_by.as_ref().map(CreatedBy::to_object))
            .put_some("status", status.as_ref().map(UserStatus::to_object))
            .put_kept(other);
        let version = Kind::User.version();
        document(Kind::User, "", version, &self.metadata, spec, Object::default())
    }
}

fn spec(table: &mut Table<'_>) -> UserSpec {
    if let Some(reader) = table.field("local_auth") {
        let help = "remove local_auth; users set passwords and devices themselves, \
                    through the link that \"tctl users reset\" prints";
        let message = "passwords and devices cannot be written";
        reader.refuse_secret_with_help::<()>(message, help);
    }
    UserSpec {
        roles: table.get_or_default("roles"),
        traits: table.field("traits").and_then(traits).unwrap_or_default(),
        expires: table.get("expires").flatten(),
        created_by: table.get("created_by"),
        status: table.get("status"),
        other: table.keep(OTHER_FIELDS),
    }
}

/// Reads traits. A single text is a list of one, and nothing is an empty list.
pub(crate) fn traits(reader: Reader<'_>) -> Option<Traits> {
    let mut traits = Traits::new();
    let mut complete = true;
    for (name, reader) in reader.entries()? {
        let values = match &reader.node().value {
            NodeValue::Scalar(_) if reader.node().is_null() => Some(Vec::new()),
            NodeValue::Scalar(_) => reader.read().map(|value| vec![value]),
            _ => reader.read(),
        };
        match values {
            Some(values) => {
                traits.insert(name.to_owned(), values);
            }
            None => complete = false,
        }
    }
    complete.then_some(traits)
}

impl CreatedBy {
    fn to_object(&self) -> Object {
        let mut user = Object::default();
        user.put_text("name", &self.user);
        let mut object = Object::default();
        object
            .put_some("connector", self.connector.clone())
            .put_time("time", self.time)
            .put_object("user", user);
        object
    }
}

impl FromNode for CreatedBy {
    fn from_node(reader: Reader<'_>) -> Option<Self> {
        reader.table(|table| {
            let user = table.field("user").and_then(|reader| {
                reader.table(|table| Some(table.get_or_default::<String>("name")))
            });
            Some(Self {
                user: user.unwrap_or_default(),
                time: table.get("time").flatten(),
                connector: table.get("connector"),
            })
        })
    }
}

impl UserStatus {
    fn to_object(&self) -> Object {
        let mut object = Object::default();
        object
            .put("is_locked", self.is_locked)
            .put_text("locked_message", &self.locked_message)
            .put_time("locked_time", self.locked_time)
            .put_time("lock_expires", self.lock_expires);
        object
    }
}

impl FromNode for UserStatus {
    fn from_node(reader: Reader<'_>) -> Option<Self> {
        reader.table(|table| {
            table.ignore("recovery_attempt_lock_expires");
            Some(Self {
                is_locked: table.get_or_default("is_locked"),
                locked_message: table.get_or_default("locked_message"),
                locked_time: table.get("locked_time").flatten(),
                lock_expires: table.get("lock_expires").flatten(),
            })
        })
    }
}

#[cfg(test)]
mod tests;
