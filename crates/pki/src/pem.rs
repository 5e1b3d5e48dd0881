//! PEM (RFC 7468): base64 in lines of 64 characters between BEGIN and END.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::{self, PemObject, SectionKind};
use zeroize::Zeroizing;

/// Text that is not the PEM that was expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no PEM block that reads as a {expected} was found")]
pub struct InvalidPem {
    /// What should have been there.
    pub expected: &'static str,
}

/// RFC 7468 section 2: generators must wrap at exactly this length.
const LINE: usize = 64;

pub(crate) fn encode(label: &str, der: &[u8]) -> Zeroizing<String> {
    let body = Zeroizing::new(STANDARD.encode(der));
    // Reserved at once: a reallocation would leave a copy of the secret behind.
    let mut out = Zeroizing::new(String::with_capacity(body.len() + body.len() / LINE + 128));
    out.push_str("-----BEGIN ");
    out.push_str(label);
    out.push_str("-----\n");
    for line in body.as_bytes().chunks(LINE) {
        out.extend(line.iter().map(|b| char::from(*b)));
        out.push('\n');
    }
    out.push_str("-----END ");
    out.push_str(label);
    out.push_str("-----\n");
    out
}

/// The content of the first block of this kind.
pub(crate) fn first(
    text: &str,
    kind: SectionKind,
    expected: &'static str,
) -> Result<Zeroizing<Vec<u8>>, InvalidPem> {
    let mut rest = text.as_bytes();
    while let Some((found, der)) = pem::from_buf(&mut rest).map_err(|_e| InvalidPem { expected })? {
        let der = Zeroizing::new(der);
        if found == kind {
            return Ok(der);
        }
    }
    Err(InvalidPem { expected })
}

/// All certificates in the text, in its order; at least one.
pub(crate) fn certificates(text: &str) -> Result<Vec<CertificateDer<'static>>, InvalidPem> {
    let invalid = InvalidPem { expected: "certificate" };
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text.as_bytes()).collect();
    found.ok().filter(|certificates| !certificates.is_empty()).ok_or(invalid)
}
