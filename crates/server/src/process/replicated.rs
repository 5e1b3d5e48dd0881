//! What a process's services keep a copy of.

use pki::Service;
use resource::Kind;

use crate::identity::Wanted;

/// What they decide and route by, and may read.
pub(super) fn kinds(wanted: &Wanted) -> Vec<Kind> {
    let mut kinds = vec![
        Kind::Lock,
        Kind::CertAuthority,
        Kind::Proxy,
        Kind::TrustedCluster,
        Kind::RemoteCluster,
    ];
    if wanted.services.contains(&Service::Proxy) {
        kinds.extend([Kind::AppServer, Kind::AppAuthConfig]);
    }
    if wanted.services.contains(&Service::App) {
        kinds.extend([Kind::App, Kind::Role, Kind::User, Kind::ClusterAuthPreference]);
    }
    kinds
}
