//! How a server checks the certificates of its clients.

use std::sync::Arc;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, OtherError, SignatureScheme,
};

use crate::provider::provider;
use crate::trust::{TrustStore, VerifyError, from_unix};

/// Verifies clients by the trust of the moment.
#[derive(Debug)]
pub(super) struct ClientVerifier {
    trust: TrustStore,
    mandatory: bool,
    // Subjects of authorities are the same for all their keys, so what was true when the
    // configuration was made stays true when keys are rotated. A hint only: browsers use it to
    // not ask people for a certificate that would be of no use.
    hints: Vec<DistinguishedName>,
}

// === impl ClientVerifier ===

impl ClientVerifier {
    pub(super) fn optional(trust: TrustStore) -> Arc<dyn ClientCertVerifier> {
        Arc::new(Self::new(trust, false))
    }

    pub(super) fn required(trust: TrustStore) -> Arc<dyn ClientCertVerifier> {
        Arc::new(Self::new(trust, true))
    }

    fn new(trust: TrustStore, mandatory: bool) -> Self {
        let authorities = trust.trust();
        let subjects = authorities.all().iter();
        let mut hints: Vec<DistinguishedName> = Vec::new();
        for hint in subjects.map(|a| DistinguishedName::in_sequence(&a.anchor().subject)) {
            if !hints.iter().any(|known| known.as_ref() == hint.as_ref()) {
                hints.push(hint);
            }
        }
        Self { trust, mandatory, hints }
    }
}

impl ClientCertVerifier for ClientVerifier {
    fn client_auth_mandatory(&self) -> bool {
        self.mandatory
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &self.hints
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let (chain, now) = (std::slice::from_ref(end_entity), from_unix(now));
        // Who is of another cluster gets as far as this; where such may go at all, whoever serves them
        // verifies them as such.
        let verified = match self.trust.verify(chain, now) {
            Err(VerifyError::UnknownAuthority) => self.trust.verify_foreign(chain, now),
            verified => verified,
        };
        match verified {
            Ok(_identity) => Ok(ClientCertVerified::assertion()),
            Err(error) => Err(to_alert(error)),
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

/// The client learns of a refusal only by the TLS alert (RFC 8446 section 6.2), so what has an alert
/// of its own is told as that.
fn to_alert(error: VerifyError) -> Error {
    Error::InvalidCertificate(match error {
        VerifyError::Expired { .. } => CertificateError::Expired,
        VerifyError::UnknownAuthority => CertificateError::UnknownIssuer,
        error => CertificateError::Other(OtherError(Arc::new(error))),
    })
}
