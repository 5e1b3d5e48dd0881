//! `token`: by what services join the cluster. Where no other proof is asked for, its name is the secret.

mod method;
mod uses;

use std::fmt;

use serde_json::{Map, Value};

use crate::connector::filled;
use crate::decode::{FromNode, Reader, Table};
use crate::kind::Kind;
use crate::label::LabelSelector;
use crate::metadata::{Metadata, NameRule, any_version, metadata};
use crate::object::{Object, document};
use crate::report::quoted;
use crate::secret::Secrets;

pub use self::method::{
    JoinClaim, JoinMethod, JoinMethodName, JoinRule, MAX_RULES, Platform, Want, WorkloadJoin,
};
pub use self::uses::{MAX_USES, TokenStatus};

/// What a masked character looks like. A token cannot contain it, so that a masked one is never created.
const MASK: char = '*';

/// Known fields that mean nothing here, kept and printed back.
const OTHER_FIELDS: &[&str] = &["suggested_agent_matcher_labels", "allow"];

/// What a service shows to join the cluster.
#[derive(Clone, PartialEq)]
pub struct Token {
    /// The name is the secret, unless the join method asks for another proof.
    pub metadata: Metadata,
    /// What the token is good for.
    pub spec: TokenSpec,
    /// What has become of it. The auth service writes it.
    pub status: TokenStatus,
}

/// What a token is good for.
#[derive(Debug, Clone, PartialEq)]
pub struct TokenSpec {
    /// The services that may join with it; at least one.
    pub roles: Vec<JoinRole>,
    /// How joining is proven.
    pub join_method: JoinMethod,
    /// The bot that joins with it; none if services do.
    pub bot_name: Option<String>,
    /// How many may join with it; [`None`] for as many as come.
    pub uses: Option<u32>,
    /// Labels that whoever joins is advised to carry.
    pub suggested_labels: Option<LabelSelector>,
    /// Known fields that mean nothing here, kept and printed back.
    pub other: Map<String, Value>,
}

/// A service that may join the cluster.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum JoinRole {
    /// The auth service.
    Auth,
    /// The proxy service.
    Proxy,
    /// The app service.
    App,
    /// A bot.
    Bot,
    /// Another cluster, whose servers users of this one may reach.
    TrustedCluster,
    /// A service that documents in use name and this cluster does not have. It opens nothing.
    Other(String),
}

/// Services that documents in use name and this cluster does not have.
const OTHER_ROLES: [&str; 7] =
    ["node", "kube", "db", "discovery", "windowsdesktop", "mdm", "signup"];

impl JoinRole {
    /// Reads the name of a service, as in documents and on command lines.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text.trim().to_ascii_lowercase().as_str() {
            "auth" => Some(Self::Auth),
            "proxy" => Some(Self::Proxy),
            "app" => Some(Self::App),
            "bot" => Some(Self::Bot),
            "trusted_cluster" | "trustedcluster" => Some(Self::TrustedCluster),
            other if OTHER_ROLES.contains(&other) => Some(Self::Other(other.to_owned())),
            _ => None,
        }
    }

    /// The spelling in documents.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Auth => "auth",
            Self::Proxy => "proxy",
            Self::App => "app",
            Self::Bot => "bot",
            Self::TrustedCluster => "trusted_cluster",
            Self::Other(name) => name,
        }
    }
}

impl fmt::Display for JoinRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromNode for JoinRole {
    fn from_node(reader: Reader<'_>) -> Option<Self> {
        let text = reader.text()?;
        let role = Self::parse(text);
        if role.is_none() {
            let help = "expected one of app, proxy, bot, auth, trusted_cluster";
            reader.refuse_with_help::<()>(format!("unknown service {}", quoted(text)), help);
        }
        role
    }
}

impl Token {
    /// A token for services to join with.
    pub fn new(name: impl Into<String>, roles: impl IntoIterator<Item = JoinRole>) -> Self {
        Self {
            metadata: Metadata::named(name),
            spec: TokenSpec {
                roles: roles.into_iter().collect(),
                join_method: JoinMethod::Token,
                bot_name: None,
                uses: None,
                suggested_labels: None,
                other: Map::new(),
            },
            status: TokenStatus::default(),
        }
    }

