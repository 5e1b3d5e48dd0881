//! How a client checks the certificates of servers.

use std::fmt;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, DigitallySignedStruct, Error, OtherError, RootCertStore, SignatureScheme,
};
use time::OffsetDateTime;

use super::{ServerTrust, TlsError, authorities, system_roots};
use crate::authority::{CaCertificate, CaKind};
use crate::pin::CaPin;
use crate::provider::provider;
use crate::trust::{Purpose, TrustStore, VerifyError, check_path, check_server_name, from_unix};

/// Verifies servers in the way that was asked for.
pub(super) struct ServerVerifier {
    check: Check,
}

enum Check {
    Cluster(TrustStore),
    Foreign(TrustStore, String),
    Pins(Vec<CaPin>),
    System(Arc<WebPkiServerVerifier>),
    Authorities(Arc<WebPkiServerVerifier>),
    ClusterOrSystem(TrustStore, Arc<WebPkiServerVerifier>),
    Nothing,
}

// === impl ServerVerifier ===

impl ServerVerifier {
    pub(super) fn new(trust: ServerTrust) -> Result<Self, TlsError> {
        let check = match trust {
            ServerTrust::Cluster(trust) => Check::Cluster(trust),
            ServerTrust::Foreign(trust, cluster) => Check::Foreign(trust, cluster),
            ServerTrust::Pins(pins) if pins.is_empty() => return Err(TlsError::NoPins),
            ServerTrust::Pins(pins) => Check::Pins(pins),
            ServerTrust::SystemRoots => Check::System(system_verifier()?),
            ServerTrust::Authorities(pem) => Check::Authorities(verifier(authorities(&pem)?)?),
            // A host without root certificates can still reach its cluster.
            ServerTrust::ClusterOrSystemRoots(trust) => match system_verifier() {
                Ok(system) => Check::ClusterOrSystem(trust, system),
                Err(TlsError::NoSystemRoots) => Check::Cluster(trust),
                Err(error) => return Err(error),
            },
            ServerTrust::InsecureAnything => Check::Nothing,
        };
        Ok(Self { check })
    }
}

impl ServerCertVerifier for ServerVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let by_system = |system: &WebPkiServerVerifier| {
            system.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
        };
        let at = from_unix(now);
        let verified = match &self.check {
            Check::Cluster(trust) => trust.verify_server(end_entity, server_name, at),
            Check::Foreign(trust, cluster) => {
                trust.verify_foreign_server(cluster, end_entity, server_name, at)
            }
            Check::Pins(pins) => by_pin(pins, end_entity, intermediates, server_name, at),
            Check::System(roots) | Check::Authorities(roots) => return by_system(roots),
            Check::ClusterOrSystem(trust, system) => {
                match trust.verify_server(end_entity, server_name, at) {
                    // Not of the cluster at all, so the system's answer is the one to tell.
                    Err(VerifyError::UnknownAuthority | VerifyError::Malformed { .. }) => {
                        return by_system(system);
                    }
                    of_the_cluster => of_the_cluster,
                }
            }
            Check::Nothing => Ok(()),
        };
        match verified {
            Ok(()) => Ok(ServerCertVerified::assertion()),
            // Kept whole for our own user: `VerifyError::find` gets it out again.
            Err(error) => {
                Err(Error::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(error)))))
            }
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &provider().signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &provider().signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        provider().signature_verification_algorithms.supported_schemes()
    }
}

impl fmt::Debug for ServerVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.check {
            Check::Cluster(_) => "ServerVerifier(cluster)",
            Check::Foreign(..) => "ServerVerifier(another cluster)",
            Check::Pins(_) => "ServerVerifier(pins)",
            Check::System(_) => "ServerVerifier(system roots)",
            Check::Authorities(_) => "ServerVerifier(authorities)",
            Check::ClusterOrSystem(..) => "ServerVerifier(cluster or system roots)",
            Check::Nothing => "ServerVerifier(nothing)",
        })
    }
}

/// The server must send its authority's certificate; if that has the right key, it is believed for
/// this one handshake and must have issued the server's.
fn by_pin(
    pins: &[CaPin],
    leaf: &CertificateDer<'_>,
    chain: &[CertificateDer<'_>],
    name: &ServerName<'_>,
    now: OffsetDateTime,
) -> Result<(), VerifyError> {
    let sent: Vec<CaCertificate> = chain
        .iter()
        .filter_map(|der| CaCertificate::from_der(der.clone().into_owned()).ok())
        .filter(|authority| authority.kind() == CaKind::Host)
        .collect();
    if sent.is_empty() {
        return Err(VerifyError::PinUncheckable);
    }
    let Some(pinned) = sent.iter().find(|authority| pins.contains(&authority.pin())) else {
        let presented = sent.iter().map(CaCertificate::pin).collect();
        return Err(VerifyError::PinMismatch { presented });
    };
    let anchors = [pinned.anchor().clone()];
    check_path(leaf, std::slice::from_ref(pinned), &anchors, Purpose::Server, now)?;
    check_server_name(leaf, name)
}

fn system_verifier() -> Result<Arc<WebPkiServerVerifier>, TlsError> {
    verifier(system_roots()?)
}

fn verifier(roots: RootCertStore) -> Result<Arc<WebPkiServerVerifier>, TlsError> {
    WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider())
        .build()
        // The only reasons are missing roots and bad revocation lists, and there are none of these.
        .map_err(|_e| TlsError::NoSystemRoots)
}
