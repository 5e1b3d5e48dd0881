//! Who signs statements about users, for upstreams that verify them: the issuer's address and its
//! keys, as the replicated resources tell. The auth service and the proxies read the same, so what
//! one signs the others publish.

use pki::{JwkSet, PublicKey};
use resource::AuthorityType;

use crate::error::Error;
use crate::snapshot::Snapshot;

/// The issuer of ID tokens: the cluster's public address as an `https` URL (OpenID Connect
/// Discovery 1.0, section 3). None while no proxy has one.
///
/// Of several addresses it is the one that sorts first, which does not change with the order in
/// which proxies come and go.
#[must_use]
pub fn issuer_of(snapshot: &Snapshot) -> Option<String> {
    let addresses = snapshot.proxies.values().map(|proxy| proxy.spec.public_addr.as_str());
    let first = addresses.filter(|address| !address.is_empty()).min()?;
    Some(format!("https://{}", first.strip_suffix(":443").unwrap_or(first)))
}

/// The host name below which apps are offered that say none themselves: that of the proxy whose address
/// sorts first, or the cluster's own where no proxy has a name.
#[must_use]
pub fn app_domain(snapshot: &Snapshot, cluster: &str) -> String {
    let addresses = snapshot.proxies.values().map(|proxy| proxy.spec.public_addr.as_str());
    let hosts = addresses.filter_map(|address| {
        let host = address.rsplit_once(':').map_or(address, |(host, _port)| host);
        let is_address = host.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_ok();
        (!host.is_empty() && !is_address).then_some(host)
    });
    hosts.min().unwrap_or(cluster).to_ascii_lowercase()
}

/// The public keys that verify tokens of the cluster: those that sign, and those that signed or
/// will sign while keys are being changed.
///
/// # Errors
/// A key cannot be read.
pub fn token_keys_of(snapshot: &Snapshot, cluster: &str) -> Result<JwkSet, Error> {
    let unreadable =
        |error: String| Error::internal(format!("a token key cannot be read: {error}"));
    let mut keys = Vec::new();
    for authority in snapshot.authorities.values() {
        let spec = &authority.spec;
        if spec.cluster_name != cluster || spec.authority != AuthorityType::Jwt {
            continue;
        }
        for key in spec.active_keys.iter().chain(&spec.additional_trusted_keys) {
            let Some(pem) = &key.public_key else { continue };
            keys.push(PublicKey::from_pem(pem).map_err(|error| unreadable(error.to_string()))?);
        }
    }
    JwkSet::new(&keys).map_err(|error| unreadable(error.to_string()))
}

#[cfg(test)]
mod tests;
