//! `lock`: who or what is shut out, at once and everywhere.

mod subject;

use serde_json::Value;
use time::OffsetDateTime;

use crate::decode::{FromNode, Reader, Table};
use crate::kind::Kind;
use crate::metadata::{Metadata, NameRule, any_version, metadata};
use crate::object::{Object, document};

pub use self::subject::LockSubject;

/// Targets that documents in use name and that mean nothing here.
const OTHER_TARGETS: [&str; 5] =
    ["windows_desktop", "access_request", "device", "node", "linux_desktop"];

/// Who or what is shut out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lock {
    /// Name, labels and the rest.
    pub metadata: Metadata,
    /// Whom, why and until when.
    pub spec: LockSpec,
}

/// Whom a lock shuts out, why and until when.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LockSpec {
    /// Whom or what.
    pub target: LockTarget,
    /// What those shut out are told.
    pub message: String,
    /// Until when; [`None`] for until it is removed.
    pub expires: Option<OffsetDateTime>,
    /// Since when.
    pub created_at: Option<OffsetDateTime>,
    /// By whom.
    pub created_by: String,
}

/// Whom a lock shuts out. Several fields must all fit; at least one is set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LockTarget {
    /// A user.
    pub user: Option<String>,
    /// Everybody who holds a role.
    pub role: Option<String>,
    /// Everybody who goes by a login name.
    pub login: Option<String>,
    /// Whoever has proven possession of a device.
    pub mfa_device: Option<String>,
    /// A service of the cluster, by its host id.
    pub server_id: Option<String>,
    /// An app: nobody reaches it.
    pub app: Option<String>,
    /// One place where a bot runs.
    pub bot_instance_id: Option<String>,
    /// Whoever joined by a token, by its public name.
    pub join_token: Option<String>,
    /// What a person granted a client, by its name.
    pub oauth_grant: Option<String>,
}

impl LockTarget {
    /// The fields with their names in documents.
    #[must_use]
    pub fn fields(&self) -> [(&'static str, Option<&str>); 9] {
        [
            ("user", self.user.as_deref()),
            ("role", self.role.as_deref()),
            ("login", self.login.as_deref()),
            ("mfa_device", self.mfa_device.as_deref()),
            ("server_id", self.server_id.as_deref()),
            ("app", self.app.as_deref()),
            ("bot_instance_id", self.bot_instance_id.as_deref()),
            ("join_token", self.join_token.as_deref()),
            ("oauth_grant", self.oauth_grant.as_deref()),
        ]
    }

    /// True when nothing is set, so that nobody would be shut out.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.fields().iter().all(|(_, value)| value.is_none())
    }
}

impl Lock {
    /// A lock without an end.
    pub fn new(name: impl Into<String>, target: LockTarget, message: impl Into<String>) -> Self {
        Self {
            metadata: Metadata::named(name),
            spec: LockSpec { target, message: message.into(), ..LockSpec::default() },
        }
    }

    /// True until the lock has expired.
    #[must_use]
    pub fn is_in_force(&self, now: OffsetDateTime) -> bool {
        [self.spec.expires, self.metadata.expires].into_iter().flatten().all(|end| now < end)
    }

    pub(crate) fn read(document: &mut Table<'_>) -> Option<Self> {
        any_version(document, Kind::Lock);
        let metadata = metadata(document, NameRule::Plain);
        let spec = document.required("spec").and_then(|reader| reader.table(spec));
        Some(Self { metadata: metadata?, spec: spec? })
    }

    /// The lock as JSON.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut target = Object::default();
        for (name, value) in self.spec.target.fields() {
            target.put_some(name, value);
        }
        let mut spec = Object::default();
        spec.put("target", target)
            .put_text("message", &self.spec.message)
            .put_time("expires", self.spec.expires)
            .put_time("created_at", self.spec.created_at)
            .put_text("created_by", &self.spec.created_by);
        let version = Kind::Lock.version();
        document(Kind::Lock, "", version, &self.metadata, spec, Object::default())
    }
}

fn spec(table: &mut Table<'_>) -> Option<LockSpec> {
    let target = table.required("target").and_then(target);
    let spec = LockSpec {
        target: LockTarget::default(),
        message: table.get_or_default("message"),
        expires: table.get("expires").flatten(),
        created_at: table.get("created_at").flatten(),
        created_by: table.get_or_default("created_by"),
    };
    Some(LockSpec { target: target?, ..spec })
}

fn target(reader: Reader<'_>) -> Option<LockTarget> {
    let target = reader.table(|table| {
        let mut field = |name| table.field(name).and_then(value);
        let target = LockTarget {
            user: field("user"),
            role: field("role"),
            login: field("login"),
            mfa_device: field("mfa_device"),
            server_id: field("server_id"),
            app: field("app"),
            bot_instance_id: field("bot_instance_id"),
            join_token: field("join_token"),
            oauth_grant: field("oauth_grant"),
        };
        let mut refused = false;
        for name in OTHER_TARGETS {
            // Accepted in silence, such a lock would shut out nobody.
            if let Some(reader) = table.field(name) {
                refused = true;
                reader.refuse::<()>(format!("locks on {name:?} are not supported"));
            }
        }
        if target.is_empty() && !refused {
            let help = "set one of user, role, login, mfa_device, server_id, app, bot_instance_id, \
                        join_token, oauth_grant";
            return table.reader().refuse_with_help("a lock needs a target", help);
        }
        Some(target)
    })?;
    Some(target)
}

fn value(reader: Reader<'_>) -> Option<String> {
    String::from_node(reader).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests;
