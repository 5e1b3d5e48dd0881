//! What services may do, by what they are. No role changes it.
//!
//! A proxy routes and shows pages; an agent decides and reports what it serves. Neither reads a
//! secret, neither writes what people wrote, and what a host writes is about itself.

use pki::{Service, ServiceIdentity};
use resource::Kind;

use crate::verb::Verb;

/// How far a right goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extent {
    /// Every resource of the kind.
    All,
    /// Only what the host itself wrote.
    Own,
}

/// One row of the table.
struct Right {
    service: Service,
    kind: Kind,
    verbs: &'static [Verb],
    extent: Extent,
}

const READ: &[Verb] = &[Verb::List, Verb::ReadNoSecrets];
const WRITE: &[Verb] = &[Verb::Create, Verb::Update, Verb::Delete];

const fn read(service: Service, kind: Kind) -> Right {
    Right { service, kind, verbs: READ, extent: Extent::All }
}

const fn own(service: Service, kind: Kind, verbs: &'static [Verb]) -> Right {
    Right { service, kind, verbs, extent: Extent::Own }
}

const RIGHTS: &[Right] = &[
    // A proxy finds agents, checks evidence and tells others that it is there.
    read(Service::Proxy, Kind::App),
    read(Service::Proxy, Kind::AppServer),
    read(Service::Proxy, Kind::CertAuthority),
    read(Service::Proxy, Kind::Lock),
    read(Service::Proxy, Kind::Proxy),
    read(Service::Proxy, Kind::ClusterAuthPreference),
    // In which headers clients without a certificate show tokens.
    read(Service::Proxy, Kind::AppAuthConfig),
    // Whom of other clusters it takes in, and where it sends its own users.
    read(Service::Proxy, Kind::TrustedCluster),
    read(Service::Proxy, Kind::RemoteCluster),
    own(Service::Proxy, Kind::Proxy, WRITE),
    // An agent decides by roles, users and locks, and says what it serves. Of the records of that
    // it sees its own, to tidy up after a predecessor.
    read(Service::App, Kind::App),
    read(Service::App, Kind::Role),
    read(Service::App, Kind::User),
    read(Service::App, Kind::Lock),
    read(Service::App, Kind::OauthGrant),
    read(Service::App, Kind::CertAuthority),
    read(Service::App, Kind::Proxy),
    read(Service::App, Kind::ClusterAuthPreference),
    // What users of other clusters may be here.
    read(Service::App, Kind::TrustedCluster),
    read(Service::App, Kind::RemoteCluster),
    own(Service::App, Kind::AppServer, READ),
    own(Service::App, Kind::AppServer, WRITE),
    own(Service::App, Kind::Agent, WRITE),
];

/// Whether a host may do this to resources of a kind, and to which of them.
pub(crate) fn extent(host: &ServiceIdentity, verb: Verb, kind: Kind) -> Option<Extent> {
    let mut best = None;
    for right in RIGHTS {
        if right.kind == kind
            && right.verbs.contains(&verb)
            && host.services.contains(&right.service)
        {
            match right.extent {
                Extent::All => return Some(Extent::All),
                Extent::Own => best = Some(Extent::Own),
            }
        }
    }
    best
}

/// Whether a resource is one that the host itself writes.
pub(crate) fn owns(host: &ServiceIdentity, kind: Kind, name: &str) -> bool {
    let host_id = host.host_id.as_str();
    match kind {
        Kind::Proxy | Kind::Agent => name == host_id,
        Kind::AppServer => name
            .strip_prefix(host_id)
            .and_then(|rest| rest.strip_prefix('/'))
            .is_some_and(|app| !app.is_empty()),
        Kind::App
        | Kind::Role
        | Kind::User
        | Kind::Token
        | Kind::Lock
        | Kind::CertAuthority
        | Kind::ClusterAuthPreference
        | Kind::Oidc
        | Kind::Saml
        | Kind::Github
        | Kind::AppAuthConfig
        | Kind::Bot
        | Kind::TrustedCluster
        | Kind::RemoteCluster
        | Kind::OauthGrant => false,
    }
}

#[cfg(test)]
mod tests;