    /// The token with all but its last characters masked: enough to tell tokens apart. A name that is no
    /// secret stays as it is.
    #[must_use]
    pub fn masked_name(&self) -> String {
        if self.spec.join_method.is_secret() {
            mask(&self.metadata.name)
        } else {
            self.metadata.name.clone()
        }
    }

    /// Whether the name is a masked one: a token that was read where secrets are not shown. Such a
    /// token can be listed, and must not be written.
    #[must_use]
    pub fn is_masked(&self) -> bool {
        self.metadata.name.contains(MASK)
    }

    pub(crate) fn read(document: &mut Table<'_>) -> Option<Self> {
        any_version(document, Kind::Token);
        let metadata = metadata(document, NameRule::Secret);
        let spec = document.required("spec").and_then(|reader| reader.table(spec));
        let status =
            document.field("status").map_or_else(|| Some(Default::default()), uses::status);
        Some(Self { metadata: metadata?, spec: spec?, status: status? })
    }

    /// The token as JSON.
    #[must_use]
    pub fn to_json(&self, secrets: Secrets) -> Value {
        let roles: Vec<&str> = self.spec.roles.iter().map(JoinRole::as_str).collect();
        let suggested = self.spec.suggested_labels.as_ref();
        let mut spec = Object::default();
        spec.put("roles", roles);
        self.spec.join_method.put(&mut spec);
        spec.put_some("bot_name", self.spec.bot_name.as_deref());
        spec.put_some("uses", self.spec.uses);
        spec.put_some("suggested_labels", suggested.map(LabelSelector::to_json))
            .put_kept(&self.spec.other);
        let mut metadata = self.metadata.clone();
        if secrets == Secrets::Redact {
            metadata.name = self.masked_name();
        }
        document(Kind::Token, "", Kind::Token.version(), &metadata, spec, self.status.to_object())
    }
}

fn spec(table: &mut Table<'_>) -> Option<TokenSpec> {
    let roles: Option<Vec<JoinRole>> = table.require("roles");
    if roles.as_ref().is_some_and(Vec::is_empty) {
        table.missing::<()>("roles", "a token needs at least one service that may join with it");
    }
    let join_method = JoinMethod::read(table);
    let bot = bot(table, roles.as_deref().unwrap_or_default());
    let uses = uses::read(table, join_method.as_ref(), roles.as_deref().unwrap_or_default());
    let suggested_labels = table.get("suggested_labels");
    let other = table.keep(OTHER_FIELDS);
    Some(TokenSpec {
        roles: roles?,
        join_method: join_method?,
        bot_name: bot?,
        uses: uses?,
        suggested_labels,
        other,
    })
}

/// Whoever joins as a bot is that bot and nothing else.
#[expect(clippy::option_option, reason = "absent and mistaken are two things")]
fn bot(table: &mut Table<'_>, roles: &[JoinRole]) -> Option<Option<String>> {
    let name = table.field("bot_name");
    match (roles.contains(&JoinRole::Bot), name) {
        (true, None) => table.missing("bot_name", "missing: which bot joins with the token"),
        (true, Some(name)) if roles.len() > 1 => {
            name.refuse("a token is for a bot or for services, not for both")
        }
        (true, Some(name)) => filled(name).map(Some),
        (false, Some(name)) if name.text()?.is_empty() => Some(None),
        (false, Some(name)) => name.refuse("this is for tokens whose roles are [Bot]"),
        (false, None) => Some(None),
    }
}

/// Masks three quarters of a secret, and never leaves more than eight characters.
fn mask(secret: &str) -> String {
    let length = secret.chars().count();
    let shown = (length / 4).min(8);
    secret
        .chars()
        .enumerate()
        .map(|(index, c)| if index < length - shown { MASK } else { c })
        .collect()
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token")
            .field("name", &self.masked_name())
            .field("expires", &self.metadata.expires)
            .field("spec", &self.spec)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
