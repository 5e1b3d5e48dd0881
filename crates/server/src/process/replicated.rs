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
    kinds.push(Kind::ClusterAuthPreference);
    if wanted.services.contains(&Service::App) {
        kinds.extend([Kind::App, Kind::Role, Kind::User, Kind::OauthGrant]);
    }
    kinds
}

/// Of what they only need to know that something is different.
pub(super) fn noticed(wanted: &Wanted) -> Vec<Kind> {
    let reads = wanted.services.contains(&Service::App);
    if reads { Vec::new() } else { vec![Kind::Role, Kind::User, Kind::OauthGrant] }
}
