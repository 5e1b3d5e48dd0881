//! Who somebody is: what a certificate of the cluster says about its holder.

mod bound_app;
pub(crate) mod extension;
mod principal;
mod second_factor;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

pub use self::bound_app::{AppElsewhere, BoundApp};
pub use self::extension::{IdentityError, MAX_IDENTITY_BYTES};
pub use self::principal::Principal;
pub use self::second_factor::SecondFactors;

/// A verified, or to be certified, holder of a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "whoever keeps one shares it, and most are of users")]
pub enum Identity {
    /// A person or a bot, certified by the user authority.
    User(UserIdentity),
    /// A process of the cluster, certified by the host authority.
    Service(ServiceIdentity),
}

/// A person or a bot who signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserIdentity {
    /// The user's name.
    pub name: String,
    /// Person or program.
    pub kind: UserKind,
    /// The names of the user's roles at sign-in.
    pub roles: Vec<String>,
    /// What is known of the user beyond the name; roles refer to it.
    pub traits: BTreeMap<String, Vec<String>>,
    /// The cluster that vouches for the user.
    pub cluster: String,
    /// Names this sign-in; locks and audit records refer to it.
    pub login_id: String,
    /// With which devices the user proved a second factor.
    pub mfa: SecondFactors,
    /// The one address from which the certificate may be used, if it is pinned.
    pub source_ip: Option<IpAddr>,
    /// The one app that it is good for, and for nothing else, if it is bound to one.
    pub app: Option<BoundApp>,
    /// The one other cluster that it is good in, and nowhere else, if it is for a visit.
    pub visit: Option<Visit>,
    /// The place where a bot runs, of which the certificate comes.
    pub bot_instance_id: Option<String>,
    /// By what a bot joined: the name of the join token, or its id where the name is a secret.
    pub join_token: Option<String>,
    /// What it rests on where the user granted it to a client without a certificate: the name of an `oauth_grant` of the
    /// user's own cluster.
    pub oauth_grant: Option<String>,
    /// When the identity was issued.
    pub issued: OffsetDateTime,
    /// When it ends; the certificate's `notAfter`.
    pub expires: OffsetDateTime,
}

/// A user's use of another cluster, which trusts the user's own.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Visit {
    /// The cluster that is visited.
    pub cluster: String,
    /// What the user's own cluster says of tools.
    #[serde(default)]
    pub tools: VisitTools,
}

/// Patterns of tools, with their templates filled in, that the roles of a user allow and deny at home.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VisitTools {
    /// What they allow.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allowed: Vec<String>,
    /// What they deny.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub denied: Vec<String>,
}

/// Person or program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UserKind {
    /// A person.
    #[default]
    Human,
    /// A program with a user of its own.
    Bot,
}

/// A process of the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceIdentity {
    /// A UUID that the process was given when it joined.
    pub host_id: String,
    /// The name of its machine, for people.
    pub node_name: String,
    /// What it may run.
    pub services: BTreeSet<Service>,
    /// The cluster it belongs to.
    pub cluster: String,
    /// By what it joined: the name of the join token, or its id where the name is a secret.
    pub join_token: Option<String>,
    /// When the identity was issued.
    pub issued: OffsetDateTime,
    /// When it ends; the certificate's `notAfter`.
    pub expires: OffsetDateTime,
}

/// The services of which a cluster is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Service {
    /// Keeps resources and signs identities.
    Auth,
    /// The public edge.
    Proxy,
    /// Serves apps.
    App,
}

/// Text that names no service.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a service: expected auth, proxy or app")]
pub struct UnknownService {
    /// What was given.
    pub text: String,
}

// === impl Identity ===

impl Identity {
    /// The user's name, or `<host_id>.<cluster>` of a service.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::User(user) => user.name.clone(),
            Self::Service(service) => service.host_name(),
        }
    }

    /// The cluster that vouches for this identity.
    #[must_use]
    pub fn cluster(&self) -> &str {
        match self {
            Self::User(user) => &user.cluster,
            Self::Service(service) => &service.cluster,
        }
    }

    /// When the identity was issued.
    #[must_use]
    pub fn issued(&self) -> OffsetDateTime {
        match self {
            Self::User(user) => user.issued,
            Self::Service(service) => service.issued,
        }
    }

    /// When the identity ends.
    #[must_use]
    pub fn expires(&self) -> OffsetDateTime {
        match self {
            Self::User(user) => user.expires,
            Self::Service(service) => service.expires,
        }
    }

    /// The user, if this is one.
    #[must_use]
    pub fn as_user(&self) -> Option<&UserIdentity> {
        match self {
            Self::User(user) => Some(user),
            Self::Service(_) => None,
        }
    }

    /// The service, if this is one.
    #[must_use]
    pub fn as_service(&self) -> Option<&ServiceIdentity> {
        match self {
            Self::User(_) => None,
            Self::Service(service) => Some(service),
        }
    }

    /// Whether this is a process that may run `service`.
    #[must_use]
    pub fn is_service(&self, service: Service) -> bool {
        self.as_service().is_some_and(|s| s.services.contains(&service))
    }
}

impl From<UserIdentity> for Identity {
    fn from(user: UserIdentity) -> Self {
        Self::User(user)
    }
}

impl From<ServiceIdentity> for Identity {
    fn from(service: ServiceIdentity) -> Self {
        Self::Service(service)
    }
}

// === impl ServiceIdentity ===

impl ServiceIdentity {
    /// `<host_id>.<cluster>`: the DNS name in the certificate that is this process and no other.
    #[must_use]
    pub fn host_name(&self) -> String {
        format!("{}.{}", self.host_id, self.cluster)
    }
}

// === impl Service ===

impl Service {
    /// The service's name as it is written.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Auth => "auth",
            Self::Proxy => "proxy",
            Self::App => "app",
        }
    }

    /// The DNS name in the certificates of all processes that run this service. Who dials a
    /// service of the cluster expects this name, whatever address it dials.
    #[must_use]
    pub const fn server_name(self) -> &'static str {
        match self {
            Self::Auth => "auth.tessera.internal",
            Self::Proxy => "proxy.tessera.internal",
            Self::App => "app.tessera.internal",
        }
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Service {
    type Err = UnknownService;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let lower = text.to_ascii_lowercase();
        [Self::Auth, Self::Proxy, Self::App]
            .into_iter()
            .find(|service| service.as_str() == lower)
            .ok_or_else(|| UnknownService { text: text.to_owned() })
    }
}

#[cfg(test)]
mod tests;
