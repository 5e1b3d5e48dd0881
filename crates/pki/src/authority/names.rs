//! Which DNS names and addresses a service certificate may carry.

use std::net::IpAddr;

use rcgen::SanType;
use rustls_pki_types::DnsName;
use uuid::Uuid;

use super::IssueError;

/// A DNS name has at most 253 characters (RFC 1035 section 2.3.4, without the root's dot), of
/// which `<host_id>.` takes 37.
pub(super) const MAX_CLUSTER_NAME: usize = 253 - 37;

/// Names under which services find each other; only the authority itself assigns them.
const RESERVED: &str = "tessera.internal";

pub(super) fn check_cluster(name: &str) -> Result<(), IssueError> {
    let fits = name.len() <= MAX_CLUSTER_NAME && DnsName::try_from(name).is_ok();
    // A wildcard is accepted as a DNS name by some parsers; no cluster is called that.
    if fits && !name.contains('*') && !name.ends_with('.') {
        Ok(())
    } else {
        Err(IssueError::ClusterName { name: name.to_owned() })
    }
}

pub(super) fn check_host_id(host_id: &str) -> Result<(), IssueError> {
    // The hyphenated lower-case form and no other, because the id is compared as text.
    match Uuid::parse_str(host_id) {
        Ok(id) if id.hyphenated().to_string() == host_id => Ok(()),
        _ => Err(IssueError::HostId { host_id: host_id.to_owned() }),
    }
}

/// A name that a service asked for, in lower case; refused when it would let the service pass for
/// another one.
pub(super) fn check_extra(name: &str, cluster: &str) -> Result<String, IssueError> {
    let refused = |reason| IssueError::Name { name: name.to_owned(), reason };
    let lower = name.trim_end_matches('.').to_ascii_lowercase();
    let cluster = cluster.to_ascii_lowercase();
    let base = lower.strip_prefix("*.").unwrap_or(&lower);
    if base == RESERVED || base.ends_with(&format!(".{RESERVED}")) || RESERVED.ends_with(base) {
        return Err(refused("names of the cluster's services are reserved"));
    }
    if lower.starts_with("*.") && base == cluster {
        return Err(refused("it would cover every host of the cluster"));
    }
    let host = lower.strip_suffix(&format!(".{cluster}"));
    if host.is_some_and(|h| Uuid::parse_str(h).is_ok()) {
        return Err(refused("it is the name of a host"));
    }
    to_san(&lower)?;
    Ok(lower)
}

pub(super) fn to_san(name: &str) -> Result<SanType, IssueError> {
    let refused = |reason| IssueError::Name { name: name.to_owned(), reason };
    if let Ok(address) = name.parse::<IpAddr>() {
        return Ok(SanType::IpAddress(address));
    }
    let base = name.strip_prefix("*.").unwrap_or(name);
    if base.contains('*') || DnsName::try_from(base).is_err() {
        return Err(refused("it is neither a DNS name nor an IP address"));
    }
    let name = name.try_into().map_err(|_e| refused("it is not ASCII"))?;
    Ok(SanType::DnsName(name))
}
