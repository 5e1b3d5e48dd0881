//! Who is speaking: keys, authorities, certificates, tokens and the TLS made of them.
//!
//! A cluster has two certificate authorities, one for users and one for services, and a key that
//! signs tokens. What a certificate proves is an [`Identity`], carried in a private extension; a
//! [`TrustStore`] verifies it offline, against authorities that can be replaced while everything
//! runs. TLS configurations read the store and the credentials anew at each handshake.
//!
//! This is the only crate that names the cryptographic provider (aws-lc-rs). It knows the time
//! only as an argument, keeps nothing on disk but what it is told to, and decides nothing about
//! what an identity may do.
//!
//! Standards: X.509 as profiled by RFC 5280, names in certificates by RFC 9525, TLS 1.3 by
//! RFC 8446, PEM by RFC 7468, PKCS#8 by RFC 5958, JWS, JWK and JWT by RFC 7515, 7517 and 7519.
//! Times are UTC; what certificates and tokens carry is in whole seconds.

pub mod authority;
pub mod certificate;
pub mod foreign_key;
pub mod identity;
pub mod identity_file;
pub mod jwt;
pub mod key;
mod pem;
pub mod pin;
mod provider;
pub mod seal;
pub mod secret_file;
#[cfg(test)]
mod testing;
pub mod tls;
pub mod trust;
pub mod vouch;

pub use crate::authority::{CaCertificate, CaKind, CertificateAuthority, IssueError};
pub use crate::certificate::{Certificate, CertificateError};
pub use crate::foreign_key::{ForeignKey, ForeignKeyError, RsaKey};
pub use crate::identity::{
    AppElsewhere, BoundApp, Identity, Principal, SecondFactors, Service, ServiceIdentity,
    UserIdentity, UserKind, Visit, VisitTools,
};
pub use crate::identity_file::IdentityFile;
pub use crate::jwt::{JwkSet, JwtKey};
pub use crate::key::{KeyError, PrivateKey, PublicKey};
pub use crate::pin::CaPin;
pub use crate::provider::{digest_of, install_crypto_provider};
pub use crate::seal::{SealError, Sealer};
pub use crate::tls::{ClientAuth, Credentials, CredentialsSlot, ServerTrust};
pub use crate::trust::{Foreign, Trust, TrustError, TrustStore, VerifyError};
