//! What we present: certificate chain and key, replaceable for renewal.

use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use rustls::SignatureScheme;
use rustls::client::ResolvesClientCert;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::{CertifiedKey, SigningKey};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};

use super::TlsError;
use crate::authority::CaCertificate;
use crate::certificate::Certificate;
use crate::key::PrivateKey;
use crate::pem;
use crate::provider::provider;
use crate::trust::check_server_name;

/// A certificate chain, leaf first, and the leaf's private key.
#[derive(Clone)]
pub struct Credentials {
    certified: Arc<CertifiedKey>,
}

/// The place where a configuration finds its credentials. Clones are the same place.
#[derive(Clone, Default)]
pub struct CredentialsSlot {
    current: Arc<ArcSwapOption<CertifiedKey>>,
}

/// What a server presents: its certificate of the cluster, and to those who dialled it by a public
/// name, a certificate for that name if it has one.
#[derive(Clone, Debug)]
pub struct ServerCredentials {
    cluster: CredentialsSlot,
    public: Option<CredentialsSlot>,
}

// === impl Credentials ===

impl Credentials {
    /// A certificate of the cluster with its authority's, so that peers who know only a pin can
    /// check it.
    ///
    /// # Errors
    ///
    /// When the key is not the certificate's.
    pub fn new(
        certificate: &Certificate,
        authority: &CaCertificate,
        key: &PrivateKey,
    ) -> Result<Self, TlsError> {
        let chain = vec![certificate.der().clone(), authority.der().clone()];
        Self::from_parts(chain, key.to_rustls())
    }

    /// A certificate of the cluster by itself, for a client: servers know the authorities.
    ///
    /// # Errors
    ///
    /// When the key is not the certificate's.
    pub fn alone(certificate: &Certificate, key: &PrivateKey) -> Result<Self, TlsError> {
        Self::from_parts(vec![certificate.der().clone()], key.to_rustls())
    }

    /// A certificate from elsewhere: the chain and the private key in PEM, of any kind that TLS
    /// servers use.
    ///
    /// # Errors
    ///
    /// When either cannot be read, or the key is not the certificate's.
    pub fn from_pem(chain: &str, key: &str) -> Result<Self, TlsError> {
        let unreadable = |what: &str| TlsError::Config {
            source: rustls::Error::General(format!("the PEM text holds no {what}")),
        };
        let chain = pem::certificates(chain).map_err(|_e| unreadable("certificate"))?;
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes())
            .map_err(|_e| unreadable("private key"))?;
        Self::from_parts(chain, key)
    }

    /// The chain, leaf first.
    #[must_use]
    pub fn chain(&self) -> &[CertificateDer<'static>] {
        &self.certified.cert
    }

    pub(crate) fn key(&self) -> &dyn SigningKey {
        &*self.certified.key
    }

    fn from_parts(
        chain: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
    ) -> Result<Self, TlsError> {
        CertifiedKey::from_der(chain, key, &provider())
            .map(|certified| Self { certified: Arc::new(certified) })
            .map_err(|source| TlsError::Config { source })
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("certificates", &self.certified.cert.len())
            .finish_non_exhaustive()
    }
}

// === impl CredentialsSlot ===

impl CredentialsSlot {
    /// A slot with credentials in it.
    #[must_use]
    pub fn new(credentials: Credentials) -> Self {
        let slot = Self::default();
        slot.replace(credentials);
        slot
    }

    /// A slot with nothing in it yet: a client presents no certificate, a server refuses.
    #[must_use]
    pub fn empty() -> Self {
        Self::default()
    }

    /// Puts credentials in, from the next handshake on.
    pub fn replace(&self, credentials: Credentials) {
        self.current.store(Some(credentials.certified));
    }

    /// What is in it.
    #[must_use]
    pub fn current(&self) -> Option<Credentials> {
        self.current.load_full().map(|certified| Credentials { certified })
    }
}

impl ResolvesClientCert for CredentialsSlot {
    fn resolve(
        &self,
        _authorities: &[&[u8]],
        _schemes: &[SignatureScheme],
    ) -> Option<Arc<CertifiedKey>> {
        // Whatever authorities the server hints at: it may trust ours and name none.
        self.current.load_full()
    }

    fn has_certs(&self) -> bool {
        self.current.load().is_some()
    }
}

impl fmt::Debug for CredentialsSlot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("CredentialsSlot").field(&self.current()).finish()
    }
}

// === impl ServerCredentials ===

impl ServerCredentials {
    /// A server with a certificate of the cluster.
    #[must_use]
    pub const fn new(cluster: CredentialsSlot) -> Self {
        Self { cluster, public: None }
    }

    /// Presents the certificate in `public` to clients that ask for a name it is for.
    #[must_use]
    pub fn with_public(mut self, public: CredentialsSlot) -> Self {
        self.public = Some(public);
        self
    }

    fn choose(&self, asked: Option<&str>) -> Option<Arc<CertifiedKey>> {
        let public = self.public.as_ref().and_then(|slot| slot.current.load_full());
        match (public, asked) {
            (Some(public), Some(name)) if is_for(&public, name) => Some(public),
            (public, _) => self.cluster.current.load_full().or(public),
        }
    }
}

impl ResolvesServerCert for ServerCredentials {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.choose(hello.server_name())
    }
}

fn is_for(certified: &CertifiedKey, name: &str) -> bool {
    let (Some(leaf), Ok(name)) = (certified.cert.first(), ServerName::try_from(name)) else {
        return false;
    };
    check_server_name(leaf, &name).is_ok()
}
