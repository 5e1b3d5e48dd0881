//! Who calls: what the evidence of a connection says, before anything is looked up.

use std::sync::Arc;

use pki::{Identity, Service, ServiceIdentity, UserIdentity};
use time::OffsetDateTime;

/// Whoever is at the other end of a connection.
#[derive(Clone, Debug)]
pub(crate) enum Caller {
    /// A person or a program with a user certificate.
    User(Arc<UserIdentity>),
    /// A service of the cluster.
    Service(Arc<ServiceIdentity>),
    /// An auth service of a cluster that joined this one.
    ForeignAuth(Arc<ServiceIdentity>),
    /// A user of a cluster that this one trusts.
    Visitor(Arc<UserIdentity>),
    /// Somebody on this machine who may open the local socket.
    LocalAdmin {
        /// The user id that the system reports.
        uid: u32,
    },
    /// Nobody who proved anything.
    Anonymous,
}

// === impl Caller ===

impl Caller {
    /// What it is, in one word of the API.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::User(_) => "user",
            Self::Service(_) => "service",
            Self::ForeignAuth(_) => "foreign_service",
            Self::Visitor(_) => "visitor",
            Self::LocalAdmin { .. } => "local_admin",
            Self::Anonymous => "anonymous",
        }
    }

    /// The name to record: a user's name, a service's host id.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::User(user) => user.name.clone(),
            Self::Service(service) => service.host_id.clone(),
            Self::ForeignAuth(service) => service.host_name(),
            Self::Visitor(user) => user.known_as().into_owned(),
            Self::LocalAdmin { uid } => format!("local administrator (uid {uid})"),
            Self::Anonymous => "anonymous".to_owned(),
        }
    }

    /// When the evidence ends.
    pub(crate) fn expires(&self) -> Option<OffsetDateTime> {
        match self {
            Self::User(user) | Self::Visitor(user) => Some(user.expires),
            Self::Service(service) | Self::ForeignAuth(service) => Some(service.expires),
            Self::LocalAdmin { .. } | Self::Anonymous => None,
        }
    }

    /// The user, if it is one of this cluster.
    pub(crate) fn user(&self) -> Option<&UserIdentity> {
        match self {
            Self::User(user) => Some(user),
            _ => None,
        }
    }

    /// The service, if it is one of this cluster.
    pub(crate) fn service(&self) -> Option<&ServiceIdentity> {
        match self {
            Self::Service(service) => Some(service),
            _ => None,
        }
    }

    /// Whether it is a host that runs this service.
    pub(crate) fn runs(&self, service: Service) -> bool {
        self.service().is_some_and(|identity| identity.services.contains(&service))
    }
}

impl From<&Identity> for Caller {
    fn from(identity: &Identity) -> Self {
        match identity {
            Identity::User(user) => Self::User(Arc::new(user.clone())),
            Identity::Service(service) => Self::Service(Arc::new(service.clone())),
        }
    }
}
