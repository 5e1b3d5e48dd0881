//! TLS configurations that follow the cluster: trust and credentials are read at each handshake.
//!
//! A configuration is made once. Replacing what is in its [`TrustStore`] or [`CredentialsSlot`]
//! takes effect with the next handshake. Sessions are never resumed, in either direction: a
//! resumed session would skip the verification of the peer.

mod client_verifier;
mod credentials;
mod server_verifier;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use rustls::client::Resumption;
use rustls::server::NoServerSessionStorage;
use rustls::time_provider::TimeProvider;
use rustls::{ClientConfig, RootCertStore, ServerConfig, version};
use rustls_pki_types::{ServerName, UnixTime};
use time::OffsetDateTime;

use self::client_verifier::ClientVerifier;
pub use self::credentials::{Credentials, CredentialsSlot, ServerCredentials};
use self::server_verifier::ServerVerifier;
use crate::pin::CaPin;
use crate::provider::provider;
use crate::trust::TrustStore;

/// Whether a server asks clients for a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientAuth {
    /// It does not ask.
    None,
    /// It asks; who has none is anonymous, and who presents a bad one is refused.
    Optional,
    /// Without a certificate there is no connection.
    Required,
}

/// Which servers a client believes.
#[derive(Debug, Clone)]
pub enum ServerTrust {
    /// Services of the cluster, by its host authorities.
    Cluster(TrustStore),
    /// Services of this other cluster, by its host authorities and nobody else's.
    Foreign(TrustStore, String),
    /// Services whose chain leads to a host authority with one of these pins, of whatever cluster.
    Pins(Vec<CaPin>),
    /// Servers that the operating system believes.
    SystemRoots,
    /// Servers whose chain leads to one of these authorities, in PEM, and to no other.
    Authorities(String),
    /// Services of the cluster, and what the operating system believes: for a proxy that may have
    /// a publicly trusted certificate.
    ClusterOrSystemRoots(TrustStore),
    /// Anybody. Only because the user asked for it in so many words.
    InsecureAnything,
}

/// Why there is no TLS configuration.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// rustls refuses.
    #[error("the TLS configuration is not possible")]
    Config {
        /// Why.
        #[source]
        source: rustls::Error,
    },
    /// The operating system has no root certificates.
    #[error(
        "the operating system has no root certificates: install its CA certificates package, \
         or give a CA pin"
    )]
    NoSystemRoots,
    /// Authorities were given, and cannot be read.
    #[error("the authorities to check the server by are no certificates in PEM")]
    NoAuthorities,
    /// Pins were asked for, and none was given.
    #[error("no CA pin was given to check the server by")]
    NoPins,
    /// Neither a DNS name nor an IP address.
    #[error("{name:?} is neither a DNS name nor an IP address")]
    ServerName {
        /// What was given.
        name: String,
    },
}

/// Tells rustls the time of somebody else's clock.
struct Told(Arc<dyn Fn() -> OffsetDateTime + Send + Sync>);

/// A server's configuration.
///
/// # Errors
///
/// When rustls refuses the combination.
pub fn server_config(
    credentials: &ServerCredentials,
    trust: &TrustStore,
    client_auth: ClientAuth,
    alpn: &[&[u8]],
) -> Result<ServerConfig, TlsError> {
    let builder = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|source| TlsError::Config { source })?;
    let builder = match client_auth {
        ClientAuth::None => builder.with_no_client_auth(),
        ClientAuth::Optional => {
            builder.with_client_cert_verifier(ClientVerifier::optional(trust.clone()))
        }
        ClientAuth::Required => {
            builder.with_client_cert_verifier(ClientVerifier::required(trust.clone()))
        }
    };
    let mut config = builder.with_cert_resolver(Arc::new(credentials.clone()));
    config.alpn_protocols = alpn.iter().map(|p| p.to_vec()).collect();
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    config.max_tls13_tickets = 0;
    Ok(config)
}

/// A client's configuration. With `credentials`, it presents what is in the slot at the time,
/// if anything is.
///
/// # Errors
///
/// When there is nothing to check servers by, or rustls refuses the combination.
pub fn client_config(
    trust: ServerTrust,
    credentials: Option<&CredentialsSlot>,
    alpn: &[&[u8]],
) -> Result<ClientConfig, TlsError> {
    let builder = ClientConfig::builder_with_provider(provider());
    let builder = match trust {
        // Our own servers speak TLS 1.3; only those of others may need 1.2.
        ServerTrust::Cluster(_) | ServerTrust::Foreign(..) | ServerTrust::Pins(_) => {
            builder.with_protocol_versions(&[&version::TLS13])
        }
        _ => builder.with_safe_default_protocol_versions(),
    };
    let builder = builder
        .map_err(|source| TlsError::Config { source })?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(ServerVerifier::new(trust)?));
    let mut config = match credentials {
        Some(slot) => builder.with_client_cert_resolver(Arc::new(slot.clone())),
        None => builder.with_no_client_auth(),
    };
    config.alpn_protocols = alpn.iter().map(|p| p.to_vec()).collect();
    config.resumption = Resumption::disabled();
    Ok(config)
}

/// The time of another clock, for the `time_provider` of a configuration.
pub fn time_provider(
    now: impl Fn() -> OffsetDateTime + Send + Sync + 'static,
) -> Arc<dyn TimeProvider> {
    Arc::new(Told(Arc::new(now)))
}

/// The name or address that a server's certificate must be for.
///
/// # Errors
///
/// When it is neither a DNS name nor an IP address (which may be in brackets).
pub fn server_name(name: &str) -> Result<ServerName<'static>, TlsError> {
    let bare = name.strip_prefix('[').and_then(|n| n.strip_suffix(']')).unwrap_or(name);
    ServerName::try_from(bare.to_owned())
        .map_err(|_e| TlsError::ServerName { name: name.to_owned() })
}

fn system_roots() -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    // Some systems carry a few certificates that do not parse; the others are good all the same.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() { Err(TlsError::NoSystemRoots) } else { Ok(roots) }
}

// === impl Told ===

impl TimeProvider for Told {
    fn current_time(&self) -> Option<UnixTime> {
        let seconds = u64::try_from((self.0)().unix_timestamp()).ok()?;
        Some(UnixTime::since_unix_epoch(Duration::from_secs(seconds)))
    }
}

impl fmt::Debug for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Told")
    }
}

/// Only certificates that can be authorities count; all of them must be readable.
fn authorities(pem: &str) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in crate::pem::certificates(pem).map_err(|_e| TlsError::NoAuthorities)? {
        roots.add(certificate).map_err(|_e| TlsError::NoAuthorities)?;
    }
    Ok(roots)
}

#[cfg(test)]
mod tests;
